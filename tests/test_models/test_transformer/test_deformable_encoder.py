from __future__ import annotations

import pytest
import torch

from helpers.pyramids import (
    CHANNELS,
    numbers_unread,
    pyramid_of,
    random_levels,
    random_pyramid,
)
from helpers.recomputing import note_recomputed
from uninext.models.transformer import DeformableEncoder
from uninext.models.transformer import encoder as encoder_module


def encoder(with_cp: bool = False, num_layers: int = 2) -> DeformableEncoder:
    torch.manual_seed(1)
    built = DeformableEncoder(
        num_layers,
        CHANNELS,
        num_heads=4,
        num_points=2,
        feedforward_channels=16,
        with_cp=with_cp,
    )
    for layer in built.layers:  # they start at zero: let them look at the features
        torch.nn.init.normal_(layer.self_attn.sampling_offsets.weight, std=0.1)
        torch.nn.init.normal_(layer.self_attn.attention_weights.weight, std=0.1)
    return built


def test_padding_changes_nothing():
    """A small image in a padded batch comes out as it does alone."""
    levels = random_levels(2)
    batch = pyramid_of(levels, [(64, 64), (32, 48)])
    crops = [(4, 6), (2, 3), (1, 2), (1, 1)]
    cropped = [x[1:, :, :h, :w] for x, (h, w) in zip(levels, crops)]
    alone = pyramid_of(cropped, [(32, 48)], (32, 48))
    model = encoder()
    padded_memory = batch.unflatten(model(batch), 4)
    memory = alone.unflatten(model(alone), 4)
    for padded, plain, (h, w) in zip(padded_memory, memory, crops):
        torch.testing.assert_close(padded[1:, :, :h, :w], plain, atol=1e-5, rtol=1e-5)


def test_batch_is_its_rows():
    levels = random_levels(2)
    model = encoder()
    both = model(pyramid_of(levels, [(64, 64), (32, 48)]))
    for i, size in enumerate([(64, 64), (32, 48)]):
        alone = model(pyramid_of([x[i : i + 1] for x in levels], [size]))
        torch.testing.assert_close(both[i : i + 1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradient_reaches_every_parameter(with_cp):
    model, pyramid = encoder(with_cp), random_pyramid()
    pyramid.feat.requires_grad_()
    model(pyramid).square().sum().backward()
    assert pyramid.feat.grad.abs().sum() > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_recomputing_changes_no_number(monkeypatch):
    recomputed = note_recomputed(monkeypatch, encoder_module)
    pyramid = random_pyramid()
    weight = torch.randn_like(pyramid.feat)
    results = []
    for with_cp in (False, True):
        model = encoder(with_cp)
        feat = pyramid.feat.clone().requires_grad_()
        memory = model(pyramid.with_feat(feat))
        (memory * weight).sum().backward()
        results.append([memory, feat.grad, *(p.grad for p in model.parameters())])
        assert len(recomputed) == (2 if with_cp else 0), 'a layer each'
    with torch.no_grad():
        model(pyramid)
    assert len(recomputed) == 2
    for plain, recomputed in zip(*results):
        torch.testing.assert_close(plain, recomputed)


def test_sizes_are_not_asked_of_the_device():
    pyramid, model = random_pyramid(), encoder()
    with numbers_unread():
        memory = model(pyramid)
    assert torch.equal(memory, model(pyramid))
