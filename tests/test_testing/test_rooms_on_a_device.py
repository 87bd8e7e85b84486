"""After the network: the inferencer, the video loop, metrics, drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from helpers import equality_objects, equality_tracking
from helpers.loop_on_shapes import UNSURE, by_the_loop
from helpers.session_checks import assert_same
from helpers.work_of_a_device import BOXES, made_frames, shown_masks, small_model
from uninext.apis import Result, UninextInferencer
from uninext.registry import MODELS
from uninext.shapes import generate_suite
from uninext.structures import UninextDataSample
from uninext.testing.pretend_device import DEVICE, PretendDevice
from uninext.visualization import UninextVisualizer

CASES = {**equality_objects.CASES, **equality_tracking.CASES}
CONFIGS = Path(__file__).resolve().parents[2] / 'configs/uninext/eval'


@pytest.mark.slow
@pytest.mark.parametrize(
    'asked',
    [
        dict(categories='cat, dog', expression=['a red cat', 'it'], score_thr=0.0),
        dict(box=BOXES),
        dict(mask=shown_masks()),
    ],
    ids=lambda asked: next(iter(asked)),
)
@pytest.mark.parametrize('as_video', [False, True])
def test_the_inferencer(asked, as_video):
    def ask(device: str) -> list[Result]:
        find = UninextInferencer(small_model(), device=device, scale=None)
        return find(made_frames(2), as_video=as_video, progress=False, **asked)

    expected = ask('cpu')
    with PretendDevice():
        found = ask(str(DEVICE))
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs) > 0
        np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes_xyxy, atol=1e-2)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
        assert ours.prompt_ids.tolist() == theirs.prompt_ids.tolist()


@pytest.mark.slow
@pytest.mark.parametrize('task', ['sot', 'vos', 'mots', 'vis', 'rvos'])
def test_the_video_loop(task, tmp_path):
    generate_suite(tmp_path, (1, 1), (1, 1), (80, 64), 3, report=lambda _: None)

    def run(device: torch.device) -> list[dict]:
        cfg = Config.fromfile(CONFIGS / f'{task}_shapes.py')
        sure = dict(UNSURE)
        if task == 'vis':
            sure['category'] = dict(select_score_thr=0.01, init_score_thr=0.01)
        cfg.merge_from_dict(dict(model=dict(trackers=sure)))
        model = small_model().to(device)
        model.trackers = {k: MODELS.build(v) for k, v in cfg.model.trackers.items()}
        return by_the_loop(cfg, model, tmp_path, (60, 48))

    expected = run(torch.device('cpu'))
    with PretendDevice():
        found = run(DEVICE)
        for ours, theirs in zip(found, expected, strict=True):
            ours = {k: v.cpu() for k, v in ours['pred_instances'].items()}
            one, other = InstanceData(**ours), InstanceData(**theirs['pred_instances'])
            assert_same(one, other, ignore=['masks'], exact=False)


@pytest.mark.parametrize('task', CASES)
def test_metrics(task, tmp_path, monkeypatch):
    """Of predictions of the device: what the files say that they write."""
    process = Evaluator.process

    def process_on_device(self, samples, data_batch=None):
        for sample in samples:
            sample.pred_instances = sample.pred_instances.to(DEVICE)
        process(self, samples, data_batch)

    monkeypatch.setattr(Evaluator, 'process', process_on_device)
    with PretendDevice():
        by_metric, by_files = CASES[task](tmp_path)
    assert by_metric == pytest.approx(by_files, abs=1e-12, nan_ok=True)


def test_drawing():
    sample = UninextDataSample()
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[2.0, 3, 20, 30]]),
        scores=torch.tensor([0.9]),
        labels=torch.tensor([0]),
        masks=torch.ones(1, 40, 50, dtype=torch.bool),
    )
    sample.gt_instances = sample.pred_instances
    visualizer, image = UninextVisualizer(), np.zeros((40, 50, 3), np.uint8)
    visualizer.add_datasample('', image, sample)
    expected = visualizer.get_image()
    with PretendDevice():
        visualizer.add_datasample('', image, sample.to(DEVICE))
    assert np.array_equal(visualizer.get_image(), expected)
