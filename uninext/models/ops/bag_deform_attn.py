"""Multi-scale deformable attention by PyTorch's bags of embeddings, for CPUs.

Bilinear sampling and the weighted sum that follows *are* one weighted sum of table rows
for each query and head: of 4 cells a sample. The CPU kernel of ``embedding_bag`` does
such sums at the speed of memory, and nothing in between is stored.

Levels stand in the table one after the other, each within a border of zeros, so that a
sample outside of the map, clamped to the border, needs no mask.

Shape legend: B batch, N = sum Hl*Wl keys, R cells of the table, Q queries, q queries of
a block, M heads, D channels a head, L levels, P points, S = L*P samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

QUERIES_AT_ONCE = 1024  # temporaries of so many stay in the caches
LEARNED_AT_ONCE = 4096  # queries whose gradients are sorted by cell together
CORNERS = 4  # cells a sample

warnings.filterwarnings('ignore', message='Sparse CSR tensor support is in beta')


@dataclass(frozen=True)
class _Table:
    """Where cells are in the table, (S,) numbers each, one for every sample.

    Attributes:
        sizes_hw: (height, width) of each level.
        starts: First cell of each level.
        num_cells: R.
        size_wh: (S, 2) float.
        stride: (S,) float, cells from a row of the level to the next.
        origin: (S,) float, the cell (0, 0) of the level.
        corners: (4, S) int32, from the upper left cell of a sample to its four.
    """

    sizes_hw: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]
    num_cells: int
    size_wh: Tensor
    stride: Tensor
    origin: Tensor
    corners: Tensor

    @classmethod
    def of_levels(
        cls, sizes_hw: Sequence[tuple[int, int]], num_points: int, like: Tensor
    ) -> _Table:
        """Lay out levels, each with a row more above and two below.

        The column of zeros at the right of a row is the left one of the next.
        """
        sizes_hw = tuple((int(height), int(width)) for height, width in sizes_hw)
        starts, end = [], 0
        for height, width in sizes_hw:
            starts.append(end)
            end += (height + 3) * (width + 1) + 2

        def of_samples(values: Sequence[Any], dtype: torch.dtype) -> Tensor:
            numbers = torch.tensor(values, dtype=dtype, device=like.device)
            return numbers.repeat_interleave(num_points, dim=0)

        strides = [width + 1 for _, width in sizes_hw]
        corners = [(0, 1, stride, stride + 1) for stride in strides]
        return cls(
            sizes_hw,
            tuple(starts),
            end,
            size_wh=of_samples([size[::-1] for size in sizes_hw], like.dtype),
            stride=of_samples(strides, like.dtype),
            origin=of_samples(
                [start + stride + 1 for start, stride in zip(starts, strides)],
                like.dtype,
            ),
            corners=of_samples(corners, torch.int32).T.contiguous(),
        )

    def levels_of(self, cells: Tensor) -> Iterator[Tensor]:
        """Views (B, Hl, Wl, ...) of the levels in a table (B, R, ...)."""
        for start, (height, width) in zip(self.starts, self.sizes_hw):
            first = start + width + 2
            rows = cells[:, first : first + height * (width + 1)]
            yield rows.unflatten(1, (height, width + 1))[:, :, :width]

    def fill(self, value: Tensor) -> Tensor:
        """(B, R, M, D): the keys (B, N, M, D), and zeros around each level."""
        cells = value.new_zeros(value.shape[0], self.num_cells, *value.shape[2:])
        for level, keys in zip(self.levels_of(cells), self._split(value)):
            level.copy_(keys)
        return cells

    def empty(self, cells: Tensor) -> Tensor:
        """(B, N, M, D) of what stands in a table."""
        return torch.cat([level.flatten(1, 2) for level in self.levels_of(cells)], 1)

    def _split(self, value: Tensor) -> list[Tensor]:
        parts = value.split([height * width for height, width in self.sizes_hw], 1)
        return [part.unflatten(1, size) for part, size in zip(parts, self.sizes_hw)]


@dataclass
class _Samples:
    """Samples of a block of queries: cells and how much they weigh.

    Attributes:
        cells: (q * M, 4 * S) int32, rows of the table (R * M, D).
        fraction_x, fraction_y: (q, M, S) in 0..1, from the upper left cell.
    """

    cells: Tensor
    fraction_x: Tensor
    fraction_y: Tensor

    @classmethod
    def at(cls, locations: Tensor, table: _Table) -> _Samples:
        """Of locations (q, M, L, P, 2) in 0..1."""
        places = _clamped(_in_cells(locations, table), table)
        corner = places.floor()
        fraction = places.sub_(corner)
        num_heads = places.shape[1]
        heads = torch.arange(num_heads, dtype=torch.int32, device=places.device)
        first = torch.addcmul(corner[..., 0], corner[..., 1], table.stride)
        # nan locations, of training that diverged, stay inside: their weights are nan
        first = first.add_(table.origin).nan_to_num_(0.0).to(torch.int32)
        first = first.mul_(num_heads).add_(heads[:, None])
        cells = first[:, :, None] + table.corners * num_heads  # (q, M, 4, S)
        return cls(cells.flatten(2).flatten(0, 1), fraction[..., 0], fraction[..., 1])

    def weights(self, attention: Tensor) -> Tensor:
        """(q * M, 4 * S) of each cell, by the weights (q, M, S) of the samples."""
        weights = attention.new_empty(*attention.shape[:2], CORNERS, attention.shape[2])
        left_top, right_top, left_low, right_low = weights.unbind(2)
        low = attention * self.fraction_y
        torch.mul(low, self.fraction_x, out=right_low)
        torch.sub(low, right_low, out=left_low)
        top = torch.sub(attention, low, out=low)
        torch.mul(top, self.fraction_x, out=right_top)
        torch.sub(top, right_top, out=left_top)
        return weights.flatten(2).flatten(0, 1)


def _in_cells(locations: Tensor, table: _Table) -> Tensor:
    """(q, M, S, 2) places (x, y) in cells of their level, from the first's centre."""
    half = locations.new_tensor(-0.5)
    return torch.addcmul(half, locations.flatten(2, 3), table.size_wh)


