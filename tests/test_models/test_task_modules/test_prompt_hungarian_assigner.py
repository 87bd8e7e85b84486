from __future__ import annotations

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from uninext.models.task_modules import (
    PromptAssignment,
    PromptHungarianAssigner,
    pairwise_iou_giou,
)
from uninext.registry import TASK_UTILS


def _scene(num_proposals: int, num_gts: int) -> tuple[Tensor, Tensor, Tensor]:
    boxes = torch.cat([torch.rand(num_proposals, 2), torch.rand(num_proposals, 2)], 1)
    gt_boxes = torch.cat([torch.rand(num_gts, 2), torch.rand(num_gts, 2)], 1)
    return torch.randn(num_proposals, 1) * 3, boxes, gt_boxes


def _cost(logits: Tensor, boxes: Tensor, gt_boxes: Tensor) -> Tensor:
    prob = logits.double().sigmoid()
    pos = -0.25 * (1 - prob) ** 2 * (prob + 1e-8).log()
    neg = -0.75 * prob**2 * (1 - prob + 1e-8).log()
    l1 = (boxes[:, None] - gt_boxes[None]).abs().sum(-1)
    return 2 * (pos - neg) + 5 * l1 - 2 * pairwise_iou_giou(boxes, gt_boxes)[1]


def _assign(
    assigner: PromptHungarianAssigner, scene: tuple[Tensor, ...], *maps: Tensor
) -> tuple[list[int], list[int], list[int]]:
    """Of one image: predictions, their objects, and predictions of objects."""
    logits, boxes, gt_boxes = scene
    found = assigner.assign(logits[None], boxes[None], [gt_boxes], *([m] for m in maps))
    return _lists(found[0])


def _lists(found: PromptAssignment) -> tuple[list[int], list[int], list[int]]:
    queries = (found.gt_inds >= 0).nonzero()[:, 0]
    gts, best = found.gt_inds[queries], found.best_query_inds
    return queries.tolist(), gts.tolist(), best.tolist()


@pytest.fixture
def assigner() -> PromptHungarianAssigner:
    return TASK_UTILS.build(dict(type='PromptHungarianAssigner'))


def test_no_object(assigner: PromptHungarianAssigner) -> None:
    assert _assign(assigner, _scene(5, 0)) == ([], [], [])


def test_leaving_out_dear_proposals_loses_nothing(
    assigner: PromptHungarianAssigner,
) -> None:
    for num_gts in (1, 7, 30):
        scene = _scene(500, num_gts)
        rows, columns = linear_sum_assignment(_cost(*scene))
        queries, gts, best = _assign(assigner, scene)
        assert queries == rows.tolist()
        assert gts == columns.tolist()
        assert [best[gt] for gt in gts] == queries


def test_layers_and_images_are_matched_alone(assigner: PromptHungarianAssigner) -> None:
    counts = [3, 0, 40, 6]  # of 30 predictions
    ground_truth = [_scene(1, num)[2] for num in counts]
    scenes = [[_scene(30, 0)[:2] for _ in counts] for _ in range(2)]
    logits, boxes = (
        torch.stack([torch.stack([scene[i] for scene in row]) for row in scenes])
        for i in range(2)
    )
    found = assigner.assign(logits, boxes, ground_truth)
    assert found.gt_inds.shape == (2, 4, 30)
    for layer in range(2):
        for b, (gts, num) in enumerate(zip(ground_truth, counts)):
            here = _lists(found[layer, b])
            alone = _assign(assigner, (logits[layer, b], boxes[layer, b], gts))
            assert here[:2] == alone[:2]
            assert here[2] == alone[2] + [-1] * (40 - num)


def test_of_several_names_an_object_has_one(
    assigner: PromptHungarianAssigner,
) -> None:
    boxes = torch.tensor([[0.5, 0.5, 0.2, 0.2]]).repeat(3, 1)
    logits = torch.tensor([[5.0, 5, -5], [-5, -5, 5], [-5, -5, -5]])
    maps = torch.tensor([[False, False, True], [True, True, False]])
    queries, gts, _ = _assign(assigner, (logits, boxes, boxes[:2]), maps)
    assert queries == [0, 1]
    assert gts == [1, 0]


def test_more_objects_than_proposals(assigner: PromptHungarianAssigner) -> None:
    queries, _, best = _assign(assigner, _scene(3, 8))
    assert queries == [0, 1, 2]
    assert best.count(-1) == 5


def test_autocast_changes_nothing(assigner: PromptHungarianAssigner) -> None:
    scene = _scene(100, 6)
    expected = _assign(assigner, scene)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert _assign(assigner, scene) == expected


def test_divergence_is_named(assigner: PromptHungarianAssigner) -> None:
    logits, boxes, gt_boxes = _scene(4, 2)
    with pytest.raises(ValueError, match='training has diverged'):
        _assign(assigner, (logits * torch.nan, boxes, gt_boxes))


def test_a_mirror_changes_no_match(assigner: PromptHungarianAssigner) -> None:
    logits, boxes, gt_boxes = _scene(40, 9)
    mirrored = [torch.cat([1 - one[:, :1], one[:, 1:]], 1) for one in (boxes, gt_boxes)]
    expected = _assign(assigner, (logits, boxes, gt_boxes))
    assert len(expected[0]) == 9
    assert _assign(assigner, (logits, *mirrored)) == expected
