from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from helpers.recomputing import note_recomputed
from uninext.models.necks import BiDirectionalFusion
from uninext.models.necks import bi_directional_fusion as fusion_module
from uninext.structures import PromptFeatures

SIZES = dict(visual_dims=12, prompt_dims=20, embed_dims=16, num_heads=4)


def tiny(**kwargs) -> BiDirectionalFusion:
    fusion = BiDirectionalFusion(**{**SIZES, **kwargs})
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return fusion


def features(lengths: list[int], total: int) -> PromptFeatures:
    mask = torch.arange(total) < torch.tensor(lengths)[:, None]
    embeds = torch.randn(len(lengths), total, 20)
    return PromptFeatures(embeds, mask, False, [])


def oracle(fusion: BiDirectionalFusion, visual, embeds, mask):
    """One sample, in numpy, token by token (float64)."""
    p = {k: v.detach().double().numpy() for k, v in fusion.named_parameters()}

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * p[f'{name}.weight'] + p[f'{name}.bias']

    def project(x, name):
        return x @ p[f'{name}.weight'].T + p[f'{name}.bias']

    def softmax(x):
        e = np.exp(x - x.max())
        return e / e.sum()

    v = norm(visual.double().numpy(), 'visual_norm')
    t = norm(embeds.double().numpy(), 'prompt_norm')
    q, k = project(v, 'visual_query_proj'), project(t, 'prompt_key_proj')
    vv, vt = project(v, 'visual_value_proj'), project(t, 'prompt_value_proj')
    size = q.shape[1] // fusion.num_heads
    to_v, to_t = np.zeros_like(q), np.zeros_like(k)
    real = mask.numpy()
    for h in range(fusion.num_heads):
        cut = slice(h * size, (h + 1) * size)
        scores = np.clip(q[:, cut] @ k[:, cut].T / np.sqrt(size), -5e4, 5e4)
        for n in range(len(v)):
            to_v[n, cut] = softmax(scores[n, real]) @ vt[real, cut]
        for n in range(len(t)):
            to_t[n, cut] = softmax(scores[:, n]) @ vv[:, cut]
    v = v + p['visual_scale'] * project(to_v, 'visual_out_proj')
    t = t + p['prompt_scale'] * project(to_t, 'prompt_out_proj')
    return torch.from_numpy(v).float(), torch.from_numpy(t).float()