def _clamped(places: Tensor, table: _Table) -> Tensor:
    """The same on the map or on its border of zeros; changes what it gets."""
    return torch.minimum(places.clamp_(min=-1.0), table.size_wh, out=places)


class _BagDeformAttn(torch.autograd.Function):
    """What it keeps for the backward pass are its arguments."""

    @staticmethod
    def forward(
        ctx: Any,
        value: Tensor,
        locations: Tensor,
        attention: Tensor,
        sizes_hw: Sequence[tuple[int, int]],
    ) -> Tensor:
        ctx.save_for_backward(value, locations, attention)
        ctx.sizes_hw = sizes_hw
        return _attend(value, locations, attention, sizes_hw)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        value, locations, attention = ctx.saved_tensors
        return *_gradients(grad, value, locations, attention, ctx.sizes_hw), None


def bag_deform_attn(
    value: Tensor,
    sizes_hw: Sequence[tuple[int, int]],
    locations: Tensor,
    attention: Tensor,
) -> Tensor:
    """Sample bilinearly and sum with the weights; zeros outside of a level.

    Paper: Deformable DETR, arXiv 2010.04159, Eq. 3. Not differentiable twice.

    Args:
        value: (B, N, M, D).
        sizes_hw: L pairs (height, width).
        locations: (B, Q, M, L, P, 2), (x, y) in 0..1 of each level.
        attention: (B, Q, M, L, P).

    Returns:
        Tensor: (B, Q, M * D).
    """
    if torch.is_grad_enabled() and any(
        t.requires_grad for t in (value, locations, attention)
    ):
        return _BagDeformAttn.apply(value, locations, attention, sizes_hw)
    return _attend(value, locations, attention, sizes_hw)


class KeyTable:
    """Keys that queries sample without gradient, in one call or in many.

    Args:
        value: (B, N, M, D).
        sizes_hw: L pairs (height, width).
        num_points: P.
    """

    def __init__(
        self, value: Tensor, sizes_hw: Sequence[tuple[int, int]], num_points: int
    ) -> None:
        self._table = _Table.of_levels(sizes_hw, num_points, value)
        self._cells = self._table.fill(value)

    def attend(self, locations: Tensor, attention: Tensor) -> Tensor:
        """See :func:`bag_deform_attn`."""
        batch, num_queries, heads = locations.shape[:3]
        channels = self._cells.shape[-1]
        output = self._cells.new_empty(batch, num_queries, heads * channels)
        for b, cells in enumerate(self._cells):
            rows = cells.view(-1, channels)
            for block in _blocks(num_queries, QUERIES_AT_ONCE):
                samples = _Samples.at(locations[b, block], self._table)
                weights = samples.weights(attention[b, block].flatten(2))
                sums = F.embedding_bag(
                    samples.cells, rows, mode='sum', per_sample_weights=weights
                )
                output[b, block] = sums.view(-1, heads * channels)
        return output


