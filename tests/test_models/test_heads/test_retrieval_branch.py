from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.heads import RetrievalBranch


def branch() -> RetrievalBranch:
    built = RetrievalBranch(embed_dims=6, prompt_dims=5)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.5)
    return built


@pytest.mark.parametrize(('queries', 'tokens'), [(0, 3), (4, 0)])
def test_nothing_to_compare(queries, tokens):
    logits = branch()(torch.randn(2, queries, 6), torch.randn(2, tokens, 5))
    assert logits.shape == (2, queries, tokens)


def test_equals_the_formula():
    model = branch()
    query, prompt = torch.randn(2, 4, 6), torch.randn(2, 3, 5) * 3
    p = {n: v.detach().numpy().astype(float) for n, v in model.named_parameters()}
    expected = np.zeros((2, 4, 3))
    for b, q, token in np.ndindex(2, 4, 3):
        e = prompt[b, token].numpy().astype(float)
        e = e / np.sqrt((e**2).sum())
        key = p['text_proj.weight'] @ (e / 2) + p['text_proj.bias']
        product = query[b, q].numpy() @ key / np.exp(p['log_scale'][0])
        expected[b, q, token] = product + e @ p['text_bias'] + p['bias'][0]
    np.testing.assert_allclose(model(query, prompt).detach(), expected, rtol=1e-4)


def test_padding_of_zeros_gives_finite_numbers():
    model = branch()
    prompt = torch.zeros(1, 2, 5, requires_grad=True)
    logits = model(torch.randn(1, 3, 6), prompt)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert prompt.grad.isfinite().all()


@pytest.mark.parametrize('sign', [1, -1])
def test_logits_are_limited(sign):
    logits = branch()(torch.full((1, 1, 6), sign * 1e9), torch.randn(1, 8, 5))
    assert logits.abs().max() == 50000


def test_starts_at_a_probability_of_one_percent():
    logits = RetrievalBranch(6, 5)(torch.zeros(1, 2, 6), torch.randn(1, 3, 5))
    torch.testing.assert_close(logits.sigmoid(), torch.full((1, 2, 3), 0.01))


def test_computes_in_float32_under_autocast():
    model = branch()
    query, prompt = torch.randn(1, 4, 6), torch.randn(1, 3, 5)
    with torch.autocast('cpu', torch.bfloat16):
        logits = model(query, prompt)
    torch.testing.assert_close(logits, model(query, prompt))
