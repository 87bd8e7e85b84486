"""A plain vision transformer as detection backbone.

It gives the neck three levels, at strides 8, 16 and 32.

Shape legend: B images, H x W tokens of 16 x 16 pixels, C channels, S side of a window.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import FFN
from mmengine.model import BaseModule, ModuleList
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from uninext.models.backbones.decomposed_attention import DecomposedAttention
from uninext.registry import MODELS

PATCH_SIZE = 16
COARSEST_STRIDE = 32
NORM_EPS = 1e-6
MLP_RATIO = 4  # hidden channels of the feed-forward networks, in C
# Side, in tokens, of the images of the pretraining. The position table has one row more
# for the class token, which is kept for the checkpoints' sake and not used.
PRETRAIN_SIDE = 14
GLOBAL_SIDE = 64  # tokens that relative positions of blocks without windows are for


@MODELS.register_module()
class UninextViT(BaseModule):
    """ViT whose last map becomes three levels by one plain operation each.

    A transposed convolution makes stride 8 (C / 2 channels), the map itself is stride
    16, and its maximum over 2 x 2 tokens stride 32; none of them is normalised.

    It is no subclass of ``mmpretrain.ViTSAM``, whose names of layers it shares: that
    drops no path of the attention, gives one level, has no place for the class token of
    MAE's position table, and holds the scores of all heads.

    Paper: Exploring Plain Vision Transformer Backbones for Object Detection, arXiv
    2203.16527, of which the pyramid is not the one here. Follows: method section 1.2.
    The default is ViT-H as published: windows in eight blocks of 32 only.

    Args:
        embed_dims: Channels C.
        num_layers: Blocks.
        num_heads: Attention heads.
        window_size: Side of windows, in tokens.
        window_blocks: Blocks that attend within windows; the others see all tokens.
        drop_path_rate: Of the last block; rises linearly from 0.
        with_cp: Recompute each block's activations in the backward pass to save memory.
        init_cfg: Initial weights. None: linear layers and positions from a truncated
            normal distribution (0.02), relative positions zero.

    Raises:
        ValueError: If there is no block of a given number.
    """

    def __init__(
        self,
        embed_dims: int = 1280,
        num_layers: int = 32,
        num_heads: int = 16,
        window_size: int = 14,
        window_blocks: Sequence[int] = (0, 1, 3, 4, 6, 7, 9, 10),
        drop_path_rate: float = 0.5,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not set(window_blocks) <= set(range(num_layers)):
            raise ValueError(
                f'window_blocks must be between 0 and {num_layers - 1} (num_layers is '
                f'{num_layers}), got {tuple(window_blocks)}.'
            )
        self.with_cp = with_cp
        self.patch_embed = _PatchEmbed(embed_dims)
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + PRETRAIN_SIDE**2, embed_dims))
        self.layers = ModuleList(
            _Block(
                embed_dims,
                num_heads,
                embed_dims * MLP_RATIO,
                drop_path_rate * i / max(num_layers - 1, 1),
                window_size if i in window_blocks else 0,
                window_size if i in window_blocks else GLOBAL_SIDE,
            )
            for i in range(num_layers)
        )
        self.upsample = nn.ConvTranspose2d(embed_dims, embed_dims // 2, 2, stride=2)
        trunc_normal_(self.pos_embed, std=0.02)
        for module in self.layers.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the levels.

        Args:
            images: Normalised, (B, 3, 16 H, 16 W); H and W even.

        Returns:
            (B, C / 2, 2 H, 2 W), (B, C, H, W) and (B, C, H / 2, W / 2).

        Raises:
            ValueError: If a side is no multiple of 32.
        """
        if any(side % COARSEST_STRIDE for side in images.shape[-2:]):
            raise ValueError(
                f'{type(self).__name__} needs images whose sides are multiples of '
                f'{COARSEST_STRIDE}, got {tuple(images.shape[-2:])}. Set '
                'data_preprocessor.pad_size_divisor and test_pad_size_divisor to '
                f'{COARSEST_STRIDE}.'
            )
        x = self.patch_embed(images)  # (B, H, W, C)
        x = x + self._positions(*x.shape[1:3]).to(x.dtype)
        for layer in self.layers:
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(layer, x, use_reentrant=False)
            else:
                x = layer(x)
        x = x.permute(0, 3, 1, 2)  # (B, C, H, W)
        return self.upsample(x), x, F.max_pool2d(x, 2)

    def _positions(self, height: int, width: int) -> Tensor:
        """The position table without the class token, as (1, H, W, C)."""
        side = PRETRAIN_SIDE
        table = self.pos_embed[:, 1:].unflatten(1, (side, side))
        if (height, width) == (side, side):
            return table
        table = F.interpolate(
            table.permute(0, 3, 1, 2),
            size=(height, width),
            mode='bicubic',
            align_corners=False,
        )
        return table.permute(0, 2, 3, 1)


class _PatchEmbed(nn.Module):
    """A linear layer on patches of the image."""

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, embed_dims, PATCH_SIZE, stride=PATCH_SIZE)

    def forward(self, images: Tensor) -> Tensor:
        return self.projection(images).permute(0, 2, 3, 1)  # (B, H, W, C)


class _Block(nn.Module):
    """Attention and feed-forward network, each normalised before and added.

    ``drop_path`` is the chance that a sample passes either by, ``window_size`` 0 for no
    windows; ``table_side`` see :class:`DecomposedAttention`.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feedforward_channels: int,
        drop_path: float,
        window_size: int,
        table_side: int,
    ) -> None:
        super().__init__()
        self.window_size = window_size
        self.ln1 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.attn = DecomposedAttention(embed_dims, num_heads, table_side)
        self.ln2 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.ffn = FFN(
            embed_dims,
            feedforward_channels,
            act_cfg=dict(type='GELU'),
            add_identity=False,
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) to the same."""
        normed = self.ln1(x)
        if self.window_size:
            seen = windows_of(normed, self.window_size)
            seen = image_of(self.attn(seen), x.shape[1], x.shape[2])
        else:
            seen = self.attn(normed)
        x = x + self.drop_path(seen)
        return x + self.drop_path(self.ffn(self.ln2(x)))


def windows_of(x: Tensor, side: int) -> Tensor:
    """Cut maps (B, H, W, C) into windows; the last ones are filled up with zeros.

    Returns:
        (B * windows, S, S, C) with S = ``side``, windows of an image row by row.
    """
    height, width = x.shape[1:3]
    x = F.pad(x, (0, 0, 0, -width % side, 0, -height % side))
    rows, columns = x.shape[1] // side, x.shape[2] // side
    x = x.unflatten(2, (columns, side)).unflatten(1, (rows, side))
    return x.transpose(2, 3).flatten(0, 2)  # from (B, rows, columns, S, S, C)


def image_of(windows: Tensor, height: int, width: int) -> Tensor:
    """Put windows of (B, height, width, C) maps together again, without the filling."""
    side = windows.shape[1]
    rows, columns = -(-height // side), -(-width // side)
    batch = len(windows) // (rows * columns)
    x = windows.unflatten(0, (batch, rows, columns)).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)[:, :height, :width]
