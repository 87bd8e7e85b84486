"""Deformable decoder: refine queries and their boxes, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn.bricks.transformer import MultiheadAttention
from mmdet.models.layers import (
    MLP,
    DeformableDetrTransformerDecoderLayer,
    coordinate_to_encoding,
    inverse_sigmoid,
)
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, cat, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from uninext.models.ops import DeformKeys, MSDeformAttention
from uninext.models.transformer.feature_pyramid import FeaturePyramid
from uninext.registry import MODELS


class _SelfAttention(MultiheadAttention):
    """mmcv's attention and its parameters; the (Q, Q) weights are not asked for."""

    def forward(self, query: Tensor, query_pos: Tensor, mask: Tensor | None) -> Tensor:
        """Attend among queries (B, Q, C); ``mask`` (Q, Q) True where it is blocked."""
        weight, bias = self.attn.in_proj_weight, self.attn.in_proj_bias
        split, heads = 2 * self.embed_dims, (self.num_heads, -1)
        both = F.linear(query + query_pos, weight[:split], bias[:split])
        value = F.linear(query, weight[split:], bias[split:])
        parts = (*both.chunk(2, dim=-1), value)
        if value.requires_grad and value.device.type == 'cpu':
            # Gradients of bfloat16 take four times as long there as those of float32.
            parts = tuple(part.float() for part in parts)
        attended = F.scaled_dot_product_attention(
            *(part.unflatten(-1, heads).transpose(1, 2) for part in parts),
            attn_mask=None if mask is None else ~mask,
            dropout_p=self.attn.dropout if self.training else 0.0,
        ).to(value.dtype)
        attended = self.attn.out_proj(attended.transpose(1, 2).flatten(2))
        return query + self.dropout_layer(self.proj_drop(attended))


class _DecoderLayer(DeformableDetrTransformerDecoderLayer):
    """mmdet's layer on attentions that keep no weights and need no compiled op."""

    def _init_layers(self) -> None:
        self_attn_cfg, attn_cfg = self.self_attn_cfg, self.cross_attn_cfg
        self.cross_attn_cfg = dict(embed_dims=attn_cfg['embed_dims'])
        super()._init_layers()
        self.self_attn = _SelfAttention(**self_attn_cfg)
        self.cross_attn = MSDeformAttention(**attn_cfg)

    def forward(
        self,
        query: Tensor,
        query_pos: Tensor,
        keys: DeformKeys,
        reference: Tensor,
        self_attn_mask: Tensor | None,
    ) -> Tensor:
        """Refine queries (B, Q, C) that look at boxes (B, Q, L, 4)."""
        query = self.norms[0](self.self_attn(query, query_pos, self_attn_mask))
        query = self.norms[1](self.cross_attn(query, keys, reference, query_pos))
        # Flat: ReLU in place on the view that a linear layer of (B, N, C) returns would
        # copy the gradient three times.
        refined = self.ffn(query.flatten(0, 1)).view_as(query)
        return self.norms[2](refined)


class BoxGuidedDecoderLayers(BaseModule):
    """Decoder layers whose queries are placed in the image by boxes.

    Args:
        num_layers: Number of layers.
        embed_dims: Channels C.
        num_heads: Attention heads.
        num_levels: Feature levels.
        num_points: Sampling points a head and level.
        feedforward_channels: Hidden channels of the feed-forward network.
        dropout: In attention outputs and feed-forward.
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
        self.ref_point_head = MLP(embed_dims * 2, embed_dims, embed_dims, 2)
        self.layers = ModuleList(
            _DecoderLayer(
                self_attn_cfg=dict(
                    embed_dims=embed_dims, num_heads=num_heads,
                    attn_drop=dropout, proj_drop=dropout, batch_first=True,
                ),
                cross_attn_cfg=dict(
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

    def run_layer(
        self,
        layer: _DecoderLayer,
        query: Tensor,
        reference: Tensor,
        pyramid: FeaturePyramid,
        key_padding_mask: Tensor | None,
        self_attn_mask: Tensor | None = None,
    ) -> Tensor:
        """Run one layer; queries look at what lies at their reference boxes.

        Args:
            layer: One of :attr:`layers`.
            query: (B, Q, C).
            reference: (B, Q, 4) boxes cxcywh in 0..1 of the un-padded image.
            pyramid: ``feat`` is the encoder's memory.
            key_padding_mask: (B, N) bool, True where the memory is hidden from the
                queries; None: nowhere.
            self_attn_mask: (Q, Q) bool, True where attention is blocked; None: nowhere.

        Returns:
            Tensor: (B, Q, C).
        """
        ratios = cat([pyramid.valid_ratios] * 2, -1)  # (B, L, 4)
        boxes = reference[:, :, None] * ratios[:, None]  # (B, Q, L, 4)
        sine = coordinate_to_encoding(boxes[:, :, 0], num_feats=self.embed_dims // 2)
        keys = layer.cross_attn.keys(pyramid.feat, *pyramid.places, key_padding_mask)
        return layer(query, self.ref_point_head(sine), keys, boxes, self_attn_mask)


@MODELS.register_module()
class DeformableDecoder(BoxGuidedDecoderLayers):
    """Decoder with iterative boxes and look-forward-twice; no output norm.

    Differs from mmdet's ``DinoTransformerDecoder``: the hidden states are the raw layer
    outputs, and the inverse sigmoid clips at 1e-5 (method.md 1.8).

    Paper: DINO, arXiv 2203.03605, Sec. 3.5 (look forward twice). Arguments: those of
    :class:`BoxGuidedDecoderLayers`.
    """

    def forward(
        self,
        query: Tensor,
        reference: Tensor,
        pyramid: FeaturePyramid,
        reg_branches: Sequence[nn.Module],
        self_attn_mask: Tensor | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Refine queries and their boxes.

        Args:
            query: (B, Q, C).
            reference: (B, Q, 4) boxes cxcywh in 0..1 of the un-padded image.
            pyramid: ``feat`` is the encoder's memory.
            reg_branches: One box regressor a layer (C -> 4).
            self_attn_mask: (Q, Q) bool, True where attention is blocked.

        Returns:
            tuple: ``hidden_states``, D tensors (B, Q, C), the output of each layer; and
            ``references``, D + 1 tensors (B, Q, 4): the given boxes, then those after
            each layer. They carry gradient; a layer itself looks at detached ones.
        """
        hidden_states, references = [], [reference]
        masks = pyramid.hidden_keys, self_attn_mask
        for layer, reg_branch in zip(self.layers, reg_branches):
            if self.with_cp and query.requires_grad:
                query = checkpoint(
                    self.run_layer, layer, query, reference, pyramid, *masks,
                    use_reentrant=False,
                )  # fmt: skip
            else:
                query = self.run_layer(layer, query, reference, pyramid, *masks)
            refined = (reg_branch(query) + inverse_sigmoid(reference)).sigmoid()
            hidden_states.append(query)
            references.append(refined)
            reference = refined.detach()
        return hidden_states, references
