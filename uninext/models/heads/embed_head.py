"""The embedding head: by what queries of two frames are told to show one object.

Trackers compare embeddings of two frames; in training a key frame is compared with a
reference frame.

Shape legend: B batch, Q queries, C channels, G objects of an image, L prompt
embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mmdet.models.layers import MLP
from torch import Tensor

from uninext.models.heads.ground_truth import ImageTargets
from uninext.models.losses import zero_with_gradient
from uninext.models.task_modules import PromptAssignment
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
        key_matches: list[PromptAssignment],
        key_targets: list[ImageTargets],
        reference: ReferenceFrame,
    ) -> dict[str, Tensor]:
        """Contrast each object of the key frames with its reference frame.

        Args:
            key_embeds: (B, Q, C).
            key_matches: Of the last decoder layer, per image.
            key_targets: With ``ids``, by which objects are known again.
            reference: Of the same length B.

        Returns:
            dict: ``loss_reid`` and ``loss_reid_aux``, averaged over the objects that
            both frames show; 0 where there is none.
        """
        contrast, cosine = [], []
        for b, (match, target) in enumerate(zip(key_matches, key_targets)):
            samples = self._samples(b, match, target, reference)
            for query, positives, negatives in samples:
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
        b: int,
        match: PromptAssignment,
        target: ImageTargets,
        reference: ReferenceFrame,
    ) -> list[tuple[int, Tensor, Tensor]]:
        """Of each object in both frames: key query, positive and negative queries."""
        ref_target = reference.targets[b]
        both = (target.ids[:, None] == ref_target.ids[None]).nonzero().tolist()
        if not both:
            return []
        args = (
            reference.logits[b],
            reference.boxes[b],
            ref_target.boxes_cxcywh,
            ref_target.positive_maps & reference.token_mask[b, None],
        )
        shown = self.positive_assigner.assign(*args)
        maybe = self.candidate_assigner.assign(*args)
        best = match.best_query_inds.tolist()
        samples = []
        for key_gt, ref_gt in both:
            if best[key_gt] < 0:
                continue
            negative = torch.ones_like(reference.logits[b, :, 0], dtype=torch.bool)
            negative[maybe.query_inds[maybe.gt_inds == ref_gt]] = False
            positives = shown.query_inds[shown.gt_inds == ref_gt]
            samples.append((best[key_gt], positives, negative.nonzero()[:, 0]))
        return samples
