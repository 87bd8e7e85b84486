from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh

from uninext.models.predictors import (
    Candidates,
    InstancePredictor,
    RowOutputs,
    mask_resizing,
    row_outputs,
)

EYE = torch.eye(3).bool()


def select(predictor=None, score_thr=0.0, **kwargs) -> Candidates:
    given = dict(
        logits=torch.randn(5, 3),
        ious=torch.randn(5, 1),
        boxes_cxcywh=torch.rand(5, 4) * 0.1 + 0.4,
        positive_map=EYE,
        query=torch.randn(5, 4),
        centres_xy=torch.rand(5, 2),
        label_offset=0,
    )
    predictor = predictor or InstancePredictor(nms_iou_threshold=1.0)
    return predictor.select(RowOutputs(**{**given, **kwargs}), score_thr)


def candidates(boxes, scores=None, labels=None, mask_feat=None) -> Candidates:
    """All queries of a row, best first; the hidden state is the number of the query."""
    boxes = torch.tensor(boxes).view(-1, 4).float()
    num = len(boxes)
    found = RowOutputs(
        logits=torch.zeros(num, 1),
        ious=None,
        boxes_cxcywh=bbox_xyxy_to_cxcywh(boxes),
        positive_map=torch.ones(1, 1).bool(),
        query=torch.arange(num).float()[:, None],
        centres_xy=torch.full((num, 2), 0.5),
        mask_feat=mask_feat,
    )
    return Candidates(
        found=found,
        queries=torch.arange(num),
        scores=torch.linspace(0.9, 0.1, num) if scores is None else scores,
        labels=torch.zeros(num, dtype=torch.long) if labels is None else labels,
        boxes_xyxy=boxes,
    )


def report(parts, predictor=None, mask_head=None, **kwargs):
    given = dict(img_size_hw=(8, 8), out_size_hw=(20, 40))
    return (predictor or InstancePredictor()).report(
        parts, mask_head=mask_head, **{**given, **kwargs}
    )


def test_nothing_found():
    results = report([candidates([])])
    assert results.bboxes.shape == (0, 4)
    assert len(results.scores) == len(results.labels) == 0
    masked = report([candidates([])], mask_head=torch.nn.Identity())
    assert masked.masks.shape == (0, 20, 40)
    assert masked.masks.dtype == torch.bool


def test_no_query():
    found = select(
        logits=torch.zeros(0, 3), ious=None, boxes_cxcywh=torch.zeros(0, 4),
        query=torch.zeros(0, 4), centres_xy=torch.zeros(0, 2),
    )  # fmt: skip
    assert len(found.queries) == 0


@pytest.mark.parametrize('threshold', [0.0, 1.0, -1, 2])
def test_mask_threshold_is_a_probability(threshold):
    with pytest.raises(ValueError, match='mask_threshold'):
        InstancePredictor(mask_threshold=threshold)


def test_a_query_is_reported_under_several_names():
    logits = torch.full((5, 3), -9.0)
    logits[2] = torch.tensor([2.0, 3.0, 1.0])
    three = InstancePredictor(max_per_img=3, nms_iou_threshold=1.0)
    found = select(three, logits=logits, ious=None, label_offset=10)
    assert found.labels.tolist() == [11, 10, 12]
    assert found.queries.tolist() == [2] * 3


def test_duplicates_go_unless_their_best_names_differ():
    boxes = torch.tensor([[0.5, 0.5, 0.2, 0.2]]).expand(3, 4)
    logits = torch.tensor([[3.0, 0, 0], [5.0, 0, 0], [0, 4.0, 0]])
    found = select(
        InstancePredictor(nms_iou_threshold=0.7, max_per_img=2),
        logits=logits, ious=None, boxes_cxcywh=boxes, query=torch.rand(3, 1),
        centres_xy=torch.rand(3, 2),
    )  # fmt: skip
    assert found.queries.tolist() == [1, 2]
    assert found.labels.tolist() == [0, 1]


def test_limit_and_threshold():
    four = InstancePredictor(max_per_img=4, nms_iou_threshold=1.0)
    assert len(select(four).queries) == 4
    assert len(select(pooled=True).queries) == 1
    found = select(
        InstancePredictor(score_threshold=0.5, nms_iou_threshold=1.0),
        logits=torch.tensor([[1.0, -1, 0]]).expand(5, 3),
        ious=None,
    )
    assert sorted(set(found.labels.tolist())) == [0, 2]
    assert found.scores.min() == 0.5


