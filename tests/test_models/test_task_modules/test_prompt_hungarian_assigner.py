from __future__ import annotations

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from uninext.models.task_modules import PromptHungarianAssigner, pairwise_iou_giou
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


@pytest.fixture
def assigner() -> PromptHungarianAssigner:
    return TASK_UTILS.build(dict(type='PromptHungarianAssigner'))


def test_no_object(assigner: PromptHungarianAssigner) -> None:
    assignment = assigner.assign(*_scene(5, 0))
    assert len(assignment) == len(assignment.best_query_inds) == 0


def test_leaving_out_dear_proposals_loses_nothing(
    assigner: PromptHungarianAssigner,
) -> None:
    for num_gts in (1, 7, 30):
        scene = _scene(500, num_gts)
        rows, columns = linear_sum_assignment(_cost(*scene))
        found = assigner.assign(*scene)
        assert found.query_inds.tolist() == rows.tolist()
        assert found.gt_inds.tolist() == columns.tolist()
        assert torch.equal(found.best_query_inds[found.gt_inds], found.query_inds)


def test_of_several_names_an_object_has_one(
    assigner: PromptHungarianAssigner,
) -> None:
    boxes = torch.tensor([[0.5, 0.5, 0.2, 0.2]]).repeat(3, 1)
    logits = torch.tensor([[5.0, 5, -5], [-5, -5, 5], [-5, -5, -5]])
    maps = torch.tensor([[False, False, True], [True, True, False]])
    found = assigner.assign(logits, boxes, boxes[:2], maps)
    assert found.query_inds.tolist() == [0, 1]
    assert found.gt_inds.tolist() == [1, 0]


def test_more_objects_than_proposals(assigner: PromptHungarianAssigner) -> None:
    assignment = assigner.assign(*_scene(3, 8))
    assert assignment.query_inds.tolist() == [0, 1, 2]
    assert (assignment.best_query_inds == -1).sum() == 5


def test_autocast_changes_nothing(assigner: PromptHungarianAssigner) -> None:
    scene = _scene(100, 6)
    expected = assigner.assign(*scene)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = assigner.assign(*scene)
    assert torch.equal(found.best_query_inds, expected.best_query_inds)


def test_divergence_is_named(assigner: PromptHungarianAssigner) -> None:
    logits, boxes, gt_boxes = _scene(4, 2)
    with pytest.raises(ValueError, match='training has diverged'):
        assigner.assign(logits * torch.nan, boxes, gt_boxes)
