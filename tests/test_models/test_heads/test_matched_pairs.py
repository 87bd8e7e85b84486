from __future__ import annotations

import torch

from uninext.models.heads.matched_pairs import MatchedPairs, named_by_layer

GT_INDS = torch.tensor(
    [[[-1, 0, -1], [1, -1, 0]], [[-1, -1, -1], [-1, 2, -1]]]
)  # 2 layers, 2 images, 3 queries


def test_no_pair():
    pairs = MatchedPairs.from_gt_inds(torch.full((2, 3, 4), -1))
    assert len(pairs) == 0
    assert pairs.counts.tolist() == [0, 0]
    assert pairs.of_queries(torch.rand(2, 3, 4, 5)).shape == (0, 5)
    assert pairs.of_objects([torch.rand(0, 7)] * 3).shape == (0, 7)
    assert pairs.sum_by_layer(torch.zeros(0)).tolist() == [0, 0]


def test_pairs_come_by_image_then_layer():
    pairs = MatchedPairs.from_gt_inds(GT_INDS)
    assert pairs.image_inds.tolist() == [0, 1, 1, 1]
    assert pairs.layer_inds.tolist() == [0, 0, 0, 1]
    assert pairs.query_inds.tolist() == [1, 0, 2, 1]
    assert pairs.gt_inds.tolist() == [0, 1, 0, 2]
    assert pairs.counts.tolist() == [3, 1]


def test_values_of_queries_and_objects():
    pairs = MatchedPairs.from_gt_inds(GT_INDS)
    assert torch.equal(pairs.of_queries(GT_INDS), pairs.gt_inds)
    boxes = [torch.rand(1, 4), torch.rand(3, 4)]
    expected = torch.stack([boxes[0][0], boxes[1][1], boxes[1][0], boxes[1][2]])
    assert torch.equal(pairs.of_objects(boxes), expected)
    assert pairs.sum_by_layer(torch.tensor([1.0, 2, 4, 8])).tolist() == [7, 8]


def test_names_tell_the_layer_but_the_last():
    values = dict(loss_a=torch.tensor([1.0, 2, 3]), loss_b=torch.tensor([4.0, 5, 6]))
    named = named_by_layer(values, [2, 0, 1], '_dn')
    assert {name: value.item() for name, value in named.items()} == dict(
        loss_a_dn=3, loss_b_dn=6, loss_a_dn_0=1, loss_b_dn_0=4, loss_a_dn_1=2,
        loss_b_dn_1=5,
    )  # fmt: skip
