"""AveragedSetsMetric: sets evaluated by themselves, metrics averaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from uninext.evaluation import AveragedSetsMetric
from uninext.formats.rle import encode_mask
from uninext.registry import METRICS
from uninext.structures import UninextDataSample

SETS = ['one', 'two']
METRIC = dict(type='ReferringVOSMetric', merged=True)


def square(offset: int = 0) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[4:12, 4 + offset : 12 + offset] = True
    return mask


def frame_of(set_name: str | None, index: int, offset: int) -> UninextDataSample:
    """The same video and expression in every set; only the prediction differs."""
    sample = UninextDataSample(
        metainfo=dict(
            set_name=set_name,
            video_id=1,
            video_name='dog',
            frame_id=index,
            video_length=3,
            ori_shape=(20, 30),
            img_path=f'dog/{index:05d}.jpg',
            exp_id='1',
            expression='a dog',
            instances=[
                dict(
                    bbox=[4, 4, 12, 12],
                    bbox_label=0,
                    ignore_flag=0,
                    instance_id=1,
                    mask=encode_mask(square()),
                )
            ],
        )
    )
    sample.pred_instances = InstanceData(
        masks=torch.from_numpy(square(offset))[None], scores=torch.ones(1)
    )
    return sample


def evaluate(metric: dict, frames: list[UninextDataSample]) -> dict[str, float]:
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=('object',))
    for frame in frames:
        evaluator.process([frame])
    return evaluator.evaluate(len(frames))


@pytest.mark.parametrize('sets', [[], ['one', 'one']], ids=['none', 'twice'])
def test_sets_must_differ(sets):
    with pytest.raises(ValueError, match='sets must be different names'):
        AveragedSetsMetric(sets, METRIC)


@pytest.mark.parametrize('name', [None, 'three'])
def test_strangers(name):
    metric = AveragedSetsMetric(SETS, METRIC)
    with pytest.raises(ValueError, match=f'set {name!r}; .*set_name'):
        metric.process(None, [frame_of(name, 0, 0).to_dict()])


def test_metrics_are_those_of_each_set_and_their_mean():
    frames = {s: [frame_of(s, i, o) for i in range(3)] for s, o in zip(SETS, (0, 4))}
    alone = {name: evaluate(dict(METRIC), frames[name]) for name in SETS}
    both = evaluate(
        dict(type='AveragedSetsMetric', sets=SETS, metric=METRIC),
        frames['one'] + frames['two'],
    )
    assert alone['one']['rvos/J_mean'] == 1
    assert alone['two']['rvos/J_mean'] == pytest.approx(1 / 3)
    assert both['rvos/J_mean'] == pytest.approx(2 / 3)
    for key in alone['one']:
        mean = (alone['one'][key] + alone['two'][key]) / 2
        assert both[key] == pytest.approx(mean)
        assert both[f'one/{key}'] == alone['one'][key]
        assert both[f'two/{key}'] == alone['two'][key]
    assert len(both) == 3 * len(alone['one'])


def test_files_of_sets_are_kept_apart(tmp_path):
    prefix = str(tmp_path / 'out')
    cfg = dict(
        type='AveragedSetsMetric',
        sets=SETS,
        metric=dict(METRIC, outfile_prefix=prefix, format_only=True),
    )
    frames = [frame_of(name, i, 0) for name in SETS for i in range(3)]
    assert evaluate(cfg, frames) == {}
    for name in SETS:
        assert (tmp_path / f'out/{name}/Annotations/dog/00002.png').is_file()
    assert cfg['metric']['outfile_prefix'] == prefix  # the config is as it was


def test_metrics_know_the_data_set():
    metric = METRICS.build(dict(type='AveragedSetsMetric', sets=SETS, metric=METRIC))
    metric.dataset_meta = dict(classes=('object',))
    assert metric.dataset_meta == dict(classes=('object',))
    assert metric.metrics['two'].dataset_meta == dict(classes=('object',))
