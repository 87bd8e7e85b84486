from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.small_uninext import (
    BOX_SUPERVISED,
    build,
    check_half_losses,
    images,
    names,
    sample,
    small_config,
    total,
)
from uninext.models.ops import MSDeformAttention
from uninext.structures import Prompt

KEYS = {'loss_ce', 'loss_bbox', 'loss_giou'}
ALL_KEYS = {
    *(k + s for k in KEYS for s in ('', '_0', '_enc', '_dn', '_dn_0')),
    *(k + s for k in ('loss_boxiou', 'loss_mask', 'loss_dice') for s in ('', '_0')),
}
UNUSED = ('backbone.conv2.',)  # behind the last feature that is taken
DOG = Prompt.from_expression('the small dog')


def run(model, samples):
    return model(images(samples), samples, mode='loss')


def test_images_without_objects(model):
    samples = [sample(names('dog', 'cat'), 0) for _ in range(2)]
    losses = run(model, samples)
    assert {k for k in ALL_KEYS if '_dn' not in k} <= set(losses) <= ALL_KEYS
    assert total(losses) == 0
    total(losses).backward()


def test_one_image_without_objects(model):
    losses = run(model, [sample(names('dog', 'cat'), n) for n in (0, 3)])
    assert set(losses) == ALL_KEYS
    total(losses).backward()
    assert losses['loss_ce'] > 0


def test_frozen_parts_get_no_gradient(model):
    total(run(model, [sample(names('dog'))])).backward()
    frozen = [n for n, p in model.named_parameters() if not p.requires_grad]
    assert any(n.startswith('prompt_generator.text_encoder') for n in frozen)
    assert any(n.startswith('backbone.conv1') for n in frozen)
    assert all(dict(model.named_parameters())[n].grad is None for n in frozen)


def test_order_of_images_does_not_matter():
    model = build(small_config(denoising=None))  # it draws random numbers
    samples = [sample(names('dog', 'cat'), 2), sample(names('bird'), 1, (48, 40))]
    inputs = images(samples)
    losses = model(inputs, samples, mode='loss')
    swapped = model(inputs.flip(0), samples[::-1], mode='loss')
    for key, loss in losses.items():
        torch.testing.assert_close(swapped[key], loss, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_loses_about_the_same(model, dtype):
    samples = [sample(names('dog', 'cat'), 2) for _ in range(2)]
    check_half_losses(model, images(samples), samples, dtype)


@pytest.mark.slow
def test_a_few_steps_reduce_the_loss(model):
    torch.manual_seed(0)
    samples = [sample(names('dog', 'cat'), 2) for _ in range(2)]
    inputs = images(samples)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    history = []
    for _ in range(5):
        torch.manual_seed(0)  # the same denoising boxes
        loss = total(model(inputs, samples, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.95 * history[0]


@pytest.mark.parametrize(
    ('change', 'absent'),
    [
        (dict(fusion_neck=None), ()),
        (dict(denoising=None), ('_dn',)),
        (dict(bbox_head=dict(with_iou_branch=False)), ('boxiou',)),
        (dict(mask_head=None), ('mask', 'dice')),
        (dict(encoder=dict(with_cp=True), decoder=dict(with_cp=True)), ()),
    ],
    ids=['fusion', 'denoising', 'iou', 'masks', 'recompute'],
)
def test_ablation_by_config_trains_and_predicts(change, absent):
    model = build(small_config(**change))
    samples = [sample(names('dog', 'cat'), 2) for _ in range(2)]
    losses = run(model, samples)
    assert set(losses) == {k for k in ALL_KEYS if not any(a in k for a in absent)}
    total(losses).backward()
    with torch.no_grad():
        found = model.eval()(images(samples), samples, mode='predict')
    for one in found:
        assert len(one.pred_instances) == 10
        assert ('masks' in one.pred_instances) == (change.get('mask_head', 1) == 1)


def boxes_alone():
    """A model that learns masks from boxes, and two images for it."""
    samples = [sample(names('dog'), 2, with_masks=False) for _ in range(2)]
    for one in samples:
        one.color_similarity = torch.rand(8, 16, 16)
    return build(small_config(**BOX_SUPERVISED)), samples


def test_half_precision_of_masks_from_boxes():
    model, samples = boxes_alone()
    check_half_losses(model, images(samples), samples, torch.bfloat16)


def test_names_only(model):
    """Scores alone are learned; all that learns has a gradient, of masks of zeros."""
    samples = [sample(names('dog', 'cat'), 2, with_masks=False) for _ in range(2)]
    for one in samples:
        one.set_metainfo(dict(names_only=True))
    losses = run(model, samples)
    assert set(losses) == set(ALL_KEYS)
    for key, loss in losses.items():
        assert loss.requires_grad and (loss > 0) == ('loss_ce' in key), key
    total(losses).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not name.startswith(UNUSED):
            assert parameter.grad is not None, name
            assert 'mask_head' not in name or not parameter.grad.any(), name


def test_box_supervision_needs_no_masks():
    model, samples = boxes_alone()
    losses = run(model, samples)
    assert {'loss_prj', 'loss_pairwise', 'loss_prj_0', 'loss_pairwise_0'} < set(losses)
    assert 'loss_mask' not in losses
    total(losses).backward()
    assert model.mask_head.warmup_step.item() == 2


def test_initial_weights_are_finite_and_reset_special_layers():
    model = build(small_config())
    model.init_weights()
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all(), name
    for branch in model.bbox_head.reg_branches:
        assert branch[-1].weight.abs().sum() == 0
    attentions = [m for m in model.modules() if isinstance(m, MSDeformAttention)]
    assert len(attentions) == 1 + 2
    for attn in attentions:  # they start from a ring of points, equally weighted
        assert attn.sampling_offsets.weight.abs().sum() == 0
        assert attn.attention_weights.weight.abs().sum() == 0
        assert attn.sampling_offsets.bias.abs().max() >= 4
    assert model.level_embed.std() > 0.5
    for conv in [m for m in model.neck.modules() if isinstance(m, nn.Conv2d)]:
        area = conv.kernel_size[0] ** 2
        limit = (6 / (area * (conv.in_channels + conv.out_channels))) ** 0.5
        assert 0.9 * limit < conv.weight.abs().max() <= limit
        assert conv.bias.abs().sum() == 0