@pytest.mark.parametrize('pooled', [True, False])
def test_a_threshold_of_the_call_is_for_lists_of_names(pooled):
    predictor = InstancePredictor(
        score_threshold=0.3, nms_iou_threshold=1.0, max_per_expression=9
    )
    logits = torch.tensor([[-1.0], [0.5], [2.0]])
    given = dict(
        logits=logits, ious=None, positive_map=torch.ones(1, 1).bool(),
        boxes_cxcywh=torch.rand(3, 4), pooled=pooled,
    )  # fmt: skip
    assert len(select(predictor, 0.2, **given).queries) == 2
    assert len(select(predictor, 0.7, **given).queries) == (2 if pooled else 1)


def test_boxes_are_clipped_and_empty_ones_dropped():
    boxes = [
        [-0.5, 0.25, 0.5, 1.5],  # sticks out left and below
        [-0.4, 0.0, -0.1, 1.0],  # left of the image
        [0.0, 1.0, 0.5, 1.2],  # below
        [0.3, 0.3, 0.3, 0.6],  # no width
        [0.25, 0.5, 0.75, 1.0],
    ]
    results = report([candidates(boxes)])
    expected = [[0, 5, 20, 20], [10, 10, 30, 20]]
    assert results.bboxes.tolist() == expected
    torch.testing.assert_close(results.scores, torch.tensor([0.9, 0.1]))


def test_parts_are_merged_best_first():
    box = [0.0, 0.0, 1.0, 1.0]
    first = candidates([box] * 2, torch.tensor([0.9, 0.2]), torch.tensor([3, 0]))
    second = candidates([box] * 2, torch.tensor([0.5, 0.1]), torch.tensor([7, 8]))
    results = report([first, second], InstancePredictor(max_per_img=3))
    assert results.labels.tolist() == [3, 7, 0]
    torch.testing.assert_close(results.scores, torch.tensor([0.9, 0.5, 0.2]))


def upscale(logits: np.ndarray) -> np.ndarray:
    """Four times as large, linear between cell centres, constant outside."""
    for axis in (0, 1):
        size = logits.shape[axis]
        places = (np.arange(size * 4) + 0.5) / 4 - 0.5
        logits = np.apply_along_axis(
            lambda row, size=size, places=places: np.interp(
                places, np.arange(size), row
            ),
            axis,
            logits,
        )
    return logits


@pytest.mark.parametrize('out_size', [(7, 6), (14, 9), (3, 5), (7, 12)])
def test_masks_are_resized_as_published(out_size):
    """Logits by 4, threshold, crop to the image, nearest to the output."""
    logits = torch.randn(2, 2, 3)
    results = report(
        [candidates([[0.0, 0.0, 1.0, 1.0]] * 2)],
        InstancePredictor(mask_threshold=0.6),
        mask_head=lambda query, centres, feat: logits[query[:, 0].long()],
        img_size_hw=(7, 6),
        out_size_hw=out_size,
    )
    ys = np.arange(out_size[0]) * 7 // out_size[0]
    xs = np.arange(out_size[1]) * 6 // out_size[1]
    for given, mask in zip(logits.double().numpy(), results.masks.numpy()):
        inside = 1 / (1 + np.exp(-upscale(given)[:7, :6])) > 0.6
        np.testing.assert_array_equal(mask, inside[ys][:, xs])


def fake_head(query, centres_xy, mask_feat):
    """Masks that tell which features and centres they were made of."""
    return mask_feat.expand(len(query), 2, 2) * centres_xy[:, :1, None]


def test_masks_are_made_of_the_features_of_their_row():
    box, feat = [0.0, 0, 1, 1], torch.ones(1, 1)
    parts = [
        candidates([box] * 2, torch.tensor([0.9, 0.3]), mask_feat=feat),
        candidates([box], torch.tensor([0.6]), mask_feat=-feat),
    ]
    results = report(parts, mask_head=fake_head)
    assert results.masks.flatten(1).all(1).tolist() == [True, False, True]
    assert results.masks.flatten(1).any(1).tolist() == [True, False, True]


def test_centres_are_given_in_pixels():
    seen = []

    def head(query, centres_xy, mask_feat):
        seen.append(centres_xy)
        return torch.zeros(len(query), 2, 4)

    report(
        [candidates([[0.0, 0, 1, 1]])],
        mask_head=head,
        img_size_hw=(8, 16),
    )
    assert seen[0].tolist() == [[8.0, 4.0]]


def test_large_masks_are_made_a_few_at_a_time(monkeypatch):
    calls = []

    def head(query, centres_xy, mask_feat):
        calls.append(len(query))
        return torch.sin(query[:, :, None] + torch.arange(4.0).view(2, 2))

    part = candidates([[0.0, 0, 1, 1]] * 5)
    at_once = report([part], mask_head=head).masks
    monkeypatch.setattr(mask_resizing, 'MAX_MASK_PIXELS', 20 * 40)
    monkeypatch.setattr(row_outputs, 'MASKS_AT_ONCE', 2)
    assert torch.equal(report([part], mask_head=head).masks, at_once)
    assert calls == [5, 2, 2, 1]
