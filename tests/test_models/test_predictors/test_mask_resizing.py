from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from uninext.models.predictors import (
    binary_masks,
    mask_resizing,
    probability_masks,
)

SIZES = pytest.mark.parametrize(
    ('size_hw', 'out_hw'),
    [((16, 24), (16, 24)), ((13, 22), (13, 22)), ((13, 22), (31, 9)), ((5, 3), (7, 7))],
    ids=['as it is', 'unpadded', 'resized', 'small'],
)


def logits(num: int = 3) -> torch.Tensor:
    return torch.randn(num, 4, 6)  # of a padded input of 16 x 24


def oracle(one: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """(h, w) logits of the input, one mask by itself."""
    full = F.interpolate(one[None, None], size=(16, 24), mode='bilinear')
    return full[0, 0, : size_hw[0], : size_hw[1]]


@SIZES
def test_no_mask(size_hw, out_hw):
    binary = binary_masks(logits(0), size_hw, out_hw, 0.0)
    assert binary.shape == (0, *out_hw)
    assert binary.dtype == torch.bool
    probs = probability_masks(logits(0), size_hw, out_hw)
    assert probs.shape == (0, *out_hw)
    assert probs.dtype == torch.float


@SIZES
@pytest.mark.parametrize('threshold', [0.0, 0.4])
def test_binary_masks_take_the_nearest_pixel(size_hw, out_hw, threshold):
    given = logits()
    found = binary_masks(given, size_hw, out_hw, threshold)
    for one, mask in zip(given, found):
        inside = oracle(one, size_hw) > threshold
        rows = torch.arange(out_hw[0]) * size_hw[0] // out_hw[0]
        columns = torch.arange(out_hw[1]) * size_hw[1] // out_hw[1]
        assert torch.equal(mask, inside[rows][:, columns])


@SIZES
def test_probabilities_of_the_nearest_pixel(size_hw, out_hw):
    given = logits()
    found = probability_masks(given, size_hw, out_hw, mode='nearest')
    rows = torch.arange(out_hw[0]) * size_hw[0] // out_hw[0]
    columns = torch.arange(out_hw[1]) * size_hw[1] // out_hw[1]
    for one, mask in zip(given, found):
        probs = oracle(one, size_hw).sigmoid()[rows][:, columns]
        torch.testing.assert_close(mask, probs)


@SIZES
def test_probabilities_are_interpolated(size_hw, out_hw):
    given = logits()
    found = probability_masks(given, size_hw, out_hw)
    assert found.min() >= 0
    assert found.max() <= 1
    for one, mask in zip(given, found):
        probs = oracle(one, size_hw).sigmoid()[None, None]
        if size_hw != out_hw:
            probs = F.interpolate(probs, size=out_hw, mode='bilinear')
        torch.testing.assert_close(mask, probs[0, 0])


@SIZES
@pytest.mark.parametrize('at_once', [1, 2, 3])
def test_a_few_at_a_time_change_nothing(monkeypatch, size_hw, out_hw, at_once):
    given = logits(5)
    binary = binary_masks(given, size_hw, out_hw, 0.1)
    probs = probability_masks(given, size_hw, out_hw)
    pixels = max(size_hw[0] * size_hw[1], out_hw[0] * out_hw[1])
    calls = []
    resize = mask_resizing._at_input_size
    monkeypatch.setattr(mask_resizing, 'MAX_MASK_PIXELS', at_once * pixels + 1)
    monkeypatch.setattr(
        mask_resizing,
        '_at_input_size',
        lambda part, size: calls.append(len(part)) or resize(part, size),
    )
    assert torch.equal(binary_masks(given, size_hw, out_hw, 0.1), binary)
    assert max(calls) == at_once
    assert sum(calls) == 5
    torch.testing.assert_close(probability_masks(given, size_hw, out_hw), probs)
