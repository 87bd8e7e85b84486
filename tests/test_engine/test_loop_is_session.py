"""What ``tools/test.py`` hands to the metrics is what a session of a user finds.

The videos are generated, the network is random, the configs are those of the Shapes
suite. The user's side reads frames and prompts by itself, from the files.
"""

from __future__ import annotations

import copy
import json
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.structures import InstanceData
from pycocotools.mask import decode
from torch.utils.data import DataLoader

from uninext.datasets.samplers import WholeVideoSampler
from uninext.engine import VideoTestLoop
from uninext.models.detectors import UNINEXTVideo
from uninext.models.sessions import VideoSession
from uninext.registry import DATASETS, MODELS
from uninext.shapes import generate_suite

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tests/test_models/test_detectors'))

from small_uninext import SIDE, build, small_video_config  # noqa: E402

SIZE_WH, SCALE, LENGTH = (80, 64), (60, 48), 3
TASKS = ('sot', 'vos', 'mot', 'mots', 'vis', 'rvos')
# random weights are never sure of anything
UNSURE = dict(
    names=dict(
        select_score_thr=0.01,
        tracker=dict(
            type='PromptQuasiDenseTracker', init_score_thr=0.01, obj_score_thr=0.01
        ),
    ),
    box=dict(template_size=SIDE, update=dict(interval=2, min_score=0.0)),
    mask=dict(template_size=SIDE, update=dict(min_score=0.0)),
)
UNSURE_VIS = dict(
    UNSURE,
    names=dict(
        select_score_thr=0.01,
        tracker=dict(
            type='VideoInstanceTracker',
            init_score_thr=0.01,
            addnew_score_thr=0.01,
            result_score_thr=0.01,
        ),
    ),
)


class Keeper(BaseMetric):
    """A metric that judges nothing and keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[dict] = []

    def process(self, data_batch: Any, data_samples: list[dict]) -> None:
        self.samples += data_samples
        self.results += [0] * len(data_samples)

    def compute_metrics(self, results: list) -> dict:
        return {'count': len(results)}


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One video of each kind."""
    folder = tmp_path_factory.mktemp('shapes')
    generate_suite(folder, (1, 1), (1, 1), SIZE_WH, LENGTH, report=lambda _: None)
    return folder


@pytest.fixture(scope='module')
def network() -> UNINEXTVideo:
    torch.manual_seed(0)
    return build(small_video_config()).eval()


def config_of(task: str) -> Config:
    cfg = Config.fromfile(ROOT / f'configs/uninext/eval/{task}_shapes.py')
    followers = UNSURE_VIS if task == 'vis' else UNSURE
    cfg.merge_from_dict(dict(model=dict(followers=followers)))
    return cfg


def model_of(cfg: Config, network: UNINEXTVideo) -> UNINEXTVideo:
    """The network with the followers and the predictor of the task's config."""
    model = copy.deepcopy(network)
    model.followers = {k: MODELS.build(v) for k, v in cfg.model.followers.items()}
    model.predictor.with_masks = cfg.model.predictor.get('with_masks', True)
    return model


def by_the_loop(cfg: Config, model: UNINEXTVideo, root: Path) -> list[dict]:
    """The samples that the metric of ``tools/test.py`` gets."""
    dataset = cfg.test_dataloader.dataset
    dataset.data_root = f'{root}/'
    (resize,) = [step for step in dataset.pipeline if step.type == 'Resize']
    resize.scale = SCALE
    dataset = DATASETS.build(dataset)
    loader = DataLoader(
        dataset,
        batch_size=1,
        sampler=WholeVideoSampler(dataset),
        collate_fn=pseudo_collate,
    )
    runner = SimpleNamespace(
        model=model,
        call_hook=lambda *args, **kwargs: None,
        visualizer=SimpleNamespace(),
    )
    keeper = Keeper()
    VideoTestLoop(runner, loader, Evaluator(keeper)).run()
    return keeper.samples


def content_of(task: str, root: Path) -> dict:
    file = {'rvos': 'refs', 'mots': 'mot'}.get(task, task)
    return json.loads((root / f'{file}_val.json').read_text())


