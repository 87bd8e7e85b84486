"""The embedding head: by what queries of two frames are told to show one object.

Trackers compare embeddings of two frames; in training a key frame is compared with a
reference frame.

Shape legend: B batch, Q queries, C channels, G objects of an image, L prompt
embeddings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.models.layers import MLP
from torch import Tensor

from uninext.models.heads.ground_truth import ImageTargets
from uninext.models.losses import zero_with_gradient
from uninext.models.task_modules import PromptAssignment, pad_objects
from uninext.models.transformer import BoxGuidedDecoderLayers, FeaturePyramid
from uninext.registry import MODELS, TASK_UTILS


@dataclass
class ReferenceFrame:
    """What was predicted for reference frames, and what they hold.

    Attributes:
        embeds: (B, Q, C).
        logits: (B, Q, L) of the last decoder layer.
        boxes: (B, Q, 4), cxcywh in 0..1, of the last decoder layer.
        token_mask: (B, L) bool, True where a logit counts.
        targets: Per image, with ``ids``.
    """

    embeds: Tensor
    logits: Tensor
    boxes: Tensor
    token_mask: Tensor
    targets: list[ImageTargets]


@MODELS.register_module()
class ContrastiveEmbedHead(BoxGuidedDecoderLayers):
    """Two decoder layers at the final boxes, and an MLP.

    An object of the key frame is represented by its best query. Its positives are the
    queries of the reference frame that SimOTA gives to the same object; its negatives
    those that a more generous SimOTA does not give to it, other objects' included.

    Paper: In Defense of Online Models for Video Instance Segmentation,
    arXiv 2207.10661, Sec. 3.2; arXiv 2303.06674. Follows: method sections 1.12, 1.14
    and 1.15. The embeddings learn alone: nothing flows back into queries and memory.

    Padding is *not* hidden from these layers, in training or in test, although every
    other attention of the network is masked. That looks like an oversight, and is one
    of the published code: it hands the padding mask on in the place of the query
    position, which each layer then overwrites, so no mask arrives. Published weights
    were trained so; a head that masks is off by 2e-2 as soon as padding covers a cell.

    Args:
        num_layers: Decoder layers.
        embed_dims: Channels C.
        positive_assigner: Tells which queries show an object.
        candidate_assigner: Tells which queries may show it: no negatives of it.
        loss_embed: Contrast of positives and negatives.
        loss_cosine: Auxiliary loss of cosine similarities.
        **kwargs: Of :class:`BoxGuidedDecoderLayers`.
    """

    def __init__(
        self,
        num_layers: int = 2,
        embed_dims: int = 256,
        positive_assigner: dict | None = None,
        candidate_assigner: dict | None = None,
        loss_embed: dict | None = None,
        loss_cosine: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_layers, embed_dims, **kwargs)
        self.mlp = MLP(embed_dims, embed_dims, embed_dims, 3)
        self.positive_assigner = TASK_UTILS.build(
            positive_assigner or dict(type='PromptSimOTAAssigner', candidate_topk=10)
        )
        self.candidate_assigner = TASK_UTILS.build(
            candidate_assigner or dict(type='PromptSimOTAAssigner', candidate_topk=100)
        )
        self.loss_embed = MODELS.build(
            loss_embed or dict(type='ContrastiveEmbedLoss', loss_weight=2.0)
        )
        self.loss_cosine = MODELS.build(
            loss_cosine or dict(type='CosineEmbedLoss', loss_weight=3.0)
        )

    def forward(
        self, query: Tensor, reference: Tensor, memory: FeaturePyramid
    ) -> Tensor:
        """Embed the queries of frames.

        Args:
            query: (B, Q, C), of the last decoder layer.
            reference: (B, Q, 4), its boxes, cxcywh in 0..1 of the un-padded image.
            memory: ``feat`` is the encoder's memory, read at padded cells too.

        Returns:
            Tensor: (B, Q, C), not normalised. Gradient ends at the arguments.
        """
        query, reference = query.detach(), reference.detach()
        memory = memory.with_feat(memory.feat.detach())
        for layer in self.layers:
            query = self.run_layer(
                layer, query, reference, memory, key_padding_mask=None
            )
        return self.mlp(query).float()

    def loss(
        self,
        key_embeds: Tensor,
        key_match: PromptAssignment,
        key_targets: list[ImageTargets],
        reference: ReferenceFrame,
    ) -> dict[str, Tensor]:
        """Contrast each object of the key frames with its reference frame.

        Args:
            key_embeds: (B, Q, C).
            key_match: Of the last decoder layer, (B, Q) and (B, G).
            key_targets: With ``ids``, by which objects are known again.
            reference: Of the same length B.

        Returns:
            dict: ``loss_reid`` and ``loss_reid_aux``, averaged over the objects that
            both frames show; 0 where there is none.
        """
        contrast, cosine = [], []
        for b, query, positives, negatives in self._samples(
            key_match, key_targets, reference
        ):
            embeds = reference.embeds[b]
            args = key_embeds[b, query], embeds[positives], embeds[negatives]
            contrast.append(self.loss_embed(*args))
            cosine.append(self.loss_cosine(*args))
        zero = self.no_loss() + zero_with_gradient(key_embeds, reference.embeds)
        if not contrast:
            return dict(loss_reid=zero, loss_reid_aux=zero)
        return dict(
            loss_reid=torch.stack(contrast).mean() + zero,
            loss_reid_aux=torch.stack(cosine).mean(),
        )

    def no_loss(self) -> Tensor:
        """Zero, connected to all parameters."""
        return zero_with_gradient(*self.parameters())

    def _samples(
        self,
        match: PromptAssignment,
        targets: list[ImageTargets],
        reference: ReferenceFrame,
    ) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """Of each object in both frames: image, key query, positives and negatives."""
        args = (
            reference.logits,
            reference.boxes,
            [t.boxes_cxcywh for t in reference.targets],
            [
                t.positive_maps & mask
                for t, mask in zip(reference.targets, reference.token_mask[:, None])
            ],
        )
        shown = self.positive_assigner.assign(*args).gt_inds  # (B, Q)
        maybe = self.candidate_assigner.assign(*args).gt_inds
        ids = pad_objects([t.ids for t in targets])  # (B, G)
        ref_ids = pad_objects([t.ids for t in reference.targets])
        valid, ref_valid = (
            pad_objects([torch.ones_like(t.ids).bool() for t in of])
            for of in (targets, reference.targets)
        )
        both = (ids[:, :, None] == ref_ids[:, None]) & ref_valid[:, None]
        both &= (valid & (match.best_query_inds >= 0))[:, :, None]
        images, key_gts, ref_gts = both.nonzero().unbind(1)
        queries = match.best_query_inds[images, key_gts]
        positive = shown[images] == ref_gts[:, None]  # (K, Q)
        negative = maybe[images] != ref_gts[:, None]
        where = torch.stack([images, queries], 1).tolist()
        for (b, query), is_positive, is_negative in zip(where, positive, negative):
            yield b, query, is_positive.nonzero()[:, 0], is_negative.nonzero()[:, 0]
