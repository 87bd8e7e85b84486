"""How a kind of prompt is followed through a video: what all followers share.

What the network found in a frame enters, instances with identities leave. Followers
hold settings only; what a video leaves behind is in each prompt's memory.

Shape legend: n instances, Q queries, C channels, (H, W) the reported frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.predictors import (
    RowOutputs,
    binary_masks,
    boxes_to_pixels,
    mask_logit,
    probability_masks,
)
from uninext.registry import MODELS
from uninext.structures import Memory, Prompt, Target, VisualPrompt


@dataclass
class VideoFrame:
    """A frame as followers see it.

    Attributes:
        image: (3, h, w) in 0..255, as it enters the network, before normalisation.
        out_size_hw: (H, W), the frame that results are reported in.
        mask_head: Makes masks of queries; None: boxes only.
        pad_divisor: The network pads the image, right and below, to a multiple of this.
    """

    image: Tensor
    out_size_hw: tuple[int, int]
    mask_head: nn.Module | None = None
    pad_divisor: int = 1

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
        kind: Which follower it has.
        prompt: What is asked for; None for targets, whose templates are in ``memory``.
        memory: Of the follower.
        track_id: Of the one thing a sentence or target means; -1 for names.
    """

    kind: str
    prompt: Prompt | None
    memory: Any = None
    track_id: int = -1


@dataclass
class FollowedPrompt:
    """One prompt in one frame.

    Attributes:
        state: Updated by the follower.
        found: What each part of the prompt found.
        shown: The target, if it is shown in this very frame.
        events: Filled by the follower: what became of its tracks.
    """

    state: PromptState
    found: list[RowOutputs] = field(default_factory=list)
    shown: Any = None
    events: Any = None


class IdCounter:
    """Hands out track ids, each once in a session.

    Args:
        next_id: The first to give.
    """

    def __init__(self, next_id: int = 0) -> None:
        self.next_id = next_id

    def take(self) -> int:
        """One more."""
        self.next_id += 1
        return self.next_id - 1


class Follower(ABC):
    """How one kind of prompt is followed.

    Attributes:
        needs_embeds: Whether ``RowOutputs.embeds`` are looked at.
        needs_masks: Whether ``RowOutputs.mask_feat`` is looked at.
        memory_type: Of what a prompt leaves behind; None: nothing is remembered.
    """

    needs_embeds = False
    memory_type: type[Memory] | None = None

    def __init__(self, mask_threshold: float = 0.5, with_masks: bool = True) -> None:
        self.mask_logit = mask_logit(mask_threshold)
        self.with_masks = with_masks

    def ask(self, state: PromptState) -> Prompt | VisualPrompt:
        """What to look for in the next frame."""
        return state.prompt

    def new_memory(self) -> Memory | None:
        """Memory of a prompt of text; None: nothing is remembered."""
        return None if self.memory_type is None else self.memory_type()

    def finish(self, memory: Any) -> Any:
        """Tracks that the end of the video completes; None where nobody asks."""
        return None

    def video_results(self, ended: Any) -> InstanceData:
        """Results of whole videos of tracks that ended.

        Raises:
            ValueError: If this follower tells of frames alone.
        """
        raise ValueError(
            f'{type(self).__name__} has no results of whole videos: its results are '
            'those of the frames. Prompts of names that are followed by '
            "dict(type='AveragedNames') have them (VIS)."
        )

    @abstractmethod
    def step(
        self, prompts: Sequence[FollowedPrompt], frame: VideoFrame, ids: IdCounter
    ) -> list[InstanceData]:
        """Report the instances of all prompts of this kind in a frame.

        Args:
            prompts: With what the network found.
            frame: The frame.
            ids: Gives new track ids.

        Returns:
            Per prompt: ``bboxes`` (n, 4) xyxy pixels of the reported frame, those of
            names not clipped to it; ``scores``, ``labels`` (index into the prompt's
            names), ``instances_ids``;
            ``masks`` (n, H, W) bool where masks are predicted.
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
            ValueError: If it is not in the frame, or this follower is not for targets.
        """
        raise ValueError(
            f'{type(self).__name__} follows what a text asks for, no boxes and masks.'
        )


