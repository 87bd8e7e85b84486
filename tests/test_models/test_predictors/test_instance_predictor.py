from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.predictors import (
    Candidates,
    InstancePredictor,
    RowOutputs,
    instance_predictor,
    mask_resizing,
)
from uninext.registry import MODELS

EYE = torch.eye(3).bool()


def retrieve(predictor=None, row=0, limit=100, **kwargs) -> Candidates:
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
    return predictor.retrieve(RowOutputs(**{**given, **kwargs}), row, limit)


def candidates(boxes, scores=None, labels=None, rows=None) -> Candidates:
    boxes = torch.tensor(boxes).view(-1, 4).float()
    num = len(boxes)
    return Candidates(
        boxes_xyxy=boxes,
        scores=torch.linspace(0.9, 0.1, num) if scores is None else scores,
        labels=torch.zeros(num, dtype=torch.long) if labels is None else labels,
        query=torch.arange(num).float()[:, None],
        centres_xy=torch.full((num, 2), 0.5),
        rows=torch.zeros(num, dtype=torch.long) if rows is None else rows,
    )


def finish(parts, predictor=None, mask_head=None, mask_feats=None, **kwargs):
    given = dict(limit=10, img_size_hw=(8, 8), out_size_hw=(20, 40))
    return (predictor or InstancePredictor()).finish(
        parts, mask_head=mask_head, mask_feats=mask_feats or {}, **{**given, **kwargs}
    )


def test_nothing_found():
    results = finish([candidates([])])
    assert results.bboxes.shape == (0, 4)
    assert len(results.scores) == len(results.labels) == 0
    masked = finish([candidates([])], mask_head=torch.nn.Identity())
    assert masked.masks.shape == (0, 20, 40)
    assert masked.masks.dtype == torch.bool


def test_no_query():
    found = retrieve(
        logits=torch.zeros(0, 3), ious=None, boxes_cxcywh=torch.zeros(0, 4),
        query=torch.zeros(0, 4), centres_xy=torch.zeros(0, 2),
    )  # fmt: skip
    assert len(found) == 0


def test_is_registered():
    built = MODELS.build(dict(type='InstancePredictor', max_per_img=7))
    assert built.limit(pooled=False) == 7
    assert built.limit(pooled=True) == 1


@pytest.mark.parametrize('threshold', [0.0, 1.0, -1, 2])
def test_mask_threshold_is_a_probability(threshold):
    with pytest.raises(ValueError, match='mask_threshold'):
        InstancePredictor(mask_threshold=threshold)


@pytest.mark.parametrize('with_iou', [True, False])
def test_score_is_the_mean_logit_of_the_name_and_the_iou(with_iou):
    """Names of two, one and two tokens of five; the map may be shorter than logits."""
    logits, ious = torch.randn(4, 6), torch.randn(4, 1)
    spans = [(1, 3), (3, 4), (0, 2)]
    names = torch.zeros(3, 5).bool()
    for row, (a, b) in zip(names, spans):
        row[a:b] = True
    found = retrieve(
        InstancePredictor(with_iou=with_iou, nms_iou_threshold=1.0),
        logits=logits, ious=ious, positive_map=names, query=torch.arange(4.0)[:, None],
        boxes_cxcywh=torch.rand(4, 4), centres_xy=torch.rand(4, 2),
    )  # fmt: skip
    assert len(found) == 12
    seen = {(int(q), int(n)): s for q, n, s in zip(
        found.query[:, 0], found.labels, found.scores)}  # fmt: skip
    for q in range(4):
        for n, (a, b) in enumerate(spans):
            expected = 1 / (1 + np.exp(-logits[q, a:b].double().mean().item()))
            if with_iou:
                iou = 1 / (1 + np.exp(-ious[q, 0].item()))
                expected = np.sqrt(expected * iou)
            assert seen[q, n].item() == pytest.approx(expected, rel=1e-5)
    assert (found.scores.diff() <= 0).all()


def test_without_iou_branch_the_score_is_the_probability():
    logits = torch.randn(5, 3)
    found = retrieve(logits=logits, ious=None)
    torch.testing.assert_close(found.scores[0], logits.sigmoid().max())


def test_a_query_is_reported_under_several_names():
    logits = torch.full((5, 3), -9.0)
    logits[2] = torch.tensor([2.0, 3.0, 1.0])
    found = retrieve(logits=logits, ious=None, limit=3, label_offset=10, row=4)
    assert found.labels.tolist() == [11, 10, 12]
    assert torch.equal(found.query, found.query[:1].expand(3, -1))
    assert found.rows.tolist() == [4] * 3


