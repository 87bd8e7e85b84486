"""What is asked of a network, whoever computes it.

Users, predictors, trackers, sessions and evaluation see a :class:`PromptedDetector`:
the network itself, or graphs that were exported of it (``uninext.export``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from mmdet.models.detectors import BaseDetector
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.detectors.passes import (
    PromptRow,
    Pyramid,
    grouped,
    rows_that_fit,
)
from uninext.models.predictors import InstancePredictor, RowOutputs
from uninext.models.trackers import Tracker, VideoSession
from uninext.models.trackers.base import CATEGORY
from uninext.structures import (
    Prompt,
    PromptFeatures,
    UninextDataSample,
    VisualPrompt,
)


class PromptedDetector(BaseDetector):
    """Ask for prompts in images, and track them through videos.

    Subclasses compute :meth:`extract_feat`, :meth:`build_pyramid`, :meth:`find` and, if
    they ``can_track``, :meth:`encode_targets`.

    Attributes:
        device: Where tensors are.
        prompt_generator: Encodes text, see
            :class:`uninext.models.prompt_generators.LanguagePromptGenerator`.
        predictor: Chooses what is reported of an image.
        mask_head: Makes masks (M, Hm, Wm) of queries (M, C), centres (M, 2) and mask
            features; None: boxes only.
        max_rows: Most rows that are computed at once; None: as many as fit.
        can_track: Whether there are targets and embeddings: a model for videos.
        trackers: By kind of prompt.
    """

    device: torch.device
    prompt_generator: nn.Module
    predictor: InstancePredictor
    mask_head: Callable[[Tensor, Tensor, Tensor], Tensor] | None
    max_rows: int | None = None
    can_track = False
    trackers: Mapping[str, Tracker] = {}

    # ---------------------------------------------------------------------- computed

    @abstractmethod
    def build_pyramid(
        self, levels: Sequence[Tensor], data_samples: Sequence[UninextDataSample]
    ) -> Pyramid:
        """Features of images, of levels (B, C, Hl, Wl) that :meth:`extract_feat` gave.

        Padding is what lies outside each ``img_shape``.
        """

    @abstractmethod
    def find(
        self,
        pyramid: Pyramid,
        rows: Sequence[PromptRow],
        images: Sequence[int],
        with_masks: bool = True,
        with_embeds: bool = False,
    ) -> list[RowOutputs]:
        """One pass: what each row asks for, raw.

        Args:
            pyramid: Of all images.
            rows: Prompts of one kind, all pooled or none.
            images: The image of each row.
            with_masks: With the features that masks are made of, if there is a head.
            with_embeds: With an embedding for every query, where the model has them.
        """

    def encode_targets(self, targets: Sequence[VisualPrompt]) -> PromptFeatures:
        """Features of targets of other frames, on the model's device."""
        raise ValueError(
            f'Targets of other frames need a UNINEXTVideo; this is a '
            f'{type(self).__name__} for images.'
        )

    # ----------------------------------------------------------------------- prompts

    def encode_prompts(
        self, prompts: Sequence[Prompt | VisualPrompt]
    ) -> PromptFeatures:
        """Prompt features on the model's device.

        Raises:
            ValueError: If targets and text are mixed, or there is no encoder of
                targets.
        """
        are_visual = {isinstance(prompt, VisualPrompt) for prompt in prompts}
        if len(are_visual) > 1:
            raise ValueError(
                'A batch mixes targets of other frames with text prompts: draw the '
                'samples of a batch from one source.'
            )
        if are_visual == {True}:
            return self.encode_targets(prompts)
        return self.prompt_generator(prompts)

    def split_prompt(
        self, prompt: Prompt | VisualPrompt
    ) -> list[tuple[Prompt | VisualPrompt, int]]:
        """Parts that fit the token budget, each with the label of its first name.

        A target is never split.
        """
        if isinstance(prompt, VisualPrompt):
            return [(prompt, 0)]
        return self.prompt_generator.split(prompt)

    # --------------------------------------------------------------------------- ask

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: Sequence[UninextDataSample],
        rescale: bool = True,
        score_thr: float = 0.0,
        max_objects: int | None = None,
    ) -> list[UninextDataSample]:
        """Find what the prompts ask for.

        Prompts whose names do not fit the token budget are asked in parts and merged.

        Args:
            batch_inputs: (B, 3, H, W), normalised and padded.
            batch_data_samples: With ``prompts``, which may be of several kinds.
            rescale: Report in the original image's frame, else in the input's.
            score_thr: Score threshold for categories besides the predictor's own.
            max_objects: Most instances of a list of categories, besides the
                predictor's own limit.

        Returns:
            list: the samples with ``pred_instances``: ``bboxes`` (n, 4) xyxy pixels,
            ``scores``, ``labels`` (index into the prompt's names), ``prompt_ids``
            (place of the prompt in ``prompts``), by which they are sorted, and
            ``masks`` (n, height, width) bool.
        """
        samples = list(batch_data_samples)
        pyramid = self.build_pyramid(self.extract_feat(batch_inputs), samples)
        prompts = [prompt for sample in samples for prompt in sample.prompts]
        images = [i for i, sample in enumerate(samples) for _ in sample.prompts]
        with_masks = [self.predictor.with_masks] * len(prompts)
        found = iter(self.ask(pyramid, prompts, images, with_masks))
        for sample in samples:
            img_size = tuple(sample.img_shape[:2])
            out_size = tuple(sample.ori_shape[:2]) if rescale else img_size
            results = []
            for prompt_id, _ in enumerate(sample.prompts):
                parts = [
                    self.predictor.select(row, score_thr, max_objects)
                    for row in next(found)
                ]
                result = self.predictor.report(
                    parts, self.mask_head, img_size, out_size, max_objects
                )
                result.prompt_ids = torch.full_like(result.labels, prompt_id)
                results.append(result)
            sample.pred_instances = InstanceData.cat(results)
        return samples

    def ask(
        self,
        pyramid: Pyramid,
        prompts: Sequence[Prompt | VisualPrompt],
        images: Sequence[int],
        with_masks: Sequence[bool],
        with_embeds: Sequence[bool] | None = None,
        max_rows: int | None = None,
    ) -> list[list[RowOutputs]]:
        """What each prompt finds in its image: the one door of images and of videos.

        Args:
            pyramid: Of all images.
            prompts: Of any kind.
            images: The image of each prompt.
            with_masks: Whether masks of what the prompt finds are wanted.
            with_embeds: Whether embeddings to track by are; None: of no prompt.
            max_rows: Most rows that are computed at once; None: as the model was built.

        Returns:
            For each prompt what each of its parts found.
        """
        found: list[list[RowOutputs]] = [[] for _ in prompts]
        max_rows = max_rows or self.max_rows or rows_that_fit(pyramid)
        for rows in self.passes(prompts, max_rows):
            items = [row.item for row in rows]
            outputs = self.find(
                pyramid,
                rows,
                [images[item] for item in items],
                any(with_masks[item] for item in items),
                with_embeds is not None and any(with_embeds[item] for item in items),
            )
            for item, one in zip(items, outputs):
                found[item].append(one)
        return found

    def passes(
        self, prompts: Sequence[Prompt | VisualPrompt], max_rows: int
    ) -> list[list[PromptRow]]:
        """Group prompts, or their parts, by kind, at most ``max_rows`` together."""
        return grouped(prompts, self.split_prompt, max_rows)

    def open(
        self,
        scale: tuple[int, int] | Mapping[str, tuple[int, int]] | None = (1333, 800),
        max_rows: int | None = None,
        trackers: Mapping[str, Tracker] | None = None,
        max_objects: int | None = None,
        keep_lost: int | None = None,
        init_score_thr: float | None = None,
    ) -> VideoSession:
        """Start a video.

        Args:
            scale: (long, short) sides that frames are resized to, or such for each kind
                of prompt; None: as they are.
            max_rows: Most prompts that are computed at once; None: as the model was
                built.
            trackers: By kind of prompt; None: those of the config.
            max_objects: Of the tracker of categories; None: as it is.
            keep_lost: Likewise.
            init_score_thr: Likewise; see :meth:`CategoryTracker.limited`.

        Raises:
            ValueError: If a number is below 1, a score is none in 0..1, or that tracker
                has no such limit.
        """
        trackers = dict(trackers or self.trackers)
        limits = max_objects, keep_lost, init_score_thr
        if CATEGORY in trackers and any(limit is not None for limit in limits):
            trackers[CATEGORY] = trackers[CATEGORY].limited(*limits)
        return VideoSession(self, trackers, scale, max_rows)
