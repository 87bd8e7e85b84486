"""Visual prompts: a target, as it was annotated in another frame.

The visual prompt generator encodes its crop as the text encoder encodes words.

Shape legend: H, W the frame, S the side of the crop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Template:
    """A target and what surrounds it, cut out of a frame.

    Compared and hashed by identity, so that its encoding can be kept.

    Attributes:
        image: (3, S, S) float32, the crop; zeros outside the frame.
        padding: (S, S) float32 in 0..1, 0 where all of a pixel comes from the frame.
        prior: (S, S) float32 in 0..1, where the target is: its mask, or its box.
    """

    image: Tensor
    padding: Tensor
    prior: Tensor

    @classmethod
    def from_frame(
        cls,
        image: Tensor,
        box_xyxy: Tensor,
        mask: Tensor | None = None,
        context: float = 2.0,
        size: int = 256,
        pad_divisor: int = 1,
    ) -> Template:
        """Cut a target out of a frame.

        The crop is a square around the centre of the box whose side is ``context``
        times the geometric mean of the box's sides, resized bilinearly. Follows:
        method section 1.4, rounding included.

        Args:
            image: (3, H, W), any number type.
            box_xyxy: (4,), pixels of the frame; may reach over its border.
            mask: (H, W) of the target, None where only its box is known.
            context: Side of the crop relative to the target.
            size: Side S of the result in pixels.
            pad_divisor: The network sees the frame padded, right and below, to a
                multiple of this. As published, the crop is cut out of the padded frame;
                padding is outside of the frame all the same.

        Raises:
            ValueError: If the box is not finite, empty, or wholly outside the frame,
                or the mask has another size than the frame.
        """
        height, width = image.shape[-2:]
        x1, y1, x2, y2 = checked_box(box_xyxy)
        if min(x2, y2, width - x1, height - y1) <= 0:
            raise ValueError(
                'The box of a target lies outside its frame: (x1, y1, x2, y2) = '
                f'({x1:g}, {y1:g}, {x2:g}, {y2:g}), the frame is {width}x{height} '
                'pixels (width x height).'
            )
        if mask is not None and tuple(mask.shape) != (height, width):
            raise ValueError(
                f'The mask of a target has {tuple(mask.shape)} (height, width) pixels '
                f'and its frame {(height, width)}. Give the mask of this very frame.'
            )
        box_w, box_h = x2 - x1, y2 - y1
        side = max(math.ceil(math.sqrt(box_w * box_h) * context), 1)
        left = round(x1 + 0.5 * box_w - 0.5 * side)
        top = round(y1 + 0.5 * box_h - 0.5 * side)
        window = (left, top, side)
        padding = (0, -width % pad_divisor, 0, -height % pad_divisor)
        if mask is None:
            prior = _filled_box(x1 - left, y1 - top, box_w, box_h, side, image.device)
        else:
            prior = _cut(F.pad(mask[None].float(), padding), window, 0.0)
        outside = F.pad(image.new_zeros(1, height, width).float(), padding, value=1.0)
        outside = _cut(outside, window, 1.0)
        shown = _cut(F.pad(image.float(), padding), window, 0.0)
        parts = torch.cat([shown, outside, prior])
        resized = F.interpolate(
            parts[None], size=(size, size), mode='bilinear', align_corners=False
        )[0]
        return cls(resized[:3], resized[3], resized[4])

    @property
    def size(self) -> int:
        """Side S in pixels."""
        return self.image.shape[-1]

    def to(self, device: torch.device | str) -> Template:
        """The same on another device; itself if it is there already."""
        image = self.image.to(device)
        if image is self.image:  # 'cuda' may be 'cuda:0': only the tensor knows
            return self
        return Template(image, self.padding.to(device), self.prior.to(device))


@dataclass(frozen=True, eq=False)
class VisualPrompt:
    """A target to be found again, shown by one or more templates.

    Attributes:
        templates: The same target at several times; their tokens are joined.
        names: What label 0 means.
    """

    templates: tuple[Template, ...]
    names: tuple[str, ...] = ('target',)

    def __post_init__(self) -> None:
        if not self.templates:
            raise ValueError('A visual prompt needs at least one template, got none.')
        if len(self.names) != 1:
            raise ValueError(
                f'A visual prompt is one target, with one name; got {self.names}.'
            )

    @property
    def pooled(self) -> bool:
        """A target is compared as a whole, like an expression."""
        return True

    def __len__(self) -> int:
        return 1


def checked_box(box_xyxy: Tensor) -> tuple[float, float, float, float]:
    """The corners of a target's box.

    Raises:
        ValueError: If it is empty or not finite.
    """
    x1, y1, x2, y2 = box_xyxy.flatten().tolist()
    if not (math.inf > x2 > x1 > -math.inf and math.inf > y2 > y1 > -math.inf):
        raise ValueError(
            'The box of a target is empty or not finite: (x1, y1, x2, y2) = '
            f'({x1:g}, {y1:g}, {x2:g}, {y2:g}). Expected x1 < x2 and y1 < y2 in '
            'pixels of the frame.'
        )
    return x1, y1, x2, y2


def _cut(image: Tensor, window: tuple[int, int, int], fill: float) -> Tensor:
    """Cut a square (left, top, side) out of (C, H, W); ``fill`` outside the image.

    As published, the window takes one row and column less of the image than fit where
    it reaches over the lower or right border.
    """
    left, top, side = window
    height, width = image.shape[-2:]
    x1, y1 = max(left, 0), max(top, 0)
    over_x, over_y = max(left + side - width + 1, 0), max(top + side - height + 1, 0)
    x2, y2 = left + side - over_x, top + side - over_y
    out = image.new_full((image.shape[0], side, side), fill)
    if x2 > x1 and y2 > y1:
        out[:, y1 - top : y2 - top, x1 - left : x2 - left] = image[:, y1:y2, x1:x2]
    return out


def _filled_box(
    x1: float, y1: float, box_w: float, box_h: float, side: int, device: torch.device
) -> Tensor:
    """(1, side, side), ones inside the box; the box relative to the window.

    As published, sides are added to corners that are rounded already.
    """
    prior = torch.zeros(1, side, side, device=device)
    left, top = round(x1), round(y1)
    right, bottom = round(left + box_w), round(top + box_h)
    prior[:, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 1.0
    return prior
