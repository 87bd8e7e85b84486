from __future__ import annotations

import pytest
import torch
from torch import Tensor

from uninext.models.task_modules import (
    PromptAssignment,
    PromptSimOTAAssigner,
    pairwise_iou_giou,
)
from uninext.registry import TASK_UTILS


def _scene(
    num_queries: int,
    num_gts: int,
    num_tokens: int = 6,
    seed: int = 0,
    near: float = 0.5,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random logits and boxes; a share ``near`` of the queries lies around objects."""
    rng = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng)

    gt_boxes = torch.cat([rand(num_gts, 2), rand(num_gts, 2) * 0.3 + 0.02], 1)
    boxes = torch.cat([rand(num_queries, 2), rand(num_queries, 2) * 0.4 + 0.01], 1)
    if num_gts:
        is_near = rand(num_queries) < near
        owners = torch.randint(num_gts, (num_queries,), generator=rng)
        jitter = 1 + 0.2 * (rand(num_queries, 4) - 0.5)
        boxes[is_near] = (gt_boxes[owners] * jitter)[is_near]
    positive_maps = rand(num_gts, num_tokens) > 0.6
    positive_maps[:, 0] = True
    logits = (rand(num_queries, num_tokens) - 0.7) * 8
    return logits, boxes, gt_boxes, positive_maps


def _cost_of(g: int, scene: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Of each query: cost without the background fine, and is it near or in g."""
    logits, boxes, gt_boxes, positive_maps = scene
    prob = logits[:, positive_maps[g]].sigmoid()
    pos = 0.25 * (1 - prob) ** 2 * -(prob + 1e-8).log()
    neg = 0.75 * prob**2 * -(1 - prob + 1e-8).log()
    giou = pairwise_iou_giou(boxes, gt_boxes[g : g + 1])[1][:, 0]
    dx, dy = (boxes[:, :2] - gt_boxes[g, :2]).abs().unbind(1)
    inside = (dx < gt_boxes[g, 2] / 2) & (dy < gt_boxes[g, 3] / 2)
    near = (dx < 0.078125) & (dy < 0.078125)
    fine = torch.where(inside & near, 0.0, 100.0)
    return (pos - neg).mean(1) - 3 * giou + fine, inside | near


def _reference(
    logits: Tensor, boxes: Tensor, gt_boxes: Tensor, positive_maps: Tensor
) -> tuple[list[int], list[int], list[int]]:
    """The assignment, object by object; needs no more objects than queries."""
    scene = (logits, boxes, gt_boxes, positive_maps)
    num_queries, num_gts = len(boxes), len(gt_boxes)
    cost, is_foreground = torch.zeros(num_queries, num_gts), torch.zeros(num_queries)
    for g in range(num_gts):
        cost[:, g], hit = _cost_of(g, scene)
        is_foreground += hit
    cost[is_foreground == 0] += 10000
    ious = pairwise_iou_giou(boxes, gt_boxes)[0]
    owners = [set() for _ in range(num_queries)]
    for g in range(num_gts):
        k = max(1, int(ious[:, g].sort(descending=True).values[:10].sum()))
        for q in cost[:, g].argsort()[:k].tolist():
            owners[q].add(g)
    contested = [q for q in range(num_queries) if len(owners[q]) > 1]
    for q in contested:
        owners[q] = {int(cost[q].argmin())}
    while unserved := sorted(set(range(num_gts)) - set().union(*owners)):
        for q in range(num_queries):
            if owners[q]:
                cost[q] += 1e5
        for g in unserved:
            owners[int(cost[:, g].argmin())].add(g)
        if any(len(o) > 1 for o in owners):
            for q in contested:  # the stale list
                owners[q] = {int(cost[q].argmin())}
    query_inds = [q for q in range(num_queries) if owners[q]]
    best = [
        min((float(cost[q, g]), q) for q in query_inds if g in owners[q])[1]
        for g in range(num_gts)
    ]
    return query_inds, [min(owners[q]) for q in query_inds], best


def _lists(assignment: PromptAssignment) -> tuple[list[int], list[int], list[int]]:
    queries = (assignment.gt_inds >= 0).nonzero()[:, 0]
    gts, best = assignment.gt_inds[queries], assignment.best_query_inds
    return queries.tolist(), gts.tolist(), best.tolist()


def _assign(
    assigner: PromptSimOTAAssigner, scene: tuple[Tensor, ...]
) -> PromptAssignment:
    """Of one image."""
    logits, boxes, gt_boxes, maps = scene
    return assigner.assign(logits[None], boxes[None], [gt_boxes], [maps])[0]


@pytest.fixture
def assigner() -> PromptSimOTAAssigner:
    return TASK_UTILS.build(dict(type='PromptSimOTAAssigner'))


def test_no_object(assigner: PromptSimOTAAssigner) -> None:
    assignment = _assign(assigner, _scene(5, 0))
    assert _lists(assignment) == ([], [], [])
    assert assignment.gt_inds.dtype == torch.int64


@pytest.mark.parametrize('near', [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ('num_queries', 'num_gts'), [(30, 1), (40, 4), (50, 12), (6, 5)]
)
def test_equals_the_reference(
    assigner: PromptSimOTAAssigner, num_queries: int, num_gts: int, near: float
) -> None:
    for seed in range(5):
        scene = _scene(num_queries, num_gts, seed=seed, near=near)
        assert _lists(_assign(assigner, scene)) == _reference(*scene), seed


def test_a_mirror_changes_no_match(assigner: PromptSimOTAAssigner) -> None:
    logits, boxes, gt_boxes, maps = _scene(50, 9)
    mirrored = [torch.cat([1 - one[:, :1], one[:, 1:]], 1) for one in (boxes, gt_boxes)]
    expected = _lists(_assign(assigner, (logits, boxes, gt_boxes, maps)))
    assert len(expected[0]) > 9
    assert _lists(_assign(assigner, (logits, *mirrored, maps))) == expected


def test_equals_the_reference_where_objects_coincide(
    assigner: PromptSimOTAAssigner,
) -> None:
    for seed in range(10):
        logits, boxes, gt_boxes, maps = _scene(25, 8, seed=seed, near=0.2)
        gt_boxes[4:] = gt_boxes[:4] * (1 + 0.01 * torch.rand(4, 4))  # they quarrel
        scene = logits, boxes, gt_boxes, maps
        assert _lists(_assign(assigner, scene)) == _reference(*scene), seed


def test_two_late_objects_share_a_query() -> None:
    """Objects 1 and 2 lose query 0 to object 0 and both take query 1 (as published)."""
    boxes = torch.tensor(
        [[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.3, 0.3], [0.1, 0.1, 0.1, 0.1]]
    )
    gt_boxes = torch.tensor([[0.5, 0.5, 0.2, 0.2 + 1e-3 * i] for i in range(3)])
    scene = torch.zeros(3, 1), boxes, gt_boxes, torch.ones(3, 1, dtype=torch.bool)
    expected = ([0, 1], [0, 1], [0, 1, 1])
    assert _reference(*scene) == expected
    assert _lists(_assign(PromptSimOTAAssigner(), scene)) == expected


def test_more_objects_than_queries_ends(assigner: PromptSimOTAAssigner) -> None:
    queries, gts, best = _lists(_assign(assigner, _scene(3, 9)))
    assert queries == [0, 1, 2]
    assert len(set(gts)) == 3
    assert max(best) < 3


@pytest.mark.parametrize('num_layers', [1, 3])
def test_layers_and_images_are_matched_alone(
    assigner: PromptSimOTAAssigner, num_layers: int
) -> None:
    """Whatever else is in the batch: images without, with few, with many objects."""
    counts = [0, 12, 1, 7]
    scenes = [
        [_scene(16, num, seed=10 * layer + b, near=0.2) for b, num in enumerate(counts)]
        for layer in range(num_layers)
    ]
    ground_truth = [scene[2:] for scene in scenes[0]]
    logits = torch.stack([torch.stack([s[0] for s in row]) for row in scenes])
    boxes = torch.stack([torch.stack([s[1] for s in row]) for row in scenes])
    found = assigner.assign(logits, boxes, *map(list, zip(*ground_truth)))
    assert found.gt_inds.shape == (num_layers, 4, 16)
    assert found.best_query_inds.shape == (num_layers, 4, 12)
    for layer in range(num_layers):
        for b, (gts, num) in enumerate(zip(ground_truth, counts)):
            here = _lists(found[layer, b])
            scene = logits[layer, b], boxes[layer, b], *gts
            alone = _lists(_assign(assigner, scene))
            assert here[:2] == alone[:2], (layer, b)
            assert here[2] == alone[2] + [-1] * (12 - num)
            if num:
                assert alone == _reference(*scene)


def test_a_name_without_tokens_is_matched_by_its_box(
    assigner: PromptSimOTAAssigner,
) -> None:
    logits, boxes, gt_boxes, maps = _scene(20, 2)
    maps[1] = False
    assignment = _assign(assigner, (logits, boxes, gt_boxes, maps))
    assert set(_lists(assignment)[1]) == {0, 1}


def test_inputs_stay_and_autocast_changes_nothing(
    assigner: PromptSimOTAAssigner,
) -> None:
    scene = _scene(30, 4)
    copies = [t.clone() for t in scene]
    logits = scene[0].requires_grad_()
    expected = _lists(_assign(assigner, (logits, *scene[1:])))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert _lists(_assign(assigner, (logits, *scene[1:]))) == expected
    assert all(torch.equal(a, b) for a, b in zip(scene, copies))


def test_candidate_topk_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match='candidate_topk must be 1 or more, got 0'):
        PromptSimOTAAssigner(candidate_topk=0)
