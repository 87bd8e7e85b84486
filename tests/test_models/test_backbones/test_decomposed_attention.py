from __future__ import annotations

import pytest
import torch

from uninext.models.backbones import DecomposedAttention
from uninext.models.backbones.decomposed_attention import relative_vectors

SIZES = [(1, 1), (3, 5), (6, 2), (4, 4)]


def attention(table_side: int = 4) -> DecomposedAttention:
    built = DecomposedAttention(embed_dims=12, num_heads=3, table_side=table_side)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return built


def pair_by_pair(module: DecomposedAttention, x: torch.Tensor) -> torch.Tensor:
    """The definition, one pair of tokens after the other."""
    batch, height, width, channels = x.shape
    heads, dims = module.num_heads, module.head_dims
    out = torch.zeros(batch, height * width, channels)
    vectors_h = relative_vectors(module.rel_pos_h, height)
    vectors_w = relative_vectors(module.rel_pos_w, width)
    places = [(y, x) for y in range(height) for x in range(width)]
    for b in range(batch):
        q, k, v = module.qkv(x[b].flatten(0, 1)).chunk(3, -1)
        for head in range(heads):
            own = slice(head * dims, (head + 1) * dims)
            scores = torch.zeros(len(places), len(places))
            for i, (yi, xi) in enumerate(places):
                for j, (yj, xj) in enumerate(places):
                    scores[i, j] = q[i, own] @ (
                        k[j, own] / dims**0.5 + vectors_h[yi, yj] + vectors_w[xi, xj]
                    )
            out[b, :, own] = scores.softmax(1) @ v[:, own]
    return module.proj(out).view(x.shape)


def test_no_grid() -> None:
    assert attention()(torch.zeros(0, 3, 5, 12)).shape == (0, 3, 5, 12)


@pytest.mark.parametrize('size', SIZES, ids=str)
def test_is_what_the_definition_says(size) -> None:
    module, x = attention(), torch.randn(2, *size, 12)
    with torch.no_grad():
        torch.testing.assert_close(module(x), pair_by_pair(module, x))


def test_every_parameter_learns() -> None:
    module = attention()
    module(torch.randn(1, 3, 5, 12)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


def test_without_relative_positions_tokens_may_be_shuffled() -> None:
    module, x = attention(), torch.randn(1, 3, 5, 12)
    order = torch.randperm(15)
    shuffled = x.flatten(1, 2)[:, order].view(x.shape)
    with torch.no_grad():
        with_places = module(shuffled).flatten(1, 2)
        assert not torch.allclose(with_places, module(x).flatten(1, 2)[:, order])
        module.rel_pos_h.zero_()
        module.rel_pos_w.zero_()
        torch.testing.assert_close(
            module(shuffled).flatten(1, 2), module(x).flatten(1, 2)[:, order]
        )


def test_no_matrix_of_all_pairs_is_held() -> None:
    """The largest tensor of a pass is far below N x N."""
    module, sizes = attention(), []
    side = 40

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                sizes.append(out.numel())
            return out

    with Watch(), torch.no_grad():
        module(torch.randn(1, side, side, 12))
    assert 0 < max(sizes) < side**4 / 4


def test_vectors_of_the_stored_size_are_those_of_the_table() -> None:
    table = torch.arange(7.0)[:, None]
    assert relative_vectors(table, 4)[..., 0].tolist() == [
        [3, 2, 1, 0], [4, 3, 2, 1], [5, 4, 3, 2], [6, 5, 4, 3],
    ]  # fmt: skip


@pytest.mark.parametrize('size', [1, 2, 3, 9])
def test_vectors_of_other_sizes_are_stretched(size) -> None:
    """A straight line stays one; equal distances have equal vectors."""
    table = torch.arange(-3.0, 4)[:, None]
    vectors = relative_vectors(table, size)[..., 0]
    assert vectors.shape == (size, size)
    torch.testing.assert_close(vectors, -vectors.T)
    for distance in range(1 - size, size):
        along = vectors.diagonal(distance)
        assert (along == along[0]).all()
    assert (vectors[1:] - vectors[:-1] >= 0).all()


def test_heads_must_divide_channels() -> None:
    with pytest.raises(ValueError, match='multiple of num_heads, got 10 and 3'):
        DecomposedAttention(10, 3, 4)
