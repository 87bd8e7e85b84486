from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

from uninext.datasets.transforms import KeepVisibleInstances, RandomApplyCrop


def sample(boxes, masks=None, ignored=None):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    results = dict(
        gt_bboxes=HorizontalBoxes(boxes),
        gt_bboxes_labels=np.arange(len(boxes)),
        gt_ignore_flags=np.array(ignored or [False] * len(boxes), dtype=bool),
    )
    if masks is not None:
        results['gt_masks'] = BitmapMasks(masks, 8, 10)
    return results


def bitmap(x1=0, y1=0, x2=0, y2=0):
    mask = np.zeros((8, 10), np.uint8)
    mask[y1:y2, x1:x2] = 1
    return mask


@pytest.mark.parametrize('masks', [None, []], ids=['boxes', 'masks'])
def test_nothing_to_find(masks):
    assert KeepVisibleInstances()(sample([], masks)) is None


@pytest.mark.parametrize('masks', [None, []], ids=['boxes', 'masks'])
def test_what_shows_nothing_by_its_annotations_is_kept(masks):
    kept = KeepVisibleInstances()({**sample([], masks), 'is_empty': True})
    assert len(kept['gt_bboxes']) == len(kept['gt_ignore_flags']) == 0


def test_boxes_follow_masks():
    masks = [bitmap(2, 1, 7, 5), bitmap(), bitmap(9, 7, 10, 8)]
    results = KeepVisibleInstances()(sample([[0, 0, 9, 9]] * 3, masks))
    assert results['gt_bboxes'].tensor.tolist() == [[2, 1, 7, 5], [9, 7, 10, 8]]
    assert results['gt_bboxes_labels'].tolist() == [0, 2]
    assert len(results['gt_masks']) == 2


def test_tiny_boxes_are_dropped():
    boxes = [[0, 0, 1e-6, 5], [0, 0, 5, 5], [3, 3, 5, 3], [1, 1, 1.001, 1.001]]
    results = KeepVisibleInstances()(sample(boxes))
    assert results['gt_bboxes_labels'].tolist() == [1, 3]


@pytest.mark.parametrize('swapped', [False, True])
def test_both_sides_are_longer_than_the_limit(swapped):
    """As in mmdet's ``FilterAnnotations``; the limit itself is not longer."""
    sides = np.float32([[1e-5, 5], [1.01e-5, 5], [0.99e-5, 5], [5, 5]])
    boxes = np.zeros((4, 4), np.float32)
    boxes[:, 2:] = sides[:, ::-1] if swapped else sides
    results = KeepVisibleInstances()(sample(boxes.tolist()))
    assert results['gt_bboxes_labels'].tolist() == [1, 3]


def test_ignored_objects_do_not_count():
    boxes, ignored = [[0, 0, 5, 5]] * 2, [True, True]
    assert KeepVisibleInstances()(sample(boxes, ignored=ignored)) is None
    kept = KeepVisibleInstances()(sample(boxes, ignored=[True, False]))
    assert len(kept['gt_bboxes']) == 2


def mark(results):
    return {**results, 'applied': True}


@pytest.mark.parametrize(('keep_whole', 'expected'), [(False, True), (True, False)])
def test_samples_marked_whole_are_not_cropped(keep_whole, expected):
    transform = RandomApplyCrop([mark], prob=1.0)
    assert transform(dict(keep_whole=keep_whole)).get('applied', False) is expected


def test_crop_probability():
    transform = RandomApplyCrop([mark], prob=0.25)
    applied = sum('applied' in transform({}) for _ in range(2000))
    assert 440 < applied < 560


def test_crop_may_reject_a_sample():
    assert RandomApplyCrop([lambda results: None], prob=1.0)({}) is None