@pytest.mark.parametrize('gain', [1, 1e5], ids=['usual', 'clamped'])
def test_against_oracle(gain) -> None:
    fusion = tiny().eval()
    with torch.no_grad():
        fusion.visual_query_proj.weight.mul_(gain)
    visual, prompt = torch.randn(2, 7, 12), features([5, 3], 5)
    with torch.no_grad():
        out, fused = fusion(visual, prompt)
    for b in range(2):
        want = oracle(fusion, visual[b], prompt.embeds[b], prompt.mask[b])
        torch.testing.assert_close(out[b], want[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(fused.embeds[b], want[1], rtol=1e-4, atol=1e-5)


def test_trimmed_prompt_gives_equal_results() -> None:
    fusion = tiny().eval()
    visual, padded = torch.randn(2, 9, 12), features([6, 4], 256)
    trimmed = PromptFeatures(padded.embeds[:, :6], padded.mask[:, :6], False, [])
    out_padded, fused_padded = fusion(visual, padded)
    out, fused = fusion(visual, trimmed)
    torch.testing.assert_close(out, out_padded)
    torch.testing.assert_close(fused.embeds, fused_padded.embeds[:, :6])
    assert fused.mask is trimmed.mask


def test_order_of_image_tokens_does_not_matter() -> None:
    fusion = tiny().eval()
    visual, prompt = torch.randn(1, 6, 12), features([3], 3)
    order = torch.randperm(6)
    out, fused = fusion(visual, prompt)
    out_permuted, fused_permuted = fusion(visual[:, order], prompt)
    torch.testing.assert_close(out_permuted, out[:, order])
    torch.testing.assert_close(fused_permuted.embeds, fused.embeds)


def test_prompt_without_a_real_token_is_finite() -> None:
    out, fused = tiny()(torch.randn(1, 4, 12), features([0], 3))
    assert out.isfinite().all() and fused.embeds.isfinite().all()


def kept_features(lengths: list[list[int]]) -> PromptFeatures:
    """Prompts joined of tensors that a generator keeps."""
    parts = [tuple(torch.randn(size, 20) for size in sizes) for sizes in lengths]
    rows = [torch.cat(tensors) for tensors in parts]
    embeds = pad_sequence(rows, batch_first=True)
    mask = torch.arange(embeds.shape[1]) < torch.tensor([[len(r)] for r in rows])
    return PromptFeatures(embeds, mask, True, [], kept_tokens=parts)


@pytest.fixture
def sides(monkeypatch):
    """Of how many tokens the prompt's side was computed, call by call."""
    calls, compute = [], BiDirectionalFusion._prompt_side

    def counted(self, embeds):
        calls.append(len(embeds))
        return compute(self, embeds)

    monkeypatch.setattr(BiDirectionalFusion, '_prompt_side', counted)
    return calls


@torch.no_grad()
@pytest.mark.parametrize('lengths', [[[3]], [[3, 2], [4]], [[2], [2, 1]]])
def test_side_of_kept_tokens_is_computed_once(lengths, sides) -> None:
    fusion, prompt = tiny().eval(), kept_features(lengths)
    visual = torch.randn(len(lengths), 6, 12)
    first = fusion(visual, prompt)
    assert sides == [size for sizes in lengths for size in sizes]
    second = fusion(visual, prompt)
    assert len(sides) == sum(map(len, lengths))
    expected = fusion(visual, replace(prompt, kept_tokens=None))
    for out, fused in (first, second):
        torch.testing.assert_close(out, expected[0])
        torch.testing.assert_close(fused.embeds, expected[1].embeds)


@torch.no_grad()
def test_kept_side_is_of_the_present_weights(sides) -> None:
    fusion, prompt = tiny().eval(), kept_features([[3]])
    visual = torch.randn(1, 6, 12)
    fusion(visual, prompt)
    fusion.prompt_key_proj.weight.mul_(2)
    fusion(visual, prompt)
    assert sides == [3, 3], 'changed in place'
    fusion.train()
    fusion.eval()(visual, prompt)
    assert sides == [3, 3, 3], 'may have been swapped'


@torch.no_grad()
def test_what_is_kept_is_bounded_and_ends_with_its_tokens(sides) -> None:
    fusion = tiny(kept_tokens=5).eval()
    prompts = [kept_features([[size]]) for size in (2, 3, 1)]
    for prompt in (*prompts, prompts[1]):
        fusion(torch.randn(1, 6, 12), prompt)
    assert sides == [2, 3, 1], 'the longest unused went'
    assert len(fusion._kept) == 2
    del prompts, prompt
    assert len(fusion._kept) == 0


@torch.no_grad()
def test_pooled_prompts_come_back_as_their_average() -> None:
    fusion, prompt = tiny().eval(), features([4, 2], 4)
    visual = torch.randn(2, 6, 12)
    out, fused = fusion(visual, prompt)
    pooled_out, pooled = fusion(visual, replace(prompt, pooled=True))
    torch.testing.assert_close(pooled_out, out)
    assert pooled.embeds.shape == (2, 1, 20) and pooled.mask.all()
    torch.testing.assert_close(pooled.pool(), fused.pool())


def test_gradient_reaches_every_parameter() -> None:
    fusion = tiny()
    out, fused = fusion(torch.randn(2, 5, 12), features([4, 2], 4))
    (out.square().sum() + fused.embeds.square().sum()).backward()
    for name, parameter in fusion.named_parameters():
        # a key's bias shifts all scores of an image token alike, but not of a prompt's
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_checkpointing_gives_equal_gradients(monkeypatch) -> None:
    recomputed = note_recomputed(monkeypatch, fusion_module)
    plain, saving = tiny(), tiny(with_cp=True)
    saving.load_state_dict(plain.state_dict())
    visual, prompt = torch.randn(1, 5, 12), features([4], 4)
    results = []
    for fusion in (plain, saving):
        torch.manual_seed(3)  # the same dropout
        out, fused = fusion(visual, prompt)
        (out.square().sum() + fused.embeds.square().sum()).backward()
        results.append([out, *(p.grad for p in fusion.parameters())])
        assert len(recomputed) == (fusion is saving)
    for a, b in zip(*results):
        torch.testing.assert_close(a, b)


def test_dropout_only_in_training() -> None:
    fusion = tiny(dropout=0.5)
    args = torch.randn(1, 5, 12), features([4], 4)
    assert not torch.allclose(fusion(*args)[0], fusion(*args)[0])
    fusion.eval()
    assert torch.equal(fusion(*args)[0], fusion(*args)[0])


def test_float32_under_autocast() -> None:
    fusion = tiny().eval()
    visual, prompt = torch.randn(1, 5, 12), features([4], 4)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out, fused = fusion(visual, prompt)
    assert out.dtype == fused.embeds.dtype == torch.float32
    assert torch.equal(out, fusion(visual, prompt)[0])


def test_initial_values_are_those_published() -> None:
    fusion = BiDirectionalFusion(**SIZES)
    assert torch.equal(fusion.visual_scale, torch.full((12,), 1 / 6))
    bound = (6 / (12 + 16)) ** 0.5
    assert fusion.visual_query_proj.weight.abs().max() <= bound
    assert fusion.prompt_out_proj.bias.abs().sum() == 0


@pytest.mark.parametrize(
    ('kwargs', 'match'),
    [(dict(num_heads=3), 'multiple of num_heads'), (dict(dropout=1.0), 'dropout')],
)
def test_wrong_arguments(kwargs, match) -> None:
    with pytest.raises(ValueError, match=match):
        BiDirectionalFusion(**{**SIZES, **kwargs})
