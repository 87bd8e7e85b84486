"""Thresholds, areas and counts of the benchmarks, as their toolkits have them."""

from __future__ import annotations

import inspect
from dataclasses import asdict

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from uninext.evaluation import metrics
from uninext.evaluation.evaluators import tracks
from uninext.evaluation.evaluators.bdd100k import BDD100KTracksEvaluator
from uninext.evaluation.evaluators.video_instances import Instance
from uninext.evaluation.functional import (
    bdd100k_tracking,
    coco,
    referring,
    single_object,
    tracking,
    video_instances,
    video_objects,
)
from uninext.evaluation.functional.single_object import RULES, SingleObjectRules
from uninext.evaluation.result_files import confusion
from uninext.evaluation.result_files import single_object as single_object_files
from uninext.evaluation.result_files.bdd100k import evaluate_bdd_mot

OTB = dict(
    num_thresholds=21,
    with_first_frame=True,
    absent_is_miss=True,
    pools_frames=False,
    repeats_empty=False,
    clips_to_frame=False,
    counts_errors=True,
)
GOT10K = dict(
    num_thresholds=101,
    with_first_frame=False,
    absent_is_miss=False,
    pools_frames=True,
    clips_to_frame=True,
    counts_errors=False,
)
TOOLKITS = {
    'otb': OTB,
    'lasot': OTB | dict(repeats_empty=True, counts_errors=False),
    'got10k': OTB | GOT10K,
    'otb101': OTB | dict(num_thresholds=101, absent_is_miss=False, counts_errors=False),
}


def default(function: object, name: str) -> object:
    return inspect.signature(function).parameters[name].default


@pytest.mark.parametrize('name', RULES)
def test_rules_of_single_objects(name: str):
    assert asdict(RULES[name]) == TOOLKITS[name]
    assert not SingleObjectRules().counts_errors
    assert default(metrics.SOTMetric, 'rules') == 'lasot'


def test_precision_of_single_objects():
    """20 pixels, or a fifth of the target's sides: that far counts still."""
    assert single_object.PRECISION_PIXELS == 20
    assert single_object.NORM_PRECISION_THRESHOLD == 0.2


def test_what_files_of_single_objects_say():
    """LaSOT and GOT-10k mark frames without the target; ``cover.label`` is 0 there."""
    expected = {'full_occlusion.txt': False, 'out_of_view.txt': False}
    expected |= {'absence.label': False, 'cover.label': True}
    assert expected == single_object_files.VISIBLE_FILES


def test_coco():
    kinds = inspect.signature(coco.coco_evaluation).parameters
    assert coco.MAX_DETS == kinds['max_dets'].default == (1, 10, 100)
    assert default(coco.accumulated, 'max_dets') == (1, 10, 100)
    assert default(video_instances.video_instance_metrics, 'max_dets') == (1, 10, 100)


def test_the_twelve_means_of_coco():
    rng = np.random.default_rng(0)
    images = [dict(id=i, width=400, height=400) for i in range(4)]
    sides = np.exp(rng.uniform(np.log(16), np.log(200), (40, 2)))
    boxes = np.hstack([rng.uniform(0, 200, (40, 2)), sides])
    objects = [
        dict(id=i + 1, image_id=i % 4, category_id=i % 3, iscrowd=0, area=w * h)
        | dict(bbox=[x, y, w, h])
        for i, (x, y, w, h) in enumerate(boxes.tolist())
    ]
    results = [
        dict(image_id=o['image_id'], category_id=o['category_id'], score=rng.random())
        | dict(bbox=(np.array(o['bbox']) * rng.uniform(0.8, 1.2, 4)).tolist())
        for o in objects
        for _ in range(3)
    ]
    content = dict(images=images, annotations=objects)
    content['categories'] = [dict(id=i, name=str(i)) for i in range(3)]
    found = coco.coco_metrics(coco.coco_evaluation(content, results, 'bbox'))
    annotated = COCO()
    annotated.dataset = content
    annotated.createIndex()
    toolkit = COCOeval(annotated, annotated.loadRes(results), 'bbox')
    toolkit.evaluate()
    toolkit.accumulate()
    toolkit.summarize()
    assert len(set(toolkit.stats)) == 12, 'no mean stands for another'
    assert list(found.values()) == pytest.approx(toolkit.stats.tolist())
    names = 'AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl'
    assert ' '.join(found) == names


def test_video_instances():
    """Of ytvoseval.py: 128 and 256 squared, where COCO has 32 and 96."""
    edges = [0, 128**2, 256**2, 1e10]
    ranges = video_instances.AREA_RANGES
    assert ranges == ((0, 1e10), *zip(edges, edges[1:]))


def test_video_objects():
    assert (video_objects.BOUND_TH, video_objects.RECALL_TH) == (0.008, 0.5)
    assert video_objects.NUM_DECAY_BINS == 4
    assert default(metrics.VOSMetric, 'frames') == 'inner'


def test_referring():
    assert referring.PRECISION_THRESHOLDS == (0.5, 0.6, 0.7, 0.8, 0.9)
    assert default(referring.summarize_overlaps, 'thresholds') == (
        referring.PRECISION_THRESHOLDS
    )
    assert default(metrics.ReferringVOSMetric, 'merged') is False


def test_tracks():
    assert tracking.SIMILARITY_TH == 0.5
    assert tuple(tracks.MOT_CLASSES) == tuple(range(1, 14))
    assert (tracks.MOTS_PEDESTRIAN, tracks.MOTS_IGNORED) == (2, 10)
    assert (bdd100k_tracking.IOU_THR, bdd100k_tracking.IOF_THR) == (0.5, 0.5)
    assert bdd100k_tracking.MOSTLY_TRACKED == 0.8
    assert bdd100k_tracking.MOSTLY_LOST == 0.2
    assert default(metrics.TrackingMetric, 'similarity') == 'bbox'
    assert default(metrics.TrackingMetric, 'protocol') == 'plain'
    for part in (BDD100KTracksEvaluator, evaluate_bdd_mot):
        assert default(part, 'single_precision') is False
    assert default(BDD100KTracksEvaluator, 'with_masks') is False
    assert not any(vars(bdd100k_tracking.ClearCounts()).values())


def test_values_do_not_change():
    for value in (SingleObjectRules, tracks.TrackingProtocol, Instance):
        assert value.__dataclass_params__.frozen


def test_confusions():
    assert default(confusion.coco_confusion, 'iou_thr') == 0.5
    assert default(confusion.coco_confusion, 'kind') == 'bbox'