class PickedQuery(NamedTuple):
    """A query of a prompt: the part that found it, and its place there."""

    part: int
    query: int


def best_query(prompt: FollowedPrompt, with_iou: bool) -> PickedQuery:
    """The best query of a pooled prompt, of all its parts."""
    best = [part.name_scores(with_iou)[:, 0].max(0) for part in prompt.found]
    part = int(torch.stack([b.values for b in best]).argmax())
    return PickedQuery(part, int(best[part].indices))


def instance_of(
    prompt: FollowedPrompt, picked: PickedQuery, with_iou: bool, frame: VideoFrame
) -> tuple[InstanceData, RowOutputs, Tensor]:
    """What a pooled prompt is taken to mean.

    Returns:
        The one instance, without a mask; the part that found it; and (1,) int64, the
        query in that part.
    """
    found = prompt.found[picked.part]
    scores = found.name_scores(with_iou)[:, 0]
    chosen = torch.tensor([picked.query], device=scores.device)
    instance = InstanceData(
        bboxes=boxes_to_pixels(found.boxes_xyxy[chosen], frame.out_size_hw),
        scores=scores[chosen],
        labels=torch.zeros_like(chosen),
        instances_ids=torch.full_like(chosen, prompt.state.track_id),
    )
    return instance, found, chosen


@MODELS.register_module()
class BestOfSentence(Follower):
    """The best query of each frame, by itself (R-VOS, method.md 5.7).

    Args:
        with_iou: Multiply scores with the IoU branch (geometric mean).
        score_threshold: Nothing is reported below.
        merge: Several sentences of a session share the pixels among them, e.g.
            ``dict(type='SoftAggregation')`` (Ref-DAVIS); None: each has its own mask.
        mask_threshold: Probability above which a pixel belongs to the instance.
        with_masks: Predict masks.
    """

    def __init__(
        self,
        with_iou: bool = True,
        score_threshold: float = 0.0,
        merge: dict | None = None,
        mask_threshold: float = 0.5,
        with_masks: bool = True,
    ) -> None:
        super().__init__(mask_threshold, with_masks)
        self.with_iou = with_iou
        self.score_threshold = score_threshold
        self.merge = MODELS.build(merge) if merge else None

    def step(
        self, prompts: Sequence[FollowedPrompt], frame: VideoFrame, ids: IdCounter
    ) -> list[InstanceData]:
        """One instance a sentence, or none below the threshold."""
        results = [self._report(prompt, frame) for prompt in prompts]
        results = [r[r.scores >= self.score_threshold] for r in results]
        if self.merge is not None and self.reports_masks(frame) and results:
            self._share_pixels(results)
        return results

    def _share_pixels(self, results: list[InstanceData]) -> None:
        """Replace ``mask_probs`` by masks; what is not reported has no part in them."""
        probs = torch.cat([r.mask_probs for r in results])
        scores = torch.cat([r.scores for r in results])
        numbers = torch.arange(1, len(probs) + 1, device=probs.device)
        merged = self.merge(probs, scores, numbers)
        masks = merged[None] == numbers[:, None, None]
        for result, mine in zip(results, masks.split([len(r) for r in results])):
            result.masks = mine
            del result.mask_probs

    def _report(self, prompt: FollowedPrompt, frame: VideoFrame) -> InstanceData:
        picked = best_query(prompt, self.with_iou)
        result, found, chosen = instance_of(prompt, picked, self.with_iou, frame)
        if not self.reports_masks(frame):
            return result
        logits = frame.mask_logits(found, chosen)
        sizes = (frame.size_hw, frame.out_size_hw)
        if self.merge is None:
            result.masks = binary_masks(logits, *sizes, self.mask_logit)
        else:
            result.mask_probs = probability_masks(logits, *sizes, mode='nearest')
        return result
