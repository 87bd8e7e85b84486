"""Targets that were shown in a frame are found again (SOT and VOS).

Shape legend: n targets, (h, w) the network's input, (H, W) the reported frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.predictors import probability_masks
from uninext.models.trackers.base import (
    PickedQuery,
    PromptState,
    TrackedPrompt,
    Tracker,
    VideoFrame,
    best_query,
    instance_of,
)
from uninext.models.trackers.distinct import distinct_queries
from uninext.registry import MODELS
from uninext.structures import (
    Target,
    Template,
    TemplateMemory,
    VisualPrompt,
    mask_box,
    mask_boxes,
    resize_mask,
)
from uninext.utils.transfers import download

SHOWN_MASKS = ('exact', 'round_trip')


@MODELS.register_module()
class TemplateTracker(Tracker):
    """The best query of each frame for a template that is kept fresh.

    Published differences between SOT and VOS (method.md 5.3, 5.4) are arguments: in SOT
    the box makes new templates, in VOS the merged mask.

    Args:
        update: Template update, e.g. ``dict(type='PeriodicTemplateUpdate')``; None:
            the first template alone.
        merge: Targets share the pixels among them, e.g.
            ``dict(type='SoftAggregation')`` (VOS); None: each has its own mask,
            whatever other targets there are.
        distinct_iou: Targets are different instances, where boxes that overlap more
            are one instance, see :func:`uninext.models.trackers.distinct_queries`;
            None: each target takes its best query, whatever others take (published).
        with_iou: Multiply scores with the IoU branch (geometric mean).
        template_size: Side of a template in pixels.
        with_masks: Predict masks.
        shown_mask: What is reported in the frame that shows a target by its mask:
            ``'exact'``, the mask as it was given; or ``'round_trip'``, the mask resized
            to the network's input and back (published; it loses details).

    Raises:
        ValueError: If a setting is none of those above.
    """

    memory_type = TemplateMemory

    def __init__(
        self,
        update: dict | None = None,
        merge: dict | None = None,
        distinct_iou: float | None = None,
        with_iou: bool = True,
        template_size: int = 256,
        with_masks: bool = True,
        shown_mask: str = 'exact',
    ) -> None:
        super().__init__(with_masks)
        if shown_mask not in SHOWN_MASKS:
            raise ValueError(
                f'shown_mask must be one of {SHOWN_MASKS}, got {shown_mask!r}.'
            )
        self.shown_mask = shown_mask
        self.update = MODELS.build(update) if update else None
        self.merge = MODELS.build(merge) if merge else None
        self.distinct_iou = distinct_iou
        self.with_iou = with_iou
        self.template_size = template_size

    def ask(self, state: PromptState) -> VisualPrompt:
        """The target's templates."""
        return VisualPrompt(state.memory.templates)

    def show(self, target: Target, frame: VideoFrame) -> TemplateMemory:
        """Memory of a target that is shown in a frame.

        Raises:
            ValueError: If the box is empty or outside the frame, or the mask has
                another size.
        """
        box, mask = target_at_input(target, frame.out_size_hw, frame.size_hw)
        mask = None if mask is None else mask.to(frame.image.device)
        return TemplateMemory(first=self._cut(frame, box, mask))

    def _cut(self, frame: VideoFrame, box: Tensor, mask: Tensor | None) -> Template:
        """The template of a target in the network's input."""
        sizes = dict(size=self.template_size, pad_divisor=frame.pad_divisor)
        return Template.from_frame(frame.image, box, mask, **sizes)

    def step(
        self, prompts: Sequence[TrackedPrompt], frame: VideoFrame
    ) -> list[InstanceData]:
        """One instance a target. In the frame that shows it, the target as shown."""
        results, probs = [], []
        for prompt, picked in zip(prompts, self._pick(prompts, frame)):
            result, prob = self._report(prompt, picked, frame)
            results.append(result)
            probs.append(prob if self.merge or prob is None else prob > 0.5)
        if self.reports_masks(frame) and results:
            masks = self._masks(torch.stack(probs), results)
            for result, mask in zip(results, masks):
                result.masks = mask[None]
        if self.update is not None:
            pairs = [(p, r) for p, r in zip(prompts, results) if p.target is None]
            self._renew([p for p, _ in pairs], [r for _, r in pairs], frame)
        return results

    def _pick(
        self, prompts: Sequence[TrackedPrompt], frame: VideoFrame
    ) -> list[PickedQuery | None]:
        """The query of each target; None in the frame that shows it."""
        asked = [prompt for prompt in prompts if prompt.target is None]
        if self.distinct_iou is None:
            picked = [best_query(prompt, self.with_iou) for prompt in asked]
        else:
            shown = [p.target for p in prompts if p.target is not None]
            shown = _relative_boxes(shown, frame)
            picked = distinct_queries(asked, shown, self.with_iou, self.distinct_iou)
        left = iter(picked)
        return [next(left) if prompt.target is None else None for prompt in prompts]

    def _report(
        self, prompt: TrackedPrompt, picked: PickedQuery | None, frame: VideoFrame
    ) -> tuple[InstanceData, Tensor | None]:
        """The instance, and the (H, W) probabilities of its pixels."""
        if picked is None:
            return self._repeat(prompt, frame)
        result, found, chosen = instance_of(prompt, picked, self.with_iou, frame)
        if not self.reports_masks(frame):
            return result, None
        logits = frame.mask_logits(found, chosen)
        return result, probability_masks(logits, frame.size_hw, frame.out_size_hw)[0]

    def _repeat(
        self, prompt: TrackedPrompt, frame: VideoFrame
    ) -> tuple[InstanceData, Tensor | None]:
        """The target as it was shown; of a box the mask is predicted."""
        target, probs = prompt.target, None
        height, width = frame.out_size_hw
        box = target.box().to(frame.image.device)
        box = torch.minimum(box.clamp(min=0), box.new_tensor([width, height] * 2))
        if target.mask is not None:
            probs = self._shown_mask(target.mask, frame)
        elif self.reports_masks(frame):
            picked = best_query(prompt, self.with_iou)
            _, found, chosen = instance_of(prompt, picked, self.with_iou, frame)
            logits = frame.mask_logits(found, chosen)
            probs = probability_masks(logits, frame.size_hw, frame.out_size_hw)[0]
        label = torch.zeros(1, dtype=torch.int64, device=box.device)
        result = InstanceData(
            bboxes=box[None],
            scores=torch.ones(1, device=box.device),
            labels=label,
            instances_ids=torch.full_like(label, prompt.state.track_id),
        )
        return result, probs

    def _shown_mask(self, mask: Tensor, frame: VideoFrame) -> Tensor:
        """(H, W) probabilities in 0..1 of a mask that was given."""
        mask = mask.to(frame.image.device)
        if self.shown_mask == 'exact':
            return mask.float()
        small = resize_mask(mask, frame.size_hw, from_centres=True).float()
        return F.interpolate(small[None, None], frame.out_size_hw, mode='bilinear')[
            0, 0
        ]

    def _masks(self, probs: Tensor, results: list[InstanceData]) -> Tensor:
        """(n, H, W) bool; they are already, where no pixels are shared."""
        if self.merge is None:
            return probs
        return self.merge(probs, torch.cat([result.scores for result in results]))

    def _renew(
        self,
        prompts: Sequence[TrackedPrompt],
        results: Sequence[InstanceData],
        frame: VideoFrame,
    ) -> None:
        """Renew the targets that were found, of which one copy tells all."""
        if not prompts:
            return
        scores = torch.cat([r.scores for r in results])
        boxes = torch.cat([r.bboxes for r in results])
        if not self.reports_masks(frame):
            (scores, boxes), of_masks = download([scores, boxes]), None
        else:
            of_masks = mask_boxes(torch.cat([r.masks for r in results]))
            scores, boxes, of_masks = download([scores, boxes, of_masks])
        for i, (prompt, result) in enumerate(zip(prompts, results)):
            self._count(
                prompt.state.memory,
                frame,
                float(scores[i]),
                self.update.target(boxes[i], None if of_masks is None else of_masks[i]),
                None if of_masks is None else result.masks[0],
            )

    @torch.no_grad()
    def renew(
        self,
        memory: TemplateMemory,
        frame: VideoFrame,
        score: float,
        box_xyxy: Tensor | None,
        mask: Tensor | None,
    ) -> None:
        """Count one more frame; it becomes the latest template where one is due.

        A target that is empty, without area or outside the frame gives none.

        Args:
            memory: Of this target; updated.
            frame: The frame.
            score: Of the target in this frame, in 0..1.
            box_xyxy: (4,), where it was found, pixels of the reported frame.
            mask: (H, W) bool, True on the target; None: not known.
        """
        box = None if box_xyxy is None else box_xyxy.cpu()
        of_mask = None if mask is None else mask_boxes(mask[None])[0].cpu()
        self._count(memory, frame, score, self.update.target(box, of_mask), mask)

    def _count(
        self,
        memory: TemplateMemory,
        frame: VideoFrame,
        score: float,
        target: tuple[Tensor, bool] | None,
        mask: Tensor | None,
    ) -> None:
        """See :meth:`renew`; ``target`` is what the update says."""
        memory.frame += 1
        memory.last_score = score
        if target is None or not self.update.is_due(memory):
            return
        box, with_mask = target
        sizes = zip(frame.out_size_hw, frame.size_hw)
        box = box.float() / torch.tensor([out / size for out, size in sizes][::-1] * 2)
        if is_inside(box, frame.size_hw):
            mask = resize_mask(mask, frame.size_hw) if with_mask else None
            memory.latest = self._cut(frame, box, mask)


