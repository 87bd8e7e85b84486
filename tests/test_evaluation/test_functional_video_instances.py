from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from uninext.evaluation.functional.video_instances import (
    tube_area,
    tube_iou,
    video_instance_metrics,
)
from uninext.formats.rle import encode_mask

SIZE = (20, 24)


def draw_masks(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    masks = np.zeros((num_frames, *SIZE), bool)
    for mask in masks:
        y, x, h, w = rng.integers(1, 12, 4)
        mask[y : y + h, x : x + w] = True
    return masks


def as_tube(masks: np.ndarray) -> list:
    return [encode_mask(mask) if mask.any() else None for mask in masks]


def make_set(num_videos: int = 6, num_frames: int = 1) -> tuple[list, list]:
    rng = np.random.default_rng(3)
    ground_truth, results = [], []
    for video_id in range(1, num_videos + 1):
        for _ in range(3):
            masks = draw_masks(rng, num_frames)
            entry = dict(video_id=video_id, category_id=int(rng.integers(1, 3)))
            crowd = int(rng.random() < 0.2)
            ground_truth.append(
                {**entry, 'segmentations': as_tube(masks), 'iscrowd': crowd}
            )
            shifted = np.roll(masks, rng.integers(0, 3), axis=2)
            for prediction in (shifted, draw_masks(rng, num_frames)):
                tube = as_tube(prediction)
                results.append({**entry, 'segmentations': tube, 'score': rng.random()})
    return ground_truth, results


def test_nothing_annotated_nothing_found():
    assert video_instance_metrics([], [], [1], [1])['AP'] == -1
    ground_truth, results = make_set()
    assert video_instance_metrics(ground_truth, [], [1], [1, 2])['AP'] == 0
    assert video_instance_metrics([], results, [1], [1, 2])['AP'] == -1
    assert tube_iou([], [[None]]).shape == (0, 1)
    assert tube_iou([[None]], [[None]]).tolist() == [[0]]
    assert tube_area([None, None]) == 0


def test_overlap_of_tubes_is_that_of_stacked_masks():
    rng = np.random.default_rng(0)
    results = [draw_masks(rng, 5) for _ in range(3)]
    ground_truth = [draw_masks(rng, 5) for _ in range(4)]
    results[0][1:3] = ground_truth[2][2:] = False
    found = tube_iou([as_tube(r) for r in results], [as_tube(t) for t in ground_truth])
    expected = [[(r & t).sum() / (r | t).sum() for t in ground_truth] for r in results]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert tube_area(as_tube(results[0])) == results[0][[0, 3, 4]].sum() / 3


def test_on_videos_of_one_frame_it_is_the_mask_ap_of_coco():
    ground_truth, results = make_set()
    metrics = video_instance_metrics(ground_truth, results, range(1, 7), [1, 2])
    size = dict(zip(('height', 'width'), SIZE))
    coco_gt, coco_dt = COCO(), COCO()
    for coco, records in ((coco_gt, ground_truth), (coco_dt, results)):
        annotations = []
        for index, record in enumerate(records, start=1):
            rle = record['segmentations'][0]
            area = tube_area([rle])
            entry = dict(id=index, image_id=record['video_id'], segmentation=rle)
            entry.update(area=area, iscrowd=0)
            annotations.append({**record, **entry, 'iscrowd': record.get('iscrowd', 0)})
        images = [dict(id=i, **size) for i in range(1, 7)]
        categories = [dict(id=1), dict(id=2)]
        coco.dataset = dict(
            images=images, categories=categories, annotations=annotations
        )
        with contextlib.redirect_stdout(io.StringIO()):
            coco.createIndex()
    with contextlib.redirect_stdout(io.StringIO()):
        oracle = COCOeval(coco_gt, coco_dt, 'segm')
        # A match with a crowd is by the share of the result there, by IoU in videos.
        oracle.computeIoU = _plain_iou(oracle)
        oracle.evaluate()
        oracle.accumulate()
        oracle.summarize()
    for name, index in (('AP', 0), ('AP50', 1), ('AP75', 2), ('AR1', 6), ('AR100', 8)):
        assert metrics[name] == pytest.approx(oracle.stats[index], abs=1e-12), name
    assert 0 < metrics['AP'] < metrics['AP50'] < 1


def _plain_iou(oracle: COCOeval):
    compute = COCOeval.computeIoU

    def compute_iou(image_id, category_id):
        ground_truth = oracle._gts[image_id, category_id]
        flags = [t['iscrowd'] for t in ground_truth]
        for t in ground_truth:
            t['iscrowd'] = 0
        ious = compute(oracle, image_id, category_id)
        for t, flag in zip(ground_truth, flags):
            t['iscrowd'] = flag
        return ious

    return compute_iou


def test_longer_videos_and_given_areas():
    ground_truth, results = make_set(num_frames=4)
    perfect = [{**t, 'score': 0.5} for t in ground_truth]
    metrics = video_instance_metrics(ground_truth, perfect, range(1, 7), [1, 2])
    assert metrics['AP'] == metrics['APs'] == 1
    assert metrics['APl'] == -1
    large = [{**t, 'areas': [1e6, None]} for t in ground_truth]
    assert video_instance_metrics(large, perfect, range(1, 7), [1, 2])['APs'] == -1


def test_tubes_must_fit_together():
    rle = encode_mask(np.ones(SIZE, bool))
    with pytest.raises(ValueError, match='differ in length'):
        tube_iou([[rle]], [[rle, rle]])
    with pytest.raises(ValueError, match='differ in size'):
        tube_iou([[rle]], [[encode_mask(np.ones((3, 3), bool))]])
