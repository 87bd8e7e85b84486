"""What ``tools/test.py`` hands to the metrics is what a session of a user finds.

The videos are generated, the network is random, the configs are those of the Shapes
suite. The user's side reads frames and prompts by itself, from the files.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from pycocotools.mask import decode

from helpers.loop_on_shapes import UNSURE, by_the_loop, content_of, prompts_at
from helpers.small_uninext import build, small_video_config
from uninext.models.detectors import UNINEXTVideo
from uninext.models.trackers import VideoSession
from uninext.registry import MODELS
from uninext.shapes import generate_suite

ROOT = Path(__file__).resolve().parents[2]
SIZE_WH, SCALE, LENGTH = (80, 64), (60, 48), 3
TASKS = ('sot', 'vos', 'mot', 'mots', 'vis', 'rvos')
UNSURE_VIS = dict(
    UNSURE,
    category=dict(
        select_score_thr=0.01,
        init_score_thr=0.01,
        addnew_score_thr=0.01,
        result_score_thr=0.01,
    ),
)


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
    trackers = UNSURE_VIS if task == 'vis' else UNSURE
    cfg.merge_from_dict(dict(model=dict(trackers=trackers)))
    return cfg


def model_of(cfg: Config, network: UNINEXTVideo) -> UNINEXTVideo:
    """The network with the trackers of the task's config."""
    model = copy.copy(network)
    model.trackers = {k: MODELS.build(v) for k, v in cfg.model.trackers.items()}
    return model


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
        events += result.track_updates
    return frames, named, session, events + session.finish()


def assert_equal(evaluated: dict, found: InstanceData, ids: torch.Tensor) -> None:
    pred = evaluated['pred_instances']
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
    evaluated = by_the_loop(cfg, model, root, SCALE)
    frames, named, session, events = by_a_session(task, model, root)
    assert sum(map(len, frames)) >= LENGTH
    assert all(('masks' in found) is (task not in ('sot', 'mot')) for found in frames)
    if task == 'rvos':
        assert len(evaluated) == LENGTH * len(named) > LENGTH
        for number, sample in enumerate(evaluated):
            found = frames[sample['frame_id']]
            prompt_id = number % len(named)
            assert sample['exp_id'] == named[prompt_id]
            mine = found[found.prompt_ids == prompt_id]
            ground_truth = {t['instance_id'] for t in sample['instances']}
            assert len(ground_truth) <= 1
            ids = sample['pred_instances']['instances_ids']
            assert_equal(sample, mine, ids)
        return
    assert len(evaluated) == LENGTH
    for sample, found in zip(evaluated, frames):
        ids = found.instances_ids.clone()
        for prompt_id, name in named.items():
            if name is not None:
                ids[found.prompt_ids == prompt_id] = name
        assert_equal(sample, found, ids)
    if task == 'vis':
        assert_same_videos(evaluated[-1]['video_instances'], frames, events)


def assert_same_videos(
    evaluated: list[dict], frames: list[InstanceData], events: list
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
        results = event.results
        expected += zip(
            results.instances_id.tolist(),
            results.scores.tolist(),
            results.labels.tolist(),
        )
    assert len(expected) == len(evaluated) > 0
    for (track, score, label), result in zip(expected, evaluated):
        assert (score, label) == (result['score'], result['label'])
        for index, rle in enumerate(result['segmentations']):
            mask = masks[track].get(index)
            assert (rle is None) == (mask is None)
            if rle is not None:
                assert torch.equal(torch.from_numpy(decode(rle)) > 0, mask)
