"""Deformable encoder of fused visual features."""

from __future__ import annotations

import torch
from mmdet.models.layers import DeformableDetrTransformerEncoderLayer
from mmengine.model import BaseModule, ModuleList
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from uninext.models.ops import DeformKeys, MSDeformAttention
from uninext.models.transformer.feature_pyramid import FeaturePyramid
from uninext.registry import MODELS

TOKENS_AT_ONCE = 1024


class _EncoderLayer(DeformableDetrTransformerEncoderLayer):
    """mmdet's layer on an attention that needs no compiled op."""

    def _init_layers(self) -> None:
        attn_cfg = self.self_attn_cfg
        self.self_attn_cfg = dict(embed_dims=attn_cfg['embed_dims'])
        super()._init_layers()
        self.self_attn = MSDeformAttention(**attn_cfg)

    def forward(
        self, keys: DeformKeys, query: Tensor, query_pos: Tensor, reference: Tensor
    ) -> Tensor:
        """Refine tokens (B, N, C); ``reference`` (B, N, L, 2) is where they look."""
        query = self.norms[0](self.self_attn(query, keys, reference, query_pos))
        # Flat: ReLU in place on the view that a linear layer of (B, N, C) returns would
        # copy the gradient three times.
        refined = self.ffn(query.flatten(0, 1)).view_as(query)
        return self.norms[1](refined)


@MODELS.register_module()
class DeformableEncoder(BaseModule):
    """Layers of deformable self-attention and feed-forward, post-norm, ReLU.

    Paper: Deformable DETR, arXiv 2010.04159.

    Args:
        num_layers: Number of layers.
        embed_dims: Channels C.
        num_heads: Attention heads.
        num_levels: Feature levels.
        num_points: Sampling points a head and level.
        feedforward_channels: Hidden channels of the feed-forward network.
        dropout: In attention output and feed-forward.
        with_cp: Recompute activations in the backward pass to save memory.
    """

    def __init__(
        self,
        num_layers: int = 6,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_levels: int = 4,
        num_points: int = 4,
        feedforward_channels: int = 2048,
        dropout: float = 0.0,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.with_cp = with_cp
        self.layers = ModuleList(
            _EncoderLayer(
                self_attn_cfg=dict(
                    embed_dims=embed_dims, num_heads=num_heads, num_levels=num_levels,
                    num_points=num_points, dropout=dropout, batch_first=True,
                ),
                ffn_cfg=dict(
                    embed_dims=embed_dims, feedforward_channels=feedforward_channels,
                    ffn_drop=dropout,
                ),
            )
            for _ in range(num_layers)
        )  # fmt: skip

    def forward(self, pyramid: FeaturePyramid) -> Tensor:
        """Refine the features; returns memory (B, N, C)."""
        reference = pyramid.reference_points()  # (B, N, L, 2)
        query = pyramid.feat
        for layer in self.layers:
            if self.with_cp and query.requires_grad:
                query = checkpoint(
                    self._run, layer, query, reference, pyramid, use_reentrant=False
                )
            else:
                query = self._run(layer, query, reference, pyramid)
        return query

    @staticmethod
    def _run(
        layer: _EncoderLayer, query: Tensor, reference: Tensor, pyramid: FeaturePyramid
    ) -> Tensor:
        """Run one layer.

        On a CPU where nothing is learnt, a block of tokens goes through the whole layer
        before the next one: what is made in between stays in the caches.
        """
        parts = query, pyramid.feat_pos, reference
        attention = layer.self_attn
        if torch.is_grad_enabled() or query.device.type != 'cpu':
            keys = attention.keys(query, *pyramid.places, pyramid.hidden_keys)
            return layer(keys, *parts)
        refined = torch.empty_like(query)
        for b in range(len(query)):
            row, hidden = slice(b, b + 1), pyramid.hidden_keys
            hidden = None if hidden is None else hidden[row]
            keys = attention.keys(query[row], *pyramid.places, hidden)
            for start in range(0, query.shape[1], TOKENS_AT_ONCE):
                block = row, slice(start, start + TOKENS_AT_ONCE)
                refined[block] = layer(keys, *(part[block] for part in parts))
        return refined
