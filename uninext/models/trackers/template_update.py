"""When a tracked target gets a new template: its newest frame enters the memory.

Shape legend: (h, w) the network's input, (H, W) the reported frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from uninext.registry import MODELS
from uninext.structures import Template, TemplateMemory, mask_box, resize_mask


class TemplateUpdate(ABC):
    """Replace the latest template of a target, never its first.

    Args:
        min_score: Confidence in 0..1 that a new template needs.
        context: Side of the crop relative to the target.
        size: Side of the template in pixels.
    """

    def __init__(self, min_score: float, context: float = 2.0, size: int = 256) -> None:
        if not 0.0 <= min_score <= 1.0:
            raise ValueError(f'min_score must lie in 0..1, got {min_score}')
        self.min_score = min_score
        self.context = context
        self.size = size

    @torch.no_grad()
    def step(
        self,
        memory: TemplateMemory,
        image: Tensor,
        score: float,
        box_xyxy: Tensor | None = None,
        mask: Tensor | None = None,
        out_size_hw: tuple[int, int] | None = None,
        pad_divisor: int = 1,
    ) -> bool:
        """Account for one more frame. Call it once a frame, found or not.

        Args:
            memory: Of this target; updated.
            image: (3, h, w), the frame as the network sees it.
            score: Of the target in this frame, in 0..1; 0 if nothing was found.
            box_xyxy: (4,), where it was found, pixels of the reported frame; None:
                nowhere.
            mask: (H, W) bool, True on the target; None: not known.
            out_size_hw: (H, W) of the reported frame; None: that of the image.
            pad_divisor: The network pads the image to a multiple of this.

        Returns:
            Whether there is a new template. A target that is empty, without area or
            outside the frame gives none.

        Raises:
            ValueError: If the mask has another size than the reported frame.
        """
        out_size_hw = tuple(out_size_hw or image.shape[-2:])
        if mask is not None and tuple(mask.shape) != out_size_hw:
            raise ValueError(
                f'The mask of a target has {tuple(mask.shape)} (height, width) pixels '
                f'and its frame {out_size_hw}. Give the mask of this very frame.'
            )
        memory.frame += 1
        memory.last_score = float(score)
        if not self.is_due(memory):
            return False
        target = self.target(box_xyxy, mask)
        if target is None:
            return False
        box, mask = target
        size_hw = tuple(image.shape[-2:])
        box = box.float() / _scale(out_size_hw, size_hw).to(box.device)
        if not _inside(box, image):
            return False
        mask = None if mask is None else resize_mask(mask, size_hw)
        memory.latest = Template.from_frame(
            image, box, mask, self.context, self.size, pad_divisor
        )
        return True

    @abstractmethod
    def is_due(self, memory: TemplateMemory) -> bool:
        """Whether the frame that ``memory`` just counted should give a template."""

    @abstractmethod
    def target(
        self, box_xyxy: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None] | None:
        """Box (4,) and mask (H, W) to cut out; None if there is nothing to cut.

        Both are those of the reported frame.
        """


@MODELS.register_module()
class PeriodicTemplateUpdate(TemplateUpdate):
    """A template from the box of every n-th frame (SOT, method.md 5.3).

    Args:
        interval: Every how many frames, counted from the first template.
        min_score: The score must be higher.
        context: Side of the crop relative to the target.
        size: Side of the template in pixels.
    """

    def __init__(
        self,
        interval: int = 200,
        min_score: float = 0.7,
        context: float = 2.0,
        size: int = 256,
    ) -> None:
        super().__init__(min_score, context, size)
        if interval < 1:
            raise ValueError(f'interval must be at least 1 frame, got {interval}')
        self.interval = interval

    def is_due(self, memory: TemplateMemory) -> bool:
        return memory.frame % self.interval == 0 and memory.last_score > self.min_score

    def target(
        self, box_xyxy: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None] | None:
        """The box alone, as published, even where a mask is known."""
        return None if box_xyxy is None else (box_xyxy, None)


@MODELS.register_module()
class ConfidentTemplateUpdate(TemplateUpdate):
    """A template from the mask of every confident frame (VOS, method.md 5.4).

    Args:
        min_score: The score must reach it.
        context: Side of the crop relative to the target.
        size: Side of the template in pixels.
    """

    def __init__(
        self, min_score: float = 0.7, context: float = 2.0, size: int = 256
    ) -> None:
        super().__init__(min_score, context, size)

    def is_due(self, memory: TemplateMemory) -> bool:
        return memory.last_score >= self.min_score

    def target(
        self, box_xyxy: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None] | None:
        """The mask and the box from its first to its last pixel, as published.

        A pixel less than its outer edges: a mask of one row or column has no area.
        """
        if mask is None or not bool(mask.any()):
            return None
        box = mask_box(mask)
        return box - box.new_tensor([0, 0, 1, 1]), mask


def _scale(out_size_hw: tuple[int, int], size_hw: tuple[int, int]) -> Tensor:
    """(4,) pixels of the reported frame a pixel of the network's input."""
    return torch.tensor(
        [out / size for out, size in zip(out_size_hw, size_hw)][::-1] * 2
    )


def _inside(box_xyxy: Tensor, image: Tensor) -> bool:
    """Whether some of the box lies in the frame; False if it is not finite."""
    height, width = image.shape[-2:]
    x1, y1, x2, y2 = box_xyxy.tolist()
    wide = max(x1, 0) < min(x2, width) and max(y1, 0) < min(y2, height)
    return wide and bool(box_xyxy.isfinite().all())
