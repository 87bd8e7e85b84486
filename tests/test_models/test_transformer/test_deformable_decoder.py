from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.pyramids import CHANNELS, numbers_unread, random_pyramid
from helpers.recomputing import note_recomputed
from uninext.models.transformer import DeformableDecoder
from uninext.models.transformer import decoder as decoder_module

QUERIES = 6


def decoder(with_cp: bool = False) -> DeformableDecoder:
    torch.manual_seed(1)
    return DeformableDecoder(
        num_layers=3,
        embed_dims=CHANNELS,
        num_heads=4,
        num_points=2,
        feedforward_channels=16,
        with_cp=with_cp,
    )


def branches() -> nn.ModuleList:
    torch.manual_seed(2)
    return nn.ModuleList(nn.Linear(CHANNELS, 4) for _ in range(4))


def queries(batch: int = 2):
    return torch.randn(batch, QUERIES, CHANNELS), torch.rand(batch, QUERIES, 4)


def test_boxes_are_refined_in_logit_space():
    query, reference = queries()
    regs = branches()
    hidden, references = decoder()(query, reference, random_pyramid(), regs)
    for i in range(3):
        before = references[i].clamp(1e-5, 1 - 1e-5)
        expected = (regs[i](hidden[i]) + torch.logit(before)).sigmoid()
        torch.testing.assert_close(references[i + 1], expected)


def test_order_of_queries_does_not_matter():
    query, reference = queries()
    order = torch.randperm(QUERIES)
    model, regs, pyramid = decoder(), branches(), random_pyramid()
    hidden, references = model(query, reference, pyramid, regs)
    permuted = model(query[:, order], reference[:, order], pyramid, regs)
    for plain, other in zip(hidden + references, permuted[0] + permuted[1]):
        torch.testing.assert_close(plain[:, order], other, atol=1e-5, rtol=1e-5)


def test_batch_is_its_rows():
    query, reference = queries()
    model, regs, pyramid = decoder(), branches(), random_pyramid()
    hidden, _ = model(query, reference, pyramid, regs)
    for i in range(2):
        row = slice(i, i + 1)
        one = pyramid.index([i])
        alone, _ = model(query[row], reference[row], one, regs)
        torch.testing.assert_close(hidden[-1][row], alone[-1], atol=1e-5, rtol=1e-5)


def test_padded_memory_says_nothing():
    query, reference = queries()
    model, regs, pyramid = decoder(), branches(), random_pyramid()
    assert pyramid.padding_mask.any()
    other = pyramid.feat.masked_fill(pyramid.padding_mask[..., None], 50.0)
    plain, _ = model(query, reference, pyramid, regs)
    noisy, _ = model(query, reference, pyramid.with_feat(other), regs)
    torch.testing.assert_close(plain[-1], noisy[-1])


def test_blocked_queries_say_nothing():
    """The first two see each other only; the others may change as they like."""
    query, reference = queries()
    mask = torch.zeros(QUERIES, QUERIES, dtype=torch.bool)
    mask[:2, 2:] = True
    model, regs, pyramid = decoder(), branches(), random_pyramid()
    plain, _ = model(query, reference, pyramid, regs, mask)
    query = torch.cat([query[:, :2], query[:, 2:] + 5], 1)
    other, _ = model(query, reference, pyramid, regs, mask)
    torch.testing.assert_close(plain[-1][:, :2], other[-1][:, :2])
    assert not torch.allclose(plain[-1][:, 2:], other[-1][:, 2:])


def test_attention_among_queries_has_float32_gradients(monkeypatch):
    """On CPUs, where those of bfloat16 are slow; what it returns stays as narrow."""
    attend, kinds = decoder_module.F.scaled_dot_product_attention, []

    def noted(*parts, **options):
        kinds.append(parts[0].dtype)
        return attend(*parts, **options)

    monkeypatch.setattr(decoder_module.F, 'scaled_dot_product_attention', noted)
    query, layer = queries()[0], decoder().layers[0].self_attn
    whole = layer(query, query, None)
    with torch.autocast('cpu', torch.bfloat16):
        narrow = layer(query, query, None)
        with torch.no_grad():
            layer(query, query, None)
    assert kinds == [torch.float32, torch.float32, torch.bfloat16]
    torch.testing.assert_close(narrow, whole, atol=0.05, rtol=0.05)


def test_a_layer_looks_at_detached_boxes():
    query, reference = queries()
    regs = branches()
    hidden, _ = decoder()(query, reference, random_pyramid(), regs)
    gradients = torch.autograd.grad(
        hidden[-1].square().sum(), list(regs.parameters()), allow_unused=True
    )
    assert all(g is None for g in gradients)


def test_look_forward_twice():
    """Boxes of a layer reach the regressor of the layer before, and no earlier one."""
    query, reference = queries()
    regs = branches()
    hidden, references = decoder()(query, reference, random_pyramid(), regs)
    for layer in (1, 2):
        box = regs[layer](hidden[layer]) + torch.logit(references[layer])
        gradients = torch.autograd.grad(
            box.sum(), [r.weight for r in regs], allow_unused=True, retain_graph=True
        )
        reached = [g is not None and bool(g.abs().sum() > 0) for g in gradients]
        assert reached == [i in (layer, layer - 1) for i in range(4)]


def test_gradient_reaches_the_given_boxes_and_every_parameter():
    query, reference = queries()
    reference.requires_grad_()
    model = decoder()
    hidden, references = model(query, reference, random_pyramid(), branches())
    loss = sum(x.square().sum() for x in hidden) + references[1].sum()
    loss.backward()
    assert reference.grad.abs().sum() > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize('learns', [True, False])
def test_recomputing_changes_no_number(monkeypatch, learns):
    recomputed = note_recomputed(monkeypatch, decoder_module)
    query, reference = queries()
    pyramid, weight = random_pyramid(), torch.randn_like(query)
    results = []
    for with_cp in (False, True):
        model, given = decoder(with_cp), query.clone().requires_grad_(learns)
        hidden, references = model(given, reference, pyramid, branches())
        (hidden[-1] * weight).sum().backward()
        tensors = [*hidden, *references, *(p.grad for p in model.parameters())]
        results.append(tensors + ([given.grad] if learns else []))
        layers = 3 if learns else 2  # the first has nothing to keep unless it learns
        assert len(recomputed) == (layers if with_cp else 0)
    for plain, recomputed in zip(*results):
        torch.testing.assert_close(plain, recomputed)


def test_sizes_are_not_asked_of_the_device():
    given, args = queries(), (random_pyramid(), branches())
    model = decoder()
    with numbers_unread():
        hidden, _ = model(*given, *args)
    assert torch.equal(hidden[-1], model(*given, *args)[0][-1])
