"""Self-attention over a grid of tokens, with relative positions along each axis.

No matrix of all pairs of tokens is ever held.

Shape legend: B grids, H x W tokens, N = H * W, C channels, h heads, D = C / h.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Flash attention wants rows of whole 16 bytes in half precision.
_ROW_MULTIPLE = 8


class DecomposedAttention(nn.Module):
    """Multi-head attention whose scores know how far apart two tokens are.

    The score of query ``i`` and key ``j`` is ``scale * q_i . k_j`` plus ``q_i`` times a
    vector for their distance in rows plus ``q_i`` times one for that in columns.

    Both terms depend on ``j`` by its row and its column alone, so they are written as
    further channels: the query gets its H + W terms, the key a one at its row and a one
    at its column. The product of the longer vectors is the score, and any fused kernel
    computes it without a bias of N x N numbers: 1.1 GB a layer for 800 x 1344 pixels.

    Paper: MViTv2, arXiv 2112.01526, Eq. 4 and 5; the query in them is not scaled, as in
    ViTDet, arXiv 2203.16527.

    Args:
        embed_dims: Channels C.
        num_heads: Heads h; C must be a multiple.
        table_side: Side S of the grids that the tables of relative positions are for,
            of 2 S - 1 rows each; for other grids they are interpolated.

    Raises:
        ValueError: If the heads do not divide the channels.
    """

    def __init__(self, embed_dims: int, num_heads: int, table_side: int) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise ValueError(
                f'embed_dims must be a multiple of num_heads, got {embed_dims} and '
                f'{num_heads}.'
            )
        self.num_heads = num_heads
        self.head_dims = embed_dims // num_heads
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        table = (2 * table_side - 1, self.head_dims)
        self.rel_pos_h = nn.Parameter(torch.zeros(table))
        self.rel_pos_w = nn.Parameter(torch.zeros(table))

    def forward(self, x: Tensor) -> Tensor:
        """Attend within each grid; (B, H, W, C) to the same."""
        batch, height, width, channels = x.shape
        qkv = self.qkv(x).view(batch, height * width, 3, self.num_heads, self.head_dims)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, h, N, D)
        grid = query.unflatten(2, (height, width))
        vectors_h = relative_vectors(self.rel_pos_h, height).to(query.dtype)
        vectors_w = relative_vectors(self.rel_pos_w, width).to(query.dtype)
        by_row = torch.einsum('bnhwd,hkd->bnhwk', grid, vectors_h)  # (B, h, H, W, H)
        by_column = torch.einsum('bnhwd,wkd->bnhwk', grid, vectors_w)  # (..., W)
        query = query * self.head_dims**-0.5
        query = torch.cat([query, by_row.flatten(2, 3), by_column.flatten(2, 3)], -1)
        place = _one_hot_places(height, width, query)  # (N, H + W)
        key = torch.cat([key, place.expand(*key.shape[:2], -1, -1)], -1)
        long = query.shape[-1] + -query.shape[-1] % _ROW_MULTIPLE
        out = F.scaled_dot_product_attention(
            *(F.pad(t, (0, long - t.shape[-1])) for t in (query, key, value)), scale=1.0
        )  # (B, h, N, D + H + W + ...)
        out = out[..., : self.head_dims].transpose(1, 2)
        return self.proj(out.reshape(batch, height, width, channels))


def relative_vectors(table: Tensor, size: int) -> Tensor:
    """(size, size, D): ``[i, j]`` is the vector for the distance ``i - j`` on an axis.

    ``table`` (2 S - 1, D) is for distances from -(S - 1) to S - 1; if ``size`` is not
    S, it is stretched linearly.
    """
    num_distances = 2 * size - 1
    if len(table) != num_distances:
        table = F.interpolate(
            table.t()[None], size=num_distances, mode='linear', align_corners=False
        )[0].t()
    places = torch.arange(size, device=table.device)
    return table[places[:, None] - places + size - 1]


def _one_hot_places(height: int, width: int, like: Tensor) -> Tensor:
    """(H * W, H + W): ones at the row and the column of each token, row by row."""
    rows = torch.eye(height, device=like.device, dtype=like.dtype)
    columns = torch.eye(width, device=like.device, dtype=like.dtype)
    return torch.cat([rows.repeat_interleave(width, 0), columns.repeat(height, 1)], 1)
