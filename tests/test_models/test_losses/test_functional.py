from __future__ import annotations

import pytest
import torch
from torch import nn

from uninext.models.heads import ContrastiveEmbedHead, PromptMaskHead
from uninext.models.heads.ground_truth import ImageTargets
from uninext.models.losses import untouched, zero_with_gradient

HUGE = 3e38  # two of them are more than float32 holds


def huge(*shape: int) -> torch.Tensor:
    return torch.full(shape, HUGE, requires_grad=True)


def filled(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.constant_(parameter, HUGE)
    return module


def assert_zero(loss: torch.Tensor, *inputs: torch.Tensor) -> None:
    assert loss == 0
    for gradient in torch.autograd.grad(loss, inputs, retain_graph=True):
        assert not gradient.any()


def test_zero_of_nothing():
    assert zero_with_gradient() == 0


@pytest.mark.parametrize('shape', [(), (0,), (3,), (2, 0, 4), (2, 3, 4)], ids=str)
def test_zero_with_gradient(shape):
    tensors = huge(*shape), huge(2).expand(5, 2), huge(3, 2).t()
    assert_zero(zero_with_gradient(*tensors), *tensors)


def test_untouched_modules_with_huge_weights():
    module = filled(nn.Linear(4, 4))
    assert_zero(untouched(module, nn.ReLU()), *module.parameters())


def test_embed_head_without_frames_to_compare():
    head = filled(ContrastiveEmbedHead(1, 16, num_heads=2, feedforward_channels=8))
    assert_zero(head.no_loss(), *head.parameters())


def test_mask_head_without_masks():
    head = filled(PromptMaskHead(8, refine_channels=4))
    query, feat = huge(1, 3, 8), huge(1, 8, 4, 4)
    gt_inds = torch.full((1, 1, 3), -1)
    target = ImageTargets(
        boxes_xyxy=torch.zeros(0, 4),
        boxes_cxcywh=torch.zeros(0, 4),
        positive_maps=torch.zeros(0, 1, dtype=torch.bool),
        img_size_hw=(32, 32),
    )
    for masks in (None, torch.zeros(0, 8, 8, dtype=torch.bool)):
        target.masks = masks
        losses = head.loss(
            [query],
            [torch.rand(1, 3, 4)],
            feat,
            gt_inds,
            [target],
        )
        for loss in losses.values():
            assert_zero(loss, query, feat, *head.controller.parameters())