def test_a_name_without_tokens_is_never_found():
    names = EYE.clone()
    names[1] = False
    found = retrieve(logits=torch.full((5, 3), -4.0), positive_map=names)
    assert (found.scores[found.labels == 1] == 0).all()


def test_duplicates_go_unless_their_best_names_differ():
    boxes = torch.tensor([[0.5, 0.5, 0.2, 0.2]]).expand(3, 4)
    logits = torch.tensor([[3.0, 0, 0], [5.0, 0, 0], [0, 4.0, 0]])
    found = retrieve(
        InstancePredictor(nms_iou_threshold=0.7), logits=logits, ious=None,
        boxes_cxcywh=boxes, query=torch.arange(3.0)[:, None],
        centres_xy=torch.rand(3, 2), limit=2,
    )  # fmt: skip
    assert found.query[:, 0].tolist() == [1, 2]
    assert found.labels.tolist() == [0, 1]


def test_limit_and_threshold():
    assert len(retrieve(limit=4)) == 4
    found = retrieve(
        InstancePredictor(score_threshold=0.5, nms_iou_threshold=1.0),
        logits=torch.tensor([[1.0, -1, 0]]).expand(5, 3),
        ious=None,
    )
    assert sorted(set(found.labels.tolist())) == [0, 2]
    assert found.scores.min() == 0.5


def test_boxes_are_clipped_and_empty_ones_dropped():
    boxes = [
        [-0.5, 0.25, 0.5, 1.5],  # sticks out left and below
        [-0.4, 0.0, -0.1, 1.0],  # left of the image
        [0.0, 1.0, 0.5, 1.2],  # below
        [0.3, 0.3, 0.3, 0.6],  # no width
        [0.25, 0.5, 0.75, 1.0],
    ]
    results = finish([candidates(boxes)])
    expected = [[0, 5, 20, 20], [10, 10, 30, 20]]
    assert results.bboxes.tolist() == expected
    torch.testing.assert_close(results.scores, torch.tensor([0.9, 0.1]))


def test_parts_are_merged_best_first():
    box = [0.0, 0.0, 1.0, 1.0]
    first = candidates([box] * 2, torch.tensor([0.9, 0.2]), torch.tensor([3, 0]))
    second = candidates([box] * 2, torch.tensor([0.5, 0.1]), torch.tensor([7, 8]))
    results = finish([first, second], limit=3)
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
    results = finish(
        [candidates([[0.0, 0.0, 1.0, 1.0]] * 2)],
        InstancePredictor(mask_threshold=0.6),
        mask_head=lambda query, centres, feat: logits[query[:, 0].long()],
        mask_feats={0: torch.zeros(1)},
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
    parts = [
        candidates([[0.0, 0, 1, 1]] * 2, torch.tensor([0.9, 0.3])),
        candidates([[0.0, 0, 1, 1]], torch.tensor([0.6]), rows=torch.tensor([5])),
    ]
    feats = {0: torch.ones(1, 1), 5: -torch.ones(1, 1)}
    results = finish(parts, mask_head=fake_head, mask_feats=feats)
    assert results.masks.flatten(1).all(1).tolist() == [True, False, True]
    assert results.masks.flatten(1).any(1).tolist() == [True, False, True]


def test_centres_are_given_in_pixels():
    seen = []

    def head(query, centres_xy, mask_feat):
        seen.append(centres_xy)
        return torch.zeros(len(query), 2, 4)

    finish(
        [candidates([[0.0, 0, 1, 1]])],
        mask_head=head, mask_feats={0: None}, img_size_hw=(8, 16),
    )  # fmt: skip
    assert seen[0].tolist() == [[8.0, 4.0]]


def test_large_masks_are_made_a_few_at_a_time(monkeypatch):
    calls = []

    def head(query, centres_xy, mask_feat):
        calls.append(len(query))
        return torch.sin(query[:, :, None] + torch.arange(4.0).view(2, 2))

    part = candidates([[0.0, 0, 1, 1]] * 5)
    given = dict(mask_head=head, mask_feats={0: None})
    at_once = finish([part], **given).masks
    monkeypatch.setattr(mask_resizing, 'MAX_MASK_PIXELS', 20 * 40)
    monkeypatch.setattr(instance_predictor, 'MASKS_AT_ONCE', 2)
    assert torch.equal(finish([part], **given).masks, at_once)
    assert calls == [5, 2, 2, 1]


def test_masks_can_be_switched_off():
    results = finish(
        [candidates([[0.0, 0, 1, 1]])],
        InstancePredictor(with_masks=False),
        mask_head=fake_head,
    )
    assert 'masks' not in results
