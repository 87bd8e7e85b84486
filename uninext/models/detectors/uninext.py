"""UNINEXT: prompt generation, image-prompt fusion, discovery and retrieval.

Reading order is data order: images become a feature pyramid, prompts become
features, both are fused, the encoder refines, the selector chooses queries, the
decoder refines them, the heads answer.

Shape legend: B images, R rows (an image with one of its prompts), N tokens, C
channels, Q queries, D decoder layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from uninext.models.detectors.passes import Decoded, Matched, PromptRow
from uninext.models.detectors.prompted import PromptedDetector
from uninext.models.heads import gather_targets
from uninext.models.losses import untouched
from uninext.models.ops import FoldedNorm, MSDeformAttention, to_channels_last
from uninext.models.predictors import InstancePredictor, RowOutputs
from uninext.models.speed_options import SpeedOptions
from uninext.models.task_modules import DenoisingQueries
from uninext.models.transformer import FeaturePyramid
from uninext.registry import MODELS
from uninext.structures import PromptFeatures, UninextDataSample


@MODELS.register_module()
class UNINEXT(PromptedDetector):
    """Find the instances that a prompt asks for, in single images.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    arXiv 2303.06674.

    Args:
        backbone: Image backbone.
        neck: Brings backbone features to C channels and adds a level.
        prompt_generator: Encodes prompts.
        fusion_neck: Enhances image and prompt features by each other; None: neither.
        positional_encoding: Sine position embedding.
        encoder: Transformer encoder.
        query_selector: Chooses the decoder's queries from the memory.
        decoder: Transformer decoder.
        denoising: Makes denoising queries in training; None: none.
        bbox_head: Retrieval, box and IoU branches.
        mask_head: Masks of chosen queries; None: boxes only.
        test_cfg: What is reported of an image: arguments of
            :class:`InstancePredictor`; and how the network is run: of
            :class:`SpeedOptions`; None: their defaults.
        num_levels: Feature levels after the neck.
        max_rows: Most (image, prompt) rows that go through the transformer at once in
            test; more are done in several passes. None: as many as have
            ``TOKENS_OF_A_PASS`` image tokens, 4 of 800 x 1333 pixels, 28 of 320 x 480.
        data_preprocessor: Normalises and pads the batch.
        init_cfg: Initialisation of the whole model.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        prompt_generator: dict,
        fusion_neck: dict | None,
        positional_encoding: dict,
        encoder: dict,
        query_selector: dict,
        decoder: dict,
        denoising: dict | None,
        bbox_head: dict,
        mask_head: dict | None,
        test_cfg: dict | None = None,
        num_levels: int = 4,
        max_rows: int | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.prompt_generator = MODELS.build(prompt_generator)
        self.fusion_neck = MODELS.build(fusion_neck) if fusion_neck else None
        self.positional_encoding = MODELS.build(positional_encoding)
        self.encoder = MODELS.build(encoder)
        self.query_selector = MODELS.build(query_selector)
        self.decoder = MODELS.build(decoder)
        self.denoising = MODELS.build(denoising) if denoising else None
        self.bbox_head = MODELS.build(bbox_head)
        self.mask_head = MODELS.build(mask_head) if mask_head else None
        self.speed, test_cfg = SpeedOptions.split(test_cfg or {})
        self.speed.check_queries(self.query_selector.num_queries)
        self.predictor = InstancePredictor(**test_cfg)
        self.level_embed = nn.Parameter(
            torch.zeros(num_levels, self.encoder.embed_dims)
        )
        self.max_rows = max_rows
        self._folded_norm = FoldedNorm()  # of the backbone
        to_channels_last(self)

    def train(self, mode: bool = True) -> UNINEXT:
        """Switch modes; weights may have been swapped since."""
        if mode != self.training:
            self._folded_norm.clear()
        super().train(mode)
        if self.speed.compile:
            self.speed.compile_layers(self)
        return self

    def set_speed(self, **options: Any) -> None:
        """Change some of the :class:`SpeedOptions`, for all who use this network.

        Raises:
            ValueError: If one is unknown, or cannot be had here.
        """
        speed = replace(self.speed, **options)
        speed.check(self.device)
        speed.check_queries(self.query_selector.num_queries)
        speed.compile_layers(self)
        self.speed = speed

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.level_embed.device

    def init_weights(self) -> None:
        """Xavier for the transformer's matrices, then each part's own rule."""
        for module in (self.encoder, self.decoder):
            for parameter in module.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
        super().init_weights()
        for module in self.modules():
            if isinstance(module, MSDeformAttention):  # Xavier undid its own start
                module.init_weights()
        nn.init.normal_(self.level_embed)

    # ------------------------------------------------------------- images and prompts

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Backbone and neck; finest level first, (B, C, Hl, Wl) each."""
        with self.speed.running(self):
            return self.neck(self._folded_norm.run(self.backbone, batch_inputs))

    def build_pyramid(
        self, levels: Sequence[Tensor], data_samples: Sequence[UninextDataSample]
    ) -> FeaturePyramid:
        """Flatten feature levels; padding is what lies outside each ``img_shape``."""
        input_hw = data_samples[0].batch_input_shape
        mask = levels[0].new_ones((len(data_samples), *input_hw), dtype=torch.bool)
        for i, sample in enumerate(data_samples):
            height, width = sample.img_shape[:2]
            mask[i, :height, :width] = False
        sizes_hw = {tuple(sample.img_shape[:2]) for sample in data_samples}
        return FeaturePyramid.from_levels(
            levels,
            mask,
            self.positional_encoding,
            self.level_embed,
            is_padded=sizes_hw != {tuple(input_hw)},
        )

    def decode(
        self,
        pyramid: FeaturePyramid,
        prompt: PromptFeatures,
        denoising: DenoisingQueries | None = None,
    ) -> Decoded:
        """Fusion, encoder, query selection, decoder, for R rows.

        ``prompt`` is before fusion; ``denoising`` queries come before the others.
        """
        if self.fusion_neck is not None:
            feat, prompt = self.fusion_neck(pyramid.feat, prompt)
            pyramid = pyramid.with_feat(feat)
        memory = pyramid.with_feat(self.encoder(pyramid))
        selected = self.query_selector(
            memory,
            self.bbox_head.cls_branches[-1],
            self.bbox_head.reg_branches[-1],
            None if self.training else self.speed.num_queries,
        )
        query, reference, attn_mask = selected.query, selected.reference, None
        if denoising is not None:
            query = torch.cat([denoising.query.to(query.dtype), query], 1)
            reference = torch.cat([denoising.reference_logits.sigmoid(), reference], 1)
            attn_mask = denoising.attn_mask
        hidden_states, references = self.decoder(
            query, reference, memory, self.bbox_head.reg_branches, attn_mask
        )
        return Decoded(prompt, memory, selected, hidden_states, references)

    def mask_features(self, memory: FeaturePyramid) -> Tensor:
        """(R, K, Hs, Ws) features that masks are made of."""
        return self.mask_head.forward_features(memory.unflatten(memory.feat, 3))

    # ------------------------------------------------------------------------ training

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[UninextDataSample]
    ) -> dict[str, Tensor]:
        """Losses of a batch; images without objects are welcome.

        Args:
            batch_inputs: (B, 3, H, W), normalised and padded.
            batch_data_samples: With ``prompt`` and ``gt_instances``; all prompts of a
                batch are pooled, or none is.

        Returns:
            dict: scalars; ``loss_*`` of the last decoder layer, ``*_i`` of layer i,
            ``*_enc`` of encoder proposals, ``*_dn`` of denoising queries.
        """
        return self.loss_frames(batch_inputs, batch_data_samples)[0]

    def loss_frames(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[UninextDataSample]
    ) -> tuple[dict[str, Tensor], Matched]:
        """Losses of :meth:`loss`, and what was matched in the batch."""
        pyramid = self.build_pyramid(
            self.extract_feat(batch_inputs), batch_data_samples
        )
        prompt = self.encode_prompts([s.prompt for s in batch_data_samples])
        targets = gather_targets(batch_data_samples, prompt)
        denoising = None
        if self.denoising is not None:
            num_queries = min(self.query_selector.num_queries, pyramid.feat.shape[1])
            boxes = [t.boxes_cxcywh for t in targets]
            denoising = self.denoising(boxes, prompt, num_queries)
        decoded = self.decode(pyramid, prompt, denoising)
        outputs = self.bbox_head(
            decoded.hidden_states, decoded.references, decoded.prompt
        )
        num_dn = 0 if denoising is None else denoising.query.shape[1]
        dn_outputs, outputs = outputs.split(num_dn)
        losses, assignment = self.bbox_head.loss(outputs, decoded.prompt, targets)
        losses.update(self.bbox_head.loss_proposals(decoded.selected, targets))
        if denoising is not None:
            losses.update(
                self.bbox_head.loss_denoising(
                    dn_outputs, denoising, decoded.prompt, targets
                )
            )
        elif self.denoising is not None:  # no object: DDP still waits for gradients
            losses['loss_ce_dn'] = untouched(self.denoising)
        decoded = decoded.without_denoising(num_dn)
        if self.mask_head is not None:
            learns_masks = not all(target.names_only for target in targets)
            with torch.set_grad_enabled(learns_masks and torch.is_grad_enabled()):
                features = self.mask_features(decoded.memory)
            of_masks = self.mask_head.loss(
                decoded.hidden_states,
                decoded.references[:-1],
                features,
                assignment.gt_inds,
                targets,
            )
            if not learns_masks:  # DDP still waits for gradients of what made features
                rest = untouched(self.mask_head)
                of_masks = {name: value + rest for name, value in of_masks.items()}
            losses.update(of_masks)
        return losses, Matched(decoded, targets, assignment[-1])

    # ---------------------------------------------------------------------------- test

    def find(
        self,
        pyramid: FeaturePyramid,
        rows: Sequence[PromptRow],
        images: Sequence[int],
        with_masks: bool = True,
        with_embeds: bool = False,
    ) -> list[RowOutputs]:
        """See :meth:`PromptedDetector.find`."""
        mask_feats: Sequence[Tensor | None] = [None] * len(rows)
        with self.speed.running(self):
            prompt = self.encode_prompts([row.prompt for row in rows])
            decoded = self.decode(pyramid.index(images), prompt)
            outputs = self.bbox_head(
                decoded.hidden_states, decoded.references, decoded.prompt, layers=[-1]
            )
            if self.mask_head is not None and with_masks:
                mask_feats = self.mask_features(decoded.memory)
            embeds = self.embed(decoded) if with_embeds else None
        return [
            RowOutputs(
                logits=outputs.logits[0][i],
                ious=None if outputs.ious is None else outputs.ious[0][i],
                boxes_cxcywh=outputs.boxes[0][i],
                positive_map=prompt.positive_maps[i].to(self.device),
                query=decoded.hidden_states[-1][i],
                centres_xy=decoded.references[-2][i, :, :2],
                label_offset=row.label_offset,
                pooled=row.prompt.pooled,
                mask_feat=mask_feats[i],
                embeds=None if embeds is None else embeds[i],
            )
            for i, row in enumerate(rows)
        ]

    def embed(self, decoded: Decoded) -> Tensor | None:
        """(R, Q, C) embeddings of all queries to track by; None: the model has none."""
        return None

    # ---------------------------------------------------------------------- inspection

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[UninextDataSample]
    ) -> tuple[Tensor, ...]:
        """Raw outputs of the last layer: logits, boxes and, if there, IoU logits."""
        samples = list(batch_data_samples)
        pyramid = self.build_pyramid(self.extract_feat(batch_inputs), samples)
        rows = [PromptRow(i, sample.prompt, 0) for i, sample in enumerate(samples)]
        found = self.find(pyramid, rows, range(len(rows)), with_embeds=True)
        outputs = zip(*((f.logits, f.boxes_cxcywh, f.ious) for f in found))
        return tuple(torch.stack(values) for values in outputs if values[0] is not None)