def prompts_at(task: str, content: dict, index: int) -> list[tuple[Any, dict]]:
    """Name in the evaluation, and arguments of ``add``, of what is new in a frame."""
    if task in ('mot', 'mots', 'vis'):
        names = [category['name'] for category in content['categories']]
        return [(None, dict(names=names))] if index == 0 else []
    if task == 'rvos':
        ids = [i for record in content['videos'] for i in record['exp_id']]
        texts = [t for record in content['videos'] for t in record['expressions']]
        return [(i, dict(sentence=t)) for i, t in zip(ids, texts) if index == 0]
    new = []
    for one in content['annotations']:
        if [i for i, box in enumerate(one['bboxes']) if box][:1] != [index]:
            continue
        x, y, width, height = one['bboxes'][index]
        if task == 'sot':
            new.append((one['object_id'], dict(box=[x, y, x + width, y + height])))
        else:
            rle = one['segmentations'][index]
            new.append((one['object_id'], dict(mask=decode(rle).astype(bool))))
    return new


def by_a_session(
    task: str, model: UNINEXTVideo, root: Path
) -> tuple[list[InstanceData], dict[int, Any], VideoSession, list]:
    """Instances of each frame, prompts by name, the session, its events."""
    content = content_of(task, root)
    session = model.open(scale=SCALE)
    frames, named, events = [], {}, []
    for index, file in enumerate(content['videos'][0]['file_names']):
        for name, prompt in prompts_at(task, content, index):
            (prompt_id,) = session.add(**prompt)
            named[prompt_id] = name
        result = session.step(cv2.imread(str(root / 'videos/val' / file)))
        frames.append(result.pred_instances)
        events += result.track_events
    return frames, named, session, events + session.finish()


def assert_equal(judged: dict, found: InstanceData, ids: torch.Tensor) -> None:
    pred = judged['pred_instances']
    assert torch.equal(pred['instances_ids'], ids)
    for key in ('bboxes', 'scores', 'labels', 'prompt_ids', 'masks'):
        assert (key in pred) == (key in found)
        if key in pred:
            assert torch.equal(pred[key], found[key]), key


@pytest.mark.slow
@pytest.mark.parametrize('task', TASKS)
def test_the_metric_gets_what_a_session_finds(
    task: str, network: UNINEXTVideo, root: Path
) -> None:
    cfg = config_of(task)
    model = model_of(cfg, network)
    judged = by_the_loop(cfg, model, root)
    frames, named, session, events = by_a_session(task, model, root)
    assert sum(map(len, frames)) >= LENGTH
    assert all(('masks' in found) is (task not in ('sot', 'mot')) for found in frames)
    if task == 'rvos':
        assert len(judged) == LENGTH * len(named) > LENGTH
        for number, sample in enumerate(judged):
            found = frames[sample['frame_id']]
            prompt_id = number % len(named)
            assert sample['exp_id'] == named[prompt_id]
            mine = found[found.prompt_ids == prompt_id]
            truth = {t['instance_id'] for t in sample['instances']}
            assert len(truth) <= 1
            ids = sample['pred_instances']['instances_ids']
            assert_equal(sample, mine, ids)
        return
    assert len(judged) == LENGTH
    for sample, found in zip(judged, frames):
        ids = found.instances_ids.clone()
        for prompt_id, name in named.items():
            if name is not None:
                ids[found.prompt_ids == prompt_id] = name
        assert_equal(sample, found, ids)
    if task == 'vis':
        assert_same_videos(judged[-1]['video_instances'], frames, session, events)


def assert_same_videos(
    judged: list[dict], frames: list[InstanceData], session: VideoSession, events: list
) -> None:
    """Tracks of the whole video, put together from what ``step`` returned."""
    masks: dict[int, dict[int, torch.Tensor]] = defaultdict(dict)
    for index, found in enumerate(frames):
        for track, mask in zip(found.instances_ids.tolist(), found.masks):
            masks[track][index] = mask
    expected = []
    for event in events:
        for track in event.discarded.tolist():
            masks.pop(track, None)
        results = session.video_results(event)
        expected += zip(
            results.instances_id.tolist(),
            results.scores.tolist(),
            results.labels.tolist(),
        )
    assert len(expected) == len(judged) > 0
    for (track, score, label), result in zip(expected, judged):
        assert (score, label) == (result['score'], result['label'])
        for index, rle in enumerate(result['segmentations']):
            mask = masks[track].get(index)
            assert (rle is None) == (mask is None)
            if rle is not None:
                assert torch.equal(torch.from_numpy(decode(rle)) > 0, mask)
