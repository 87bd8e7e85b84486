from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.pyramids import CHANNELS, SIZES, random_pyramid
from uninext.models.transformer import QuerySelector


@pytest.fixture
def parts():
    selector = QuerySelector(CHANNELS, num_queries=10)
    selector.init_weights()
    return selector, nn.Linear(CHANNELS, 1), nn.Linear(CHANNELS, 4)


def test_fewer_tokens_than_queries(parts):
    _, cls_branch, reg_branch = parts
    selector = QuerySelector(CHANNELS, num_queries=200)
    selected = selector(random_pyramid(), cls_branch, reg_branch)
    assert selected.query.shape == (2, 85, CHANNELS)
    assert selected.reference.shape == (2, 85, 4)


def test_best_tokens_are_chosen(parts):
    selected = parts[0](random_pyramid(), *parts[1:])
    assert selected.query.shape == (2, 10, CHANNELS)
    assert selected.proposal_logits.shape == (2, 85, 1)
    assert selected.proposal_boxes.shape == (2, 85, 4)
    for b in range(2):
        order = selected.proposal_logits[b, :, 0].argsort(descending=True)[:10]
        boxes = selected.proposal_boxes[b, order]
        # equal logits (padding) have equal boxes
        torch.testing.assert_close(selected.reference[b], boxes)


def test_contents_are_learned_and_equal_for_all_images(parts):
    selector = parts[0]
    selected = selector(random_pyramid(), *parts[1:])
    assert torch.equal(selected.query[0], selector.query_embedding.weight)
    assert torch.equal(selected.query[0], selected.query[1])


def test_boxes_start_at_the_cells():
    """A regressor of zeros leaves centre and size of the cell; sizes double."""
    zero = nn.Linear(CHANNELS, 4)
    nn.init.zeros_(zero.weight)
    nn.init.zeros_(zero.bias)
    selector = QuerySelector(CHANNELS, 3)
    pyramid = random_pyramid([(64, 64), (32, 48)])
    boxes = selector(pyramid, nn.Linear(CHANNELS, 1), zero).proposal_boxes
    valid_hw = {0: SIZES, 1: [(4, 6), (2, 3), (1, 2), (1, 1)]}
    for b, sizes in valid_hw.items():
        token = 0
        for level, (height, width) in enumerate(SIZES):
            valid_h, valid_w = sizes[level]
            for y in range(height):
                for x in range(width):
                    expected = [1.0] * 4  # padding
                    if y < valid_h and x < valid_w:
                        size = 0.05 * 2**level
                        expected = [(x + 0.5) / valid_w, (y + 0.5) / valid_h] + [
                            size
                        ] * 2
                    torch.testing.assert_close(
                        boxes[b, token], torch.tensor(expected), atol=1e-5, rtol=0
                    )
                    token += 1


def test_padding_and_cells_at_the_edge_have_no_memory(parts):
    pyramid = random_pyramid([(64, 64), (32, 48)])
    projected = []
    parts[0].memory_norm.register_forward_hook(lambda *args: projected.append(args[2]))
    selected = parts[0](pyramid, *parts[1:])
    nothing = parts[0].memory_norm(parts[0].memory_proj(torch.zeros(CHANNELS)))
    padded = projected[0][pyramid.padding_mask]
    torch.testing.assert_close(padded, nothing.expand_as(padded))
    assert (selected.proposal_boxes[pyramid.padding_mask] == 1).all()
    assert selected.proposal_boxes.isfinite().all()


def test_first_cells_of_a_wide_level_are_too_close_to_the_edge(parts):
    """Centres below 0.01 are no proposals: cells 0 and 59 of 60."""
    from helpers.pyramids import pyramid_of, random_levels

    sizes = [(1, 60), (1, 30), (1, 15), (1, 8)]
    pyramid = pyramid_of(random_levels(1, sizes), [(8, 480)], (8, 480))
    boxes = parts[0](pyramid, *parts[1:]).proposal_boxes[0, :60]
    ones = (boxes == 1).all(-1).nonzero()[:, 0].tolist()
    assert ones == [0, 59]


def test_reference_keeps_its_gradient(parts):
    """Published models do not detach it, other than DINO."""
    selector, cls_branch, reg_branch = parts
    pyramid = random_pyramid([(64, 64), (64, 64)])
    pyramid.feat.requires_grad_()
    selected = selector(pyramid, cls_branch, reg_branch)
    selected.reference.sum().backward()
    assert reg_branch.weight.grad.abs().sum() > 0
    assert selector.memory_proj.weight.grad.abs().sum() > 0
    assert pyramid.feat.grad.abs().sum() > 0
    assert cls_branch.weight.grad is None  # the choice itself has none


def test_padding_gives_finite_gradients(parts):
    selector, cls_branch, reg_branch = parts
    selected = selector(random_pyramid([(8, 8), (64, 64)]), cls_branch, reg_branch)
    loss = selected.reference.sum() + selected.proposal_boxes.sum()
    (loss + selected.proposal_logits.sum()).backward()
    for module in parts:
        for name, parameter in module.named_parameters():
            if parameter.grad is not None:
                assert parameter.grad.isfinite().all(), name


def test_initial_weights(parts):
    selector = parts[0]
    assert selector.memory_proj.bias.abs().sum() == 0
    limit = (6 / (2 * CHANNELS)) ** 0.5
    assert selector.memory_proj.weight.abs().max() <= limit
    assert 0.7 < selector.query_embedding.weight.std() < 1.3
