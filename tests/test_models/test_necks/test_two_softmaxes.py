from __future__ import annotations

import pytest
import torch

from uninext.models.necks.two_softmaxes import attention_both_ways

N, L, C = 6, 4, 3


def inputs(gain: float = 1.0, masked: int = 1):
    visual, values = torch.randn(2, N, C), torch.randn(2, L, C)
    keys, biases = torch.randn(2, L, C) * gain, torch.randn(2, L) * gain
    mask = torch.ones(2, L, dtype=torch.bool)
    mask[1, L - masked :] = False
    return visual, keys, biases, values, mask


def oracle(visual, keys, biases, values, mask, shares, limit):
    """In double precision, as written in the paper."""
    visual, keys, biases, values = (t.double() for t in (visual, keys, biases, values))
    scores = (visual @ keys.transpose(1, 2) + biases[:, None]).clamp(-limit, limit)
    hidden = scores.masked_fill(~mask[:, None], -torch.inf)
    seen = scores.softmax(1).transpose(1, 2) @ visual
    if shares is not None:
        seen = shares.double()[:, None] @ seen
    return (hidden.softmax(2) @ values).float(), seen.float()


@pytest.mark.parametrize('pooled', [False, True])
@pytest.mark.parametrize('limit', [5e4, 0.5], ids=['usual', 'clamped'])
@pytest.mark.parametrize('gain', [1.0, 30.0, 1e3], ids=['near', 'far', 'lost'])
def test_equals_two_softmaxes(gain, limit, pooled):
    """Scores far apart lose sums of exponentials, and are done the long way."""
    args = inputs(gain)
    shares = torch.rand(2, L) if pooled else None
    expected = oracle(*args, shares, limit)
    with torch.no_grad():
        ours = attention_both_ways(*args, shares, limit)
    learned = attention_both_ways(*args, shares, limit)
    for a, b, c in zip(ours, learned, expected):
        torch.testing.assert_close(a, c, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(b, c, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_without_a_real_token_it_is_finite():
    visual, keys, biases, values, mask = inputs(masked=L)
    received, seen = attention_both_ways(
        visual, keys, biases, values, mask, None, limit=5e4
    )
    torch.testing.assert_close(received[1], values[1].mean(0).expand(N, C))
    assert received.isfinite().all() and seen.isfinite().all()


def test_dropout_is_of_both_directions():
    dropped = []

    def drop(weights):
        dropped.append(tuple(weights.shape))
        return weights * 0

    received, seen = attention_both_ways(*inputs(), None, 5e4, drop)
    assert dropped == [(2, N, L)] * 2
    assert not received.any() and not seen.any()