def _attend(
    value: Tensor,
    locations: Tensor,
    attention: Tensor,
    sizes_hw: Sequence[tuple[int, int]],
) -> Tensor:
    table = KeyTable(value, sizes_hw, locations.shape[4])
    return table.attend(locations, attention)


def _gradients(
    grad: Tensor,
    value: Tensor,
    locations: Tensor,
    attention: Tensor,
    sizes_hw: Sequence[tuple[int, int]],
) -> tuple[Tensor, Tensor, Tensor]:
    """Of value, locations and attention."""
    channels = value.shape[-1]
    table = _Table.of_levels(sizes_hw, locations.shape[4], locations)
    cells = table.fill(value)
    grad_cells = torch.zeros_like(cells)
    grad_locations, grad_attention = map(torch.empty_like, (locations, attention))
    for b in range(len(value)):
        rows, grad_rows = (c[b].view(-1, channels) for c in (cells, grad_cells))
        for block in _blocks(locations.shape[1], LEARNED_AT_ONCE):
            samples = _Samples.at(locations[b, block], table)
            weights = attention[b, block].flatten(2)
            grads = grad[b, block].reshape(-1, channels)
            grad_rows += _sum_by_row(
                samples.cells, samples.weights(weights), grads, len(rows)
            )
            of_corners = _similarities(samples.cells, grads, rows)
            of_places, of_weights = _of_samples(
                of_corners.view(*weights.shape[:2], CORNERS, -1), samples, weights
            )
            of_places *= _is_on_map(locations[b, block], table) * table.size_wh
            grad_locations[b, block] = of_places.view_as(locations[b, block])
            grad_attention[b, block] = of_weights.view_as(attention[b, block])
    return table.empty(grad_cells), grad_locations, grad_attention


def _sum_by_row(cells: Tensor, weights: Tensor, grads: Tensor, num: int) -> Tensor:
    """(num, D): for each row of the table the gradients (q * M, D) that it gets.

    The bags turned round. A product with the transpose by SciPy, which adds where it
    looks; PyTorch would sort the cells first.
    """
    from scipy.sparse import csr_array  # no prediction needs it

    size = cells.shape[1]
    start = np.arange(0, cells.numel() + 1, size, dtype=np.int32)
    looked_at = csr_array(
        (weights.flatten().numpy(), cells.flatten().numpy(), start),
        shape=(len(cells), num),
    )
    return torch.from_numpy(looked_at.T @ grads.numpy())


def _similarities(cells: Tensor, grads: Tensor, rows: Tensor) -> Tensor:
    """(q * M, 4 * S) products of each query's gradient with the rows it looked at."""
    num, size = cells.shape
    start = torch.arange(0, (num + 1) * size, size, dtype=cells.dtype)
    zeros = grads.new_zeros(num * size)
    where = torch.sparse_csr_tensor(
        start.to(cells.device), cells.flatten(), zeros, (num, len(rows)),
        check_invariants=False,
    )  # fmt: skip
    return torch.sparse.sampled_addmm(where, grads, rows.T, beta=0.0).values()


def _of_samples(
    of_corners: Tensor, samples: _Samples, attention: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients (q, M, S, 2) of places and (q, M, S) of weights.

    By those (q, M, 4, S) of the weights of corners.
    """
    left_top, right_top, left_low, right_low = of_corners.unbind(2)
    x, y = samples.fraction_x, samples.fraction_y
    top, low = torch.lerp(left_top, right_top, x), torch.lerp(left_low, right_low, x)
    of_x = torch.lerp(right_top - left_top, right_low - left_low, y)
    of_places = torch.stack([of_x, low - top], -1) * attention[..., None]
    return of_places, torch.lerp(top, low, y)


def _is_on_map(locations: Tensor, table: _Table) -> Tensor:
    """(q, M, S, 2) bool: a place that was clamped has no gradient."""
    places = _in_cells(locations, table)
    return (places >= -1) & (places < table.size_wh)


def _blocks(num: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, num, size))
