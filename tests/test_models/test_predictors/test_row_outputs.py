from __future__ import annotations

import pytest
import torch

from uninext.models.predictors import RowOutputs, boxes_to_pixels


def outputs(logits, positive_map, ious=None) -> RowOutputs:
    num = len(logits)
    return RowOutputs(
        logits=logits,
        ious=ious,
        boxes_cxcywh=torch.rand(num, 4),
        positive_map=positive_map,
        query=torch.zeros(num, 2),
        centres_xy=torch.zeros(num, 2),
    )


def test_no_query():
    found = outputs(torch.zeros(0, 3), torch.eye(3).bool(), torch.zeros(0, 1))
    assert found.name_scores(with_iou=True).shape == (0, 3)
    assert found.boxes_xyxy.shape == (0, 4)


def test_score_is_that_of_the_mean_logit_of_the_tokens():
    logits = torch.randn(6, 5)
    names = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]).bool()
    scores = outputs(logits, names).name_scores(with_iou=True)
    for query in range(6):
        first, second = logits[query, :2].mean(), logits[query, 3]
        expected = [1 / (1 + (-first).exp()), 1 / (1 + (-second).exp()), 0]
        torch.testing.assert_close(scores[query], torch.tensor(expected))


def test_iou_is_a_geometric_mean():
    logits, ious = torch.randn(4, 2), torch.randn(4, 1)
    names = torch.eye(2).bool()
    plain = outputs(logits, names).name_scores(with_iou=False)
    both = outputs(logits, names, ious).name_scores(with_iou=True)
    torch.testing.assert_close(both**2, plain * ious.sigmoid())
    unused = outputs(logits, names, ious).name_scores(with_iou=False)
    assert torch.equal(unused, plain)


def test_a_name_without_tokens_has_no_score():
    found = outputs(torch.full((2, 1), 9.0), torch.zeros(1, 1).bool(), torch.ones(2, 1))
    assert (found.name_scores(with_iou=True) == 0).all()


def test_logits_beyond_the_tokens_do_not_count():
    logits = torch.randn(3, 7)
    names = torch.eye(2).bool()
    wide = outputs(logits, names).name_scores(with_iou=False)
    assert torch.equal(wide, outputs(logits[:, :2], names).name_scores(False))


def test_boxes_are_corners():
    found = outputs(torch.zeros(1, 1), torch.ones(1, 1).bool())
    found.boxes_cxcywh = torch.tensor([[0.5, 0.4, 0.2, 0.6]])
    torch.testing.assert_close(found.boxes_xyxy, torch.tensor([[0.4, 0.1, 0.6, 0.7]]))


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        ((0.25, 0.5, 0.75, 1.0), (10, 10, 30, 20)),
        ((-0.5, -1.0, 0.5, 0.5), (0, 0, 20, 10)),
        ((0.5, 0.5, 3.0, 2.0), (20, 10, 40, 20)),
        ((1.5, 1.2, 1.7, 1.4), (40, 20, 40, 20)),
    ],
    ids=['inside', 'upper left', 'lower right', 'outside'],
)
def test_boxes_are_scaled_and_clipped(box, expected):
    pixels = boxes_to_pixels(torch.tensor([box]), (20, 40))
    torch.testing.assert_close(pixels, torch.tensor([expected]).float())


def test_boxes_may_reach_over_the_border():
    pixels = boxes_to_pixels(torch.tensor([[-0.5, 0.25, 3.0, 2.0]]), (20, 40), False)
    assert pixels.tolist() == [[-20, 5, 120, 40]]