def is_inside(box_xyxy: Tensor, size_hw: tuple[int, int]) -> bool:
    """Whether some of the box lies in the frame; False if it is not finite."""
    height, width = size_hw
    x1, y1, x2, y2 = box_xyxy.tolist()
    wide = max(x1, 0) < min(x2, width) and max(y1, 0) < min(y2, height)
    return wide and bool(box_xyxy.isfinite().all())


def _relative_boxes(targets: Sequence[Target], frame: VideoFrame) -> Tensor:
    """(n, 4) xyxy in 0..1, in main memory."""
    height, width = frame.out_size_hw
    boxes = [target.box().float().cpu() for target in targets]
    boxes = torch.stack(boxes) if boxes else torch.zeros(0, 4)
    return boxes / boxes.new_tensor([width, height] * 2)


def target_at_input(
    target: Target, out_size_hw: tuple[int, int], size_hw: tuple[int, int]
) -> tuple[Tensor, Tensor | None]:
    """A target in the frame as the network sees it: what its template is cut out by.

    Args:
        target: Shown in the frame.
        out_size_hw: (H, W) of the frame.
        size_hw: (h, w) of the network's input.

    Returns:
        The box (4,) xyxy; of a mask, that of the mask after it was resized (method.md
        5.4). And the mask (h, w); None if only the box is known, or nothing is left of
        it at that size: then the box of all pixels that it touches is what counts.

    Raises:
        ValueError: If the mask has another size than the frame.
    """
    (height, width), mask = out_size_hw, target.mask
    if mask is not None and tuple(mask.shape) != (height, width):
        raise ValueError(
            f'The mask of a target is {mask.shape[1]}x{mask.shape[0]} pixels and its '
            f'frame {width}x{height} (width x height). Give the mask of the very '
            'frame, in its full size.'
        )
    scale = [size_hw[1] / width, size_hw[0] / height] * 2
    scale = torch.tensor(scale, dtype=torch.float64)
    box = (target.box().cpu() * scale).float()
    if mask is None:
        return box, None
    mask = resize_mask(mask.cpu(), size_hw, from_centres=True)
    if not bool(mask.any()):  # thinner than a pixel now
        return torch.cat([box[:2].floor(), box[2:].ceil()]), None
    return (mask_box(mask) if target.box_xyxy is None else box), mask
