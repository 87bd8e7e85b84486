"""How a kind of prompt is tracked through a video: what all trackers share.

Trackers hold settings only; what a video leaves behind is in each prompt's memory.

Shape legend: n instances, Q queries, C channels, (H, W) the reported frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.predictors import RowOutputs, boxes_to_pixels
from uninext.structures import Memory, Prompt, Target, TrackUpdate, VisualPrompt

CATEGORY, EXPRESSION, BOX, MASK = 'category', 'expression', 'box', 'mask'


class IdCounter:
    """Hands out track ids, each once in a session."""

    def __init__(self, next_id: int = 0) -> None:
        self.next_id = next_id

    def take(self, count: int = 1) -> range:
        """As many more."""
        self.next_id += count
        return range(self.next_id - count, self.next_id)


@dataclass
class VideoFrame:
    """A frame as trackers see it.

    Attributes:
        image: (3, h, w) in 0..255, as it enters the network, before normalisation.
        out_size_hw: (H, W), the frame that results are reported in.
        mask_head: Makes masks of queries; None: boxes only.
        pad_divisor: The network pads the image, right and below, to a multiple of this.
        ids: Gives new track ids.
    """

    image: Tensor
    out_size_hw: tuple[int, int]
    mask_head: nn.Module | None = None
    pad_divisor: int = 1
    ids: IdCounter = field(default_factory=IdCounter)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(h, w) of the network's input."""
        return tuple(self.image.shape[-2:])

    def mask_logits(self, found: RowOutputs, query_inds: Tensor) -> Tensor:
        """(n, hm, wm) logits of some queries, at stride 4 of the padded input."""
        return found.mask_logits(self.mask_head, query_inds, self.size_hw)


@dataclass
class PromptState:
    """A prompt of a session and what it has met so far.

    Attributes:
        kind: Which tracker it has.
        prompt: What is asked for; None for targets, whose templates are in ``memory``.
        memory: Of the tracker; None: nothing is remembered, or a target waits for the
            frame that shows it.
        track_id: Of the one object an expression or target means; -1 for categories.
    """

    kind: str
    prompt: Prompt | None
    memory: Memory | None = None
    track_id: int = -1


@dataclass
class TrackedPrompt:
    """One prompt in one frame.

    Attributes:
        state: Updated by the tracker.
        found: What each part of the prompt found.
        target: If it is shown in this very frame.
        corrections: By track, of a list of categories: where this frame shows it.
        update: Filled by the tracker: what became of its tracks.
    """

    state: PromptState
    found: list[RowOutputs] = field(default_factory=list)
    target: Target | None = None
    corrections: dict[int, Target] = field(default_factory=dict)
    update: TrackUpdate | None = None


class Tracker(ABC):
    """How one kind of prompt is tracked.

    Attributes:
        needs_embeds: Whether ``RowOutputs.embeds`` are looked at.
        needs_masks: Whether ``RowOutputs.mask_feat`` is looked at.
        memory_type: Of what a prompt leaves behind; None: nothing is remembered.
    """

    needs_embeds = False
    memory_type: type[Memory] | None = None

    def __init__(self, with_masks: bool = True) -> None:
        self.with_masks = with_masks

    def ask(self, state: PromptState) -> Prompt | VisualPrompt:
        """What to look for in the next frame."""
        return state.prompt

    def new_memory(self) -> Memory | None:
        """Memory of a prompt of text; None: nothing is remembered."""
        return None if self.memory_type is None else self.memory_type()

    def memory_device(self, device: torch.device) -> torch.device:
        """Where memories are kept, of a network on ``device``."""
        return device

    def finish(self, memory: Memory | None) -> TrackUpdate | None:
        """Tracks that the end of the video completes; None: results are of frames."""
        return None

    @abstractmethod
    def step(
        self, prompts: Sequence[TrackedPrompt], frame: VideoFrame
    ) -> list[InstanceData]:
        """Report the instances of all prompts of this kind in a frame.

        Returns:
            Per prompt: ``bboxes`` (n, 4) xyxy pixels of the reported frame, those of
            categories not clipped to it; ``scores``, ``labels`` (index into the
            prompt's names), ``instances_ids``; ``masks`` (n, H, W)
            bool where masks are predicted.
        """

    @property
    def needs_masks(self) -> bool:
        return self.with_masks

    def reports_masks(self, frame: VideoFrame) -> bool:
        """Whether instances have masks."""
        return self.with_masks and frame.mask_head is not None

    def show(self, target: Target, frame: VideoFrame) -> Memory:
        """Memory of a target that is shown in a frame.

        Raises:
            ValueError: If it is not in the frame, or this tracker is not for targets.
        """
        raise ValueError(
            f'{type(self).__name__} tracks what a text asks for, no boxes and masks.'
        )


class PickedQuery(NamedTuple):
    """A query of a prompt: the part that found it, and its place there.

    Attributes:
        part: Index of the part.
        query: (1,) int64, on the network's device.
    """

    part: int
    query: Tensor


def best_query(prompt: TrackedPrompt, with_iou: bool) -> PickedQuery:
    """The best query of a pooled prompt, of all its parts."""
    best = [part.name_scores(with_iou)[:, 0].max(0) for part in prompt.found]
    part = 0
    if len(best) > 1:
        part = int(torch.stack([b.values for b in best]).argmax())
    return PickedQuery(part, best[part].indices[None])


def instance_of(
    prompt: TrackedPrompt, picked: PickedQuery, with_iou: bool, frame: VideoFrame
) -> tuple[InstanceData, RowOutputs, Tensor]:
    """What a pooled prompt is taken to mean.

    Returns:
        The one instance, without a mask; the part that found it; and (1,) int64, the
        query in that part.
    """
    found, chosen = prompt.found[picked.part], picked.query
    scores = found.name_scores(with_iou)[:, 0]
    instance = InstanceData(
        bboxes=boxes_to_pixels(found.boxes_xyxy[chosen], frame.out_size_hw),
        scores=scores[chosen],
        labels=torch.zeros_like(chosen),
        instances_ids=torch.full_like(chosen, prompt.state.track_id),
    )
    return instance, found, chosen
