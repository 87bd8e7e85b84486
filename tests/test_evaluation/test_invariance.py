"""What metrics do not depend on: orders, names of ids, batches, ranks, a mirror.

For every metric that a config names, on the random data of ``test_metric_equals_eval``.
Predictions of an image that have equal scores go by their order; elsewhere no two are
equal.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

from helpers import equality_objects, equality_tracking
from uninext.evaluation import metrics
from uninext.evaluation.metrics.video_metric import video_key
from uninext.formats.rle import decode_segmentation, encode_mask
from uninext.structures import UninextDataSample

CASES = {**equality_objects.CASES, **equality_tracking.CASES}
METRIC_OF = {  # by the first word of a case
    **dict.fromkeys(['det', 'inst'], 'CocoMetric'),
    **dict.fromkeys(['rec', 'res'], 'ReferringMetric'),
    **dict.fromkeys(['mot', 'mot17', 'mot20', 'mots'], 'TrackingMetric'),
    'bdd': 'BDD100KTrackingMetric',
    'sot': 'SOTMetric',
    'vos': 'VOSMetric',
    'rvos': 'ReferringVOSMetric',
    'vis': 'VideoInstanceMetric',
}
TRACKS = [name for name in CASES if 'mot' in name]
OBJECTS = [name for name in CASES if name.startswith('vos')]
# Contours are drawn on one side of an edge: F of a mirror is that of another contour.
# Measured: 3.2e-4 at most, 0 of the metrics without contours but for rounding, 1.2e-8.
WITH_CONTOURS, WITHOUT = 2e-3, 1e-6
Samples = list[UninextDataSample]


class CaughtError(Exception):
    """The metric would run now."""


@dataclass(frozen=True)
class Task:
    """A metric and what it gets; changes make copies."""

    config: dict[str, Any]
    samples: Samples
    classes: Sequence[str]

    def evaluator(self) -> Evaluator:
        evaluator = Evaluator([self.config])
        evaluator.dataset_meta = dict(classes=tuple(self.classes))
        return evaluator

    def values(self, batch_size: int = 1) -> dict[str, float]:
        evaluator = self.evaluator()
        for start in range(0, len(self.samples), batch_size):
            evaluator.process(copy.deepcopy(self.samples[start : start + batch_size]))
        return evaluator.evaluate(len(self.samples))

    def videos(self) -> list[Samples]:
        """Frames of each video; of images each on its own."""
        videos: dict[Any, Samples] = {}
        for number, sample in enumerate(self.samples):
            is_frame = 'video_length' in sample
            key = video_key(sample.to_dict()) if is_frame else number
            videos.setdefault(key, []).append(sample)
        return list(videos.values())

    def changed(self, change: Callable[[UninextDataSample], None]) -> Task:
        samples = copy.deepcopy(self.samples)
        for sample in samples:
            change(sample)
        return replace(self, samples=samples)


def task_of(name: str, folder: Path) -> Task:
    """A case, stopped where its metric would run; it writes no files."""
    caught = []

    def catch(config: dict, samples: Any, classes: Sequence[str]) -> None:
        kept = {k: v for k, v in config.items() if k != 'outfile_prefix'}
        caught.append(Task(kept, list(samples), classes))
        raise CaughtError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(CaughtError):
        for module in (equality_objects, equality_tracking):
            patch.setattr(module, 'run_metric', catch)
        CASES[name](folder)
    (task,) = caught
    assert task.config['type'] == METRIC_OF[name.split('-')[0]]
    rng = np.random.default_rng(0)
    total = sum(len(sample.pred_instances) for sample in task.samples)
    scores = iter(torch.from_numpy((rng.permutation(total) + 1) / (total + 1)).float())

    def tell_apart(sample: UninextDataSample) -> None:
        found = sample.pred_instances
        found.scores = torch.tensor([next(scores) for _ in range(len(found))])

    return task.changed(tell_apart)


@pytest.fixture(scope='module')
def task(request, tmp_path_factory) -> Task:
    init_default_scope('uninext')
    return task_of(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope='module')
def expected(task) -> dict[str, float]:
    """Neither perfect nor nothing."""
    values = task.values()
    assert any(0.01 < value % 1 < 0.99 for value in values.values())
    return values


of_every_metric = pytest.mark.parametrize('task', CASES, indirect=True, scope='module')


def assert_same(found: dict, expected: dict, within: float = 1e-12) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=within, nan_ok=True), name


def test_no_metric_is_left_out():
    """But the one that hands its samples to others, and the base of those of videos."""
    ours = {*metrics.__all__} - {'AveragedSetsMetric', 'VideoMetric'}
    assert {*METRIC_OF.values()} == ours | {'CocoMetric'}
    assert {name.split('-')[0] for name in CASES} == METRIC_OF.keys()


@of_every_metric
def test_images_batches_and_ranks(task):
    """Whatever scores are equal."""

    def tie(sample: UninextDataSample) -> None:
        sample.pred_instances.scores = (sample.pred_instances.scores * 4).ceil() / 4
        for one in sample.get('video_instances', []):
            one['score'] = round(one['score'] * 3) / 3

    tied = task.changed(tie)
    expected, videos = tied.values(), tied.videos()
    backwards = replace(tied, samples=[*chain(*reversed(videos))])
    assert_same(backwards.values(batch_size=5), expected)
    of_ranks = []
    for rank in range(2):
        evaluator = tied.evaluator()
        evaluator.process(copy.deepcopy([*chain(*videos[rank::2])]))
        of_ranks += evaluator.metrics
    first, second = (metric.results for metric in of_ranks)
    gathered = [r for pair in zip_longest(first, second) for r in pair if r is not None]
    of_ranks[0].results = gathered
    assert_same(of_ranks[0].evaluate(len(task.samples)), expected)


@of_every_metric
def test_order_of_predictions(task, expected):
    rng = np.random.default_rng(1)

    def shuffle(sample: UninextDataSample) -> None:
        order = torch.from_numpy(rng.permutation(len(sample.pred_instances)))
        sample.pred_instances = sample.pred_instances[order]
        if 'video_instances' in sample:
            rng.shuffle(sample.video_instances)

    assert_same(task.changed(shuffle).values(), expected)


@pytest.mark.parametrize('task', TRACKS, indirect=True, scope='module')
def test_names_of_tracks(task, expected):
    def rename(sample: UninextDataSample) -> None:
        sample.pred_instances.instances_ids = 1000 - sample.pred_instances.instances_ids

    assert_same(task.changed(rename).values(), expected)


@pytest.mark.parametrize('task', OBJECTS, indirect=True, scope='module')
def test_names_of_objects_on_both_sides(task, expected):
    def rename(sample: UninextDataSample) -> None:
        sample.pred_instances.instances_ids = 4 - sample.pred_instances.instances_ids
        for target in sample.instances:
            target['instance_id'] = 4 - target['instance_id']

    assert_same(task.changed(rename).values(), expected)


@of_every_metric
def test_a_mirror(task, expected, tmp_path):
    width = task.samples[0].ori_shape[1]

    def mirrored_rle(rle: Any) -> Any:
        if rle is None:
            return None
        return encode_mask(decode_segmentation(rle, *rle['size'])[:, ::-1])

    def mirror(sample: UninextDataSample) -> None:
        found = sample.pred_instances
        x1, y1, x2, y2 = found.bboxes.unbind(1)
        found.bboxes = torch.stack([width - x2, y1, width - x1, y2], 1)
        if 'masks' in found:
            found.masks = found.masks.flip(2)
        for target in sample.get('instances', []):
            x1, y1, x2, y2 = target['bbox']
            target['bbox'] = [width - x2, y1, width - x1, y2]
            if 'mask' in target:
                target['mask'] = mirrored_rle(target['mask'])
        for one in sample.get('video_instances', []):
            one['segmentations'] = [mirrored_rle(rle) for rle in one['segmentations']]

    other = task.changed(mirror)
    if 'ann_file' in task.config:
        content = json.loads(Path(task.config['ann_file']).read_text())
        for one in content['annotations']:
            if 'bbox' in one:
                x, y, w, h = one['bbox']
                one['bbox'] = [width - x - w, y, w, h]
                one['segmentation'] = mirrored_rle(one['segmentation'])
            else:
                one['segmentations'] = [
                    mirrored_rle(rle) for rle in one['segmentations']
                ]
        path = tmp_path / 'mirrored.json'
        path.write_text(json.dumps(content))
        other = replace(other, config={**task.config, 'ann_file': str(path)})
    with_contours = task.config['type'] in ('VOSMetric', 'ReferringVOSMetric')
    assert_same(other.values(), expected, WITH_CONTOURS if with_contours else WITHOUT)
