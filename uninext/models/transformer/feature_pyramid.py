"""Feature levels of a batch as one sequence, with everything attention asks about it.

Shape legend: B batch, C channels, L levels, N = sum Hl*Wl.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uninext.utils.transfers import tensor_on


@dataclass
class FeaturePyramid:
    """Flattened multi-scale features.

    Attributes:
        feat: (B, N, C), levels one after the other, each row-major.
        feat_pos: (B, N, C), sine position embedding plus level embedding.
        padding_mask: (B, N) bool, True where the image is padding.
        spatial_shapes: (L, 2) int64, (height, width).
        level_start_index: (L,) int64.
        valid_ratios: (B, L, 2), (x, y) share of each level that is image.
        sizes_hw: L pairs (height, width): ``spatial_shapes`` without asking the device.
        grids: L tensors (Hl * Wl, 2), cell centres (x, y) of each level, in cells.
        is_padded: Whether any image may have padding; False saves asking the device.
    """

    feat: Tensor
    feat_pos: Tensor
    padding_mask: Tensor
    spatial_shapes: Tensor
    level_start_index: Tensor
    valid_ratios: Tensor
    sizes_hw: tuple[tuple[int, int], ...]
    grids: tuple[Tensor, ...]
    is_padded: bool = True

    @property
    def num_tokens(self) -> int:
        """N."""
        return self.feat.shape[1]

    @property
    def hidden_keys(self) -> Tensor | None:
        """(B, N) bool, True where attention must not look; None: nowhere."""
        return self.padding_mask if self.is_padded else None

    @property
    def places(self) -> tuple[Tensor, Tensor, tuple[tuple[int, int], ...]]:
        """Where levels are: ``spatial_shapes, level_start_index, sizes_hw``."""
        return self.spatial_shapes, self.level_start_index, self.sizes_hw

    @classmethod
    def from_levels(
        cls,
        levels: Sequence[Tensor],
        img_padding_mask: Tensor,
        positional_encoding: nn.Module,
        level_embed: Tensor,
        is_padded: bool = True,
    ) -> FeaturePyramid:
        """Flatten the levels.

        Args:
            levels: L tensors (B, C, Hl, Wl), finest first.
            img_padding_mask: (B, H, W) bool, True where the image is padding.
            positional_encoding: Maps a (B, Hl, Wl) mask to (B, C, Hl, Wl).
            level_embed: (L, C).
            is_padded: Whether any of the mask is True.
        """
        masks = level_masks(img_padding_mask, [x.shape[-2:] for x in levels])
        return cls.from_masks(
            levels, masks, positional_encoding, level_embed, is_padded
        )

    @classmethod
    def from_masks(
        cls,
        levels: Sequence[Tensor],
        masks: Sequence[Tensor],
        positional_encoding: nn.Module,
        level_embed: Tensor,
        is_padded: bool = True,
    ) -> FeaturePyramid:
        """The same with the (B, Hl, Wl) mask of each level, of :func:`level_masks`."""
        positions = [
            positional_encoding(m).flatten(2).transpose(1, 2) + level_embed[i]
            for i, m in enumerate(masks)
        ]
        device = levels[0].device
        sizes_hw = tuple((x.shape[-2], x.shape[-1]) for x in levels)
        shapes = tensor_on(device, sizes_hw)
        sizes = shapes.prod(1)
        return cls(
            feat=torch.cat([x.flatten(2).transpose(1, 2) for x in levels], 1),
            feat_pos=torch.cat(positions, 1),
            padding_mask=torch.cat([m.flatten(1) for m in masks], 1),
            spatial_shapes=shapes,
            level_start_index=sizes.cumsum(0) - sizes,
            valid_ratios=torch.stack([_valid_ratio(m) for m in masks], 1),
            sizes_hw=sizes_hw,
            grids=tuple(_cell_centres(size, device) for size in sizes_hw),
            is_padded=is_padded,
        )

    def index(self, images: Sequence[int]) -> FeaturePyramid:
        """Repeat images so that row ``i`` is image ``images[i]``, one row a prompt."""
        if list(images) == list(range(len(self.feat))):
            return self
        rows = tensor_on(self.feat.device, images)
        names = ('feat', 'feat_pos', 'padding_mask', 'valid_ratios')
        return replace(self, **{n: getattr(self, n)[rows] for n in names})

    def with_feat(self, feat: Tensor) -> FeaturePyramid:
        """The same geometry with other features."""
        return replace(self, feat=feat)

    def reference_points(self) -> Tensor:
        """(B, N, L, 2) places (x, y) of tokens in each level, in 0..1 with padding."""
        sizes_wh = self.spatial_shapes.flip(-1)
        points = [
            grid / (self.valid_ratios[:, None, level] * sizes_wh[level])
            for level, grid in enumerate(self.grids)
        ]
        return torch.cat(points, 1)[:, :, None] * self.valid_ratios[:, None]

    def unflatten(self, feat: Tensor, num_levels: int) -> list[Tensor]:
        """Turn (B, N, C) back into the first ``num_levels`` maps (B, C, Hl, Wl)."""
        parts = feat.split([height * width for height, width in self.sizes_hw], 1)
        return [
            part.transpose(1, 2).unflatten(2, size)
            for part, size in zip(parts[:num_levels], self.sizes_hw)
        ]


def _cell_centres(size_hw: tuple[int, int], device: torch.device) -> Tensor:
    """(H * W, 2) centres (x, y) of the cells of a map, row by row."""
    ys, xs = (torch.linspace(0.5, n - 0.5, n, device=device) for n in size_hw)
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing='ij')
    return torch.stack([grid_x, grid_y], -1).view(-1, 2)


def level_masks(img_mask: Tensor, sizes_hw: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Masks (B, Hl, Wl) of levels, of an image's (B, H, W), True where it is padding.

    The mask of a level is the image's mask, sampled by nearest neighbour. The last
    level is made by a convolution on the one before, and its mask is sampled from the
    first level's (method.md 1.1).
    """
    masks = [_resize_mask(img_mask, size) for size in sizes_hw[:-1]]
    return [*masks, _resize_mask(masks[0], sizes_hw[-1])]


def _resize_mask(mask: Tensor, size_hw: Sequence[int]) -> Tensor:
    """Nearest-neighbour (B, Hl, Wl) bool mask."""
    return F.interpolate(mask[:, None].float(), size=tuple(size_hw))[:, 0].bool()


def _valid_ratio(mask: Tensor) -> Tensor:
    """Share of un-padded columns and rows, (B, 2) as (x, y)."""
    height, width = mask.shape[1:]
    valid_h = (~mask[:, :, 0]).sum(1).float() / height
    valid_w = (~mask[:, 0, :]).sum(1).float() / width
    return torch.stack([valid_w, valid_h], -1)
