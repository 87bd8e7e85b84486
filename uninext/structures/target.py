"""Targets: what a user or a benchmark points at in a frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from uninext.structures.prompt import Prompt
from uninext.structures.visual_prompt import checked_box


@dataclass(frozen=True, eq=False)
class Target:
    """A box, or a mask, in a frame: what to track.

    Attributes:
        box_xyxy: (4,) pixels of the frame as it was given to the session; made from
            the mask if None.
        mask: (H, W) bool, or None where only the box is known.
        shown_in: (H, W, 3) uint8 BGR, another image, which box and mask are of; None:
            they are of the frame itself.

    Raises:
        ValueError: If there is neither, one has a wrong shape or type, the mask is
            empty, or the box is empty or not finite.
    """

    box_xyxy: Tensor | None = None
    mask: Tensor | None = None
    shown_in: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.box_xyxy is None and self.mask is None:
            raise ValueError('A target needs a box or a mask, got neither.')
        if self.mask is not None and self.mask.dim() != 2:
            raise ValueError(
                'The mask of a target must be (height, width), got the shape '
                f'{tuple(self.mask.shape)}. Add targets one by one.'
            )
        if self.mask is not None and self.mask.dtype != torch.bool:
            raise ValueError(
                f'The mask of a target must be bool, got {self.mask.dtype}. Give '
                'mask > 0, or mask == number in a map of several targets.'
            )
        if self.mask is not None and not bool(self.mask.any()):
            raise ValueError('The mask of a target is empty: no pixel is set.')
        if self.box_xyxy is not None and self.box_xyxy.numel() != 4:
            raise ValueError(
                'The box of a target must be (x1, y1, x2, y2), got the shape '
                f'{tuple(self.box_xyxy.shape)}.'
            )
        if self.box_xyxy is not None:
            checked_box(self.box_xyxy)

    def box(self) -> Tensor:
        """(4,) float, the box given, or that of the mask."""
        if self.box_xyxy is not None:
            return self.box_xyxy.flatten().float()
        assert self.mask is not None  # it has one of both
        return mask_box(self.mask)


def mask_box(mask: Tensor) -> Tensor:
    """Box of a mask: the only rule by which masks have boxes here.

    Args:
        mask: (H, W), not empty.

    Returns:
        (4,) float xyxy, the outer edges: from the first pixel to one past the last, so
        never empty.
    """
    return mask_boxes(mask[None])[0]


def mask_boxes(masks: Tensor) -> Tensor:
    """Boxes (n, 4) of masks (n, H, W), as :func:`mask_box`; nan of an empty mask."""
    ends = [_ends(masks.any(dim)) for dim in (1, 2)]  # of columns, of rows
    boxes = torch.stack([ends[0][0], ends[1][0], ends[0][1], ends[1][1]], 1).float()
    return boxes.masked_fill(~masks.flatten(1).any(1)[:, None], torch.nan)


def _ends(marked: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) each: the first of (n, W) that is marked, and one past the last."""
    last = marked.flip(1).int().argmax(1)  # counted from the end
    return marked.int().argmax(1), marked.shape[1] - last


def resize_mask(
    mask: Tensor, size_hw: tuple[int, int], from_centres: bool = False
) -> Tensor:
    """Bring a mask to another size: each pixel takes the nearest of the given ones.

    Which one that is differs by half a pixel, and so do templates (method.md 5.4).

    Args:
        mask: (H, W) bool.
        size_hw: (h, w) of the result.
        from_centres: The pixel below the centre of the new one, as PIL does it; else
            that below its upper left corner, as ``torch.nn.functional.interpolate``.

    Returns:
        (h, w) bool.
    """
    if tuple(mask.shape) == tuple(size_hw):
        return mask.bool()
    if not from_centres:
        return F.interpolate(mask[None, None].float(), size=tuple(size_hw))[0, 0].bool()
    rows, columns = (
        torch.from_numpy(_nearest_of_centres(old, new)).to(mask.device)
        for old, new in zip(mask.shape, size_hw)
    )
    return mask.bool()[rows][:, columns]


def _nearest_of_centres(old: int, new: int) -> np.ndarray:
    """(new,) int64: which of ``old`` pixels each takes.

    Steps are added up in double precision, as in PIL: where a centre falls on the edge
    between two pixels, the rounding of the sum decides.
    """
    steps = np.full(new, old / new)
    steps[0] = old / new * 0.5
    return np.add.accumulate(steps).astype(np.int64).clip(max=old - 1)


@dataclass(frozen=True, eq=False)
class PromptStart:
    """A prompt of a test set, with the frame from which on it is asked.

    Attributes:
        prompt: :class:`Prompt` or :class:`Target`.
        object_id: What its instances are called in results; None: by their tracks.
        own_meta: Given, the prompt's results are evaluated as a sample of their own,
            with these meta keys (e.g. ``exp_id``, ``expression``), against the ground
            truth whose ``instance_id`` is ``object_id``.
    """

    prompt: Prompt | Target
    object_id: int | None = None
    own_meta: dict | None = None
