"""When a tracked target gets a new template: its newest frame enters the memory.

Shape legend: H, W the frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from uninext.registry import MODELS
from uninext.structures import Template, TemplateMemory


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
    ) -> bool:
        """Account for one more frame. Call it once a frame, found or not.

        Args:
            memory: Of this target; updated.
            image: (3, H, W), the frame.
            score: Of the target in this frame, in 0..1; 0 if nothing was found.
            box_xyxy: (4,), where it was found, pixels of ``image``; None: nowhere.
            mask: (H, W), True on the target; None: not known.

        Returns:
            Whether there is a new template. A target that is empty or outside the
            frame gives none.
        """
        memory.frame += 1
        memory.last_score = float(score)
        if not self.is_due(memory):
            return False
        target = self.target(box_xyxy, mask)
        if target is None or not _inside(target[0], image):
            return False
        memory.latest = Template.from_frame(image, *target, self.context, self.size)
        return True

    @abstractmethod
    def is_due(self, memory: TemplateMemory) -> bool:
        """Whether the frame that ``memory`` just counted should give a template."""

    @abstractmethod
    def target(
        self, box_xyxy: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None] | None:
        """Box (4,) and mask (H, W) to cut out; None if there is nothing to cut."""


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
        """The mask and the box from its first to its last pixel, as published."""
        if mask is None or not bool(mask.any()):
            return None
        rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        corners = [columns[0], rows[0], columns[-1], rows[-1]]
        return torch.cat(corners).float(), mask


def _inside(box_xyxy: Tensor, image: Tensor) -> bool:
    """Whether some of the box lies in the frame; False if it is not finite."""
    height, width = image.shape[-2:]
    x1, y1, x2, y2 = box_xyxy.tolist()
    wide = max(x1, 0) < min(x2, width) and max(y1, 0) < min(y2, height)
    return wide and bool(box_xyxy.isfinite().all())
