"""What padding leaves alone in the network, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.small_uninext import CHANNELS, names, sample
from uninext.models.detectors import UNINEXT
from uninext.models.transformer import FeaturePyramid
from uninext.structures import UninextDataSample

ALONE, PADDED = (64, 128), (128, 192)  # of an image, and of its batch
STRIDES = (8, 16, 32, 64)
PETS = names('dog', 'cat')


@pytest.fixture(autouse=True)
def _no_grad():
    with torch.no_grad():
        yield


def sizes(image_hw: tuple[int, int]) -> list[tuple[int, int]]:
    return [(image_hw[0] // stride, image_hw[1] // stride) for stride in STRIDES]


def sample_in(batch_hw: tuple[int, int]) -> UninextDataSample:
    given = sample(PETS, 0, ALONE)
    given.set_metainfo(dict(batch_input_shape=batch_hw))
    return given


def both_pyramids(model: UNINEXT) -> tuple[FeaturePyramid, FeaturePyramid, Tensor]:
    """The same features alone and beside padding of large numbers; which is which."""
    levels = [torch.randn(1, CHANNELS, *size) for size in sizes(ALONE)]
    padded = [torch.randn(1, CHANNELS, *size) * 30 for size in sizes(PADDED)]
    for small, large in zip(levels, padded):
        large[..., : small.shape[-2], : small.shape[-1]] = small
    alone = model.build_pyramid(levels, [sample_in(ALONE)])
    beside = model.build_pyramid(padded, [sample_in(PADDED)])
    return alone, beside, ~beside.padding_mask[0]


def test_padding_reaches_neither_memory_nor_proposals(eval_model, monkeypatch):
    """Without the fusion, which reads padded cells as published."""
    monkeypatch.setitem(eval_model._modules, 'fusion_neck', None)
    prompt = eval_model.encode_prompts([PETS])
    alone, beside, valid = both_pyramids(eval_model)
    first, second = (eval_model.decode(pyramid, prompt) for pyramid in (alone, beside))
    near = dict(atol=1e-4, rtol=1e-5)
    assert 0 < valid.sum() == alone.feat.shape[1] < beside.feat.shape[1]
    assert torch.equal(alone.feat_pos, beside.feat_pos[:, valid])
    torch.testing.assert_close(second.memory.feat[:, valid], first.memory.feat, **near)
    for name in ('proposal_logits', 'proposal_boxes'):
        ours, theirs = (getattr(one.selected, name) for one in (first, second))
        torch.testing.assert_close(theirs[:, valid], ours, **near)


def test_padding_reaches_prompts_and_queries_as_published(eval_model):
    """By the fusion, and by queries whose positions count the padding as image."""
    alone, beside, valid = both_pyramids(eval_model)
    prompt = eval_model.encode_prompts([PETS])
    quiet = beside.feat.masked_fill(~valid[:, None], 0)
    first, second = (
        eval_model.fusion_neck(feat, prompt)[1].embeds for feat in (alone.feat, quiet)
    )
    assert (first - second).abs().max() > 1e-3
    query, reference = torch.randn(1, 5, CHANNELS), torch.rand(1, 5, 4) * 0.4 + 0.3
    reg_branches = eval_model.bbox_head.reg_branches
    (first, _), (second, _) = (
        eval_model.decoder(query, reference, pyramid, reg_branches)
        for pyramid in (alone, replace(beside, feat=quiet))
    )
    assert (first[0] - second[0]).abs().max() > 1e-3
