"""When a tracked target gets a new template, and which part of the frame it shows."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from uninext.registry import MODELS
from uninext.structures import TemplateMemory


class TemplateUpdate(ABC):
    """Replace the latest template of a target, never its first.

    Args:
        min_score: Confidence in 0..1 that a new template needs.
    """

    def __init__(self, min_score: float = 0.7) -> None:
        if not 0.0 <= min_score <= 1.0:
            raise ValueError(f'min_score must lie in 0..1, got {min_score}')
        self.min_score = min_score

    @abstractmethod
    def is_due(self, memory: TemplateMemory) -> bool:
        """Whether the frame that ``memory`` just counted should give a template."""

    @abstractmethod
    def target(
        self, box_xyxy: Tensor | None, mask_xyxy: Tensor | None
    ) -> tuple[Tensor, bool] | None:
        """Which part of a frame is cut out.

        Args:
            box_xyxy: (4,), where the target was found, pixels of the reported frame, in
                main memory.
            mask_xyxy: (4,), the box of its mask, nan of an empty one; None: no mask is
                known.

        Returns:
            The box (4,) and whether with the mask; None if there is nothing to cut.
        """


@MODELS.register_module()
class PeriodicTemplateUpdate(TemplateUpdate):
    """A template from the box of every n-th frame (SOT, method.md 5.3).

    Args:
        interval: Every how many frames, counted from the first template.
        min_score: The score must be higher.
    """

    def __init__(self, interval: int = 200, min_score: float = 0.7) -> None:
        super().__init__(min_score)
        if interval < 1:
            raise ValueError(f'interval must be at least 1 frame, got {interval}')
        self.interval = interval

    def is_due(self, memory: TemplateMemory) -> bool:
        return memory.frame % self.interval == 0 and memory.last_score > self.min_score

    def target(
        self, box_xyxy: Tensor | None, mask_xyxy: Tensor | None
    ) -> tuple[Tensor, bool] | None:
        """The box alone, as published, even where a mask is known."""
        return None if box_xyxy is None else (box_xyxy, False)


@MODELS.register_module()
class ConfidentTemplateUpdate(TemplateUpdate):
    """A template from the mask of every frame that reaches the score (VOS, 5.4)."""

    def is_due(self, memory: TemplateMemory) -> bool:
        return memory.last_score >= self.min_score

    def target(
        self, box_xyxy: Tensor | None, mask_xyxy: Tensor | None
    ) -> tuple[Tensor, bool] | None:
        """The mask and the box from its first to its last pixel, as published.

        A pixel less than its outer edges: a mask of one row or column has no area.
        """
        if mask_xyxy is None or mask_xyxy.isnan().any():
            return None
        return mask_xyxy - mask_xyxy.new_tensor([0, 0, 1, 1]), True
