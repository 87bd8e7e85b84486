"""UNINEXT for video: targets of other frames as prompts, embeddings to track by.

What :class:`UNINEXT` does in one frame stays as it is; this adds the two parts that
look at a second frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from uninext.checkpoint.conversion import add_template_backbone, start_video_from_image
from uninext.models.detectors.passes import Decoded, Matched
from uninext.models.detectors.uninext import UNINEXT
from uninext.models.heads import ReferenceFrame, gather_targets
from uninext.models.losses import untouched
from uninext.registry import MODELS
from uninext.structures import PromptFeatures, UninextDataSample, VisualPrompt

_RENAMED = {
    'followers': 'model.trackers, by category, expression, box and mask,',
    'predictor': 'model.test_cfg, without a type,',
}


@MODELS.register_module()
class UNINEXTVideo(UNINEXT):
    """Find and track what a prompt asks for: names, an expression, or a target.

    A sample whose prompt is a :class:`VisualPrompt` is an ordinary sample. A sample
    with a ``reference`` frame trains embeddings besides.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    arXiv 2303.06674.

    Args:
        visual_prompt_generator: Encodes visual prompts; its backbone is made from the
            image backbone's config unless it names one.
        embed_head: Embeds queries.
        trackers: How prompts are tracked through videos: a tracker for each of
            ``category``, ``expression``, ``box``, ``mask``; those that are absent
            cannot be asked for.
        **kwargs: Of :class:`UNINEXT`.
    """

    can_track = True

    def __init__(
        self,
        visual_prompt_generator: dict,
        embed_head: dict,
        trackers: dict[str, dict] | None = None,
        **kwargs: Any,
    ) -> None:
        for old in _RENAMED.keys() & kwargs.keys():
            raise ValueError(
                f'model.{old} is {_RENAMED[old]} now; see the table in CHANGELOG.md.'
            )
        super().__init__(**kwargs)
        self.visual_prompt_generator = MODELS.build(
            {'backbone': kwargs['backbone'], **visual_prompt_generator}
        )
        self.embed_head = MODELS.build(embed_head)
        self.trackers = {k: MODELS.build(v) for k, v in (trackers or {}).items()}

    def init_weights(self) -> None:
        """As in images; then the backbone of targets becomes a copy of the images'."""
        super().init_weights()
        state = add_template_backbone(
            {f'backbone.{k}': v for k, v in self.backbone.state_dict().items()}
        )
        prefix = 'visual_prompt_generator.backbone.'
        self.visual_prompt_generator.backbone.load_state_dict(
            {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}
        )

    # ------------------------------------------------------------------------- prompts

    def encode_targets(self, targets: Sequence[VisualPrompt]) -> PromptFeatures:
        """Features of their templates on the model's device."""
        return self.visual_prompt_generator(
            targets, self.neck, self.data_preprocessor.template_inputs
        )

    # ------------------------------------------------------------------------ training

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[UninextDataSample]
    ) -> dict[str, Tensor]:
        """Losses of a batch of frames or of clips.

        Args:
            batch_inputs: (B, 3, H, W), or (B, 2, 3, H, W): key and reference frames.
            batch_data_samples: Of the key frames, with ``prompt`` and ``gt_instances``;
                in clips with a ``reference`` sample, whose objects are known again by
                ``instances_ids``.

        Returns:
            dict: those of :class:`UNINEXT` for the key frames, ``loss_reid`` and
            ``loss_reid_aux`` (0 without reference frames).
        """
        is_clip = batch_inputs.dim() == 5
        keys = batch_inputs[:, 0] if is_clip else batch_inputs
        losses, found = self.loss_frames(keys, batch_data_samples)
        if is_clip:
            references = [sample.reference for sample in batch_data_samples]
            losses.update(self._embed_losses(found, batch_inputs[:, 1], references))
        else:
            losses['loss_reid'] = losses['loss_reid_aux'] = self.embed_head.no_loss()
        is_visual = isinstance(batch_data_samples[0].prompt, VisualPrompt)
        unused = self.prompt_generator if is_visual else self.visual_prompt_generator
        losses['loss_reid'] = losses['loss_reid'] + untouched(unused)
        return losses

    def _embed_losses(
        self,
        found: Matched,
        reference_inputs: Tensor,
        reference_samples: list[UninextDataSample],
    ) -> dict[str, Tensor]:
        # no gradient arrives here: the embedding head looks at detached queries
        with torch.no_grad():
            pyramid = self.build_pyramid(
                self.extract_feat(reference_inputs), reference_samples
            )
            prompt = self.encode_prompts([s.prompt for s in reference_samples])
            decoded = self.decode(pyramid, prompt)
            outputs = self.bbox_head(
                decoded.hidden_states, decoded.references, decoded.prompt, layers=[-1]
            )
        reference = ReferenceFrame(
            embeds=self.embed(decoded),
            logits=outputs.logits[0],
            boxes=outputs.boxes[0],
            token_mask=decoded.prompt.retrieval_mask(),
            targets=gather_targets(reference_samples, prompt),
        )
        return self.embed_head.loss(
            self.embed(found.decoded), found.assignment, found.targets, reference
        )

    def embed(self, decoded: Decoded) -> Tensor:
        """(R, Q, C) embeddings of all queries."""
        return self.embed_head(
            decoded.hidden_states[-1], decoded.references[-1], decoded.memory
        )

    # ------------------------------------------------------------------------- weights

    def adapt_state_dict(
        self, state: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], list[str], list[str]]:
        """Make weights of an image model (stage 2) the start of this one.

        Returns:
            The weights; notes of what was derived, for the log; and regular
            expressions of keys that the file may lack.
        """
        return start_video_from_image(state)
