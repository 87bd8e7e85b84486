"""The retrieval head: logits, boxes and IoU of queries, and their losses.

Shape legend: B batch, Q queries, L prompt embeddings, C channels, D decoder layers,
N encoder tokens, G objects of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from mmdet.models.layers import inverse_sigmoid
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from uninext.models.heads.ground_truth import ImageTargets
from uninext.models.heads.matched_pairs import MatchedPairs, named_by_layer
from uninext.models.heads.retrieval import PRIOR_LOGIT, RetrievalBranch
from uninext.models.losses import divide_or_zero
from uninext.models.task_modules import (
    DenoisingQueries,
    PromptAssignment,
    aligned_iou,
)
from uninext.models.transformer import SelectedQueries
from uninext.registry import MODELS, TASK_UTILS
from uninext.structures import PromptFeatures
from uninext.utils.transfers import upload

Losses = dict[str, Tensor]


@dataclass
class HeadOutputs:
    """Predictions of decoder layers, D of them.

    Attributes:
        logits: (D, B, Q, L).
        boxes: (D, B, Q, 4), cxcywh in 0..1 of the un-padded image.
        ious: (D, B, Q, 1) of logits, or None without the IoU branch.
    """

    logits: Tensor
    boxes: Tensor
    ious: Tensor | None

    def split(self, num_denoising: int) -> tuple[HeadOutputs, HeadOutputs]:
        """Separate denoising queries (first) from matching queries."""
        values = (self.logits, self.boxes, self.ious)
        first = [x if x is None else x[:, :, :num_denoising] for x in values]
        second = [x if x is None else x[:, :, num_denoising:] for x in values]
        return HeadOutputs(*first), HeadOutputs(*second)


@MODELS.register_module()
class UNINEXTHead(BaseModule):
    """Retrieval, box and IoU branches of each decoder layer, and of the encoder.

    ``cls_branches[D]`` and ``reg_branches[D]`` belong to the encoder's proposals; the
    decoder refines its boxes with ``reg_branches[:D]`` themselves.

    Args:
        num_layers: Decoder layers D.
        embed_dims: Query channels C.
        prompt_dims: Prompt channels.
        with_iou_branch: Predict the IoU of each box.
        assigner: Matches queries of a decoder layer to objects.
        proposal_assigner: Matches encoder proposals to objects.
        loss_retrieval: Loss of logits.
        loss_bbox: L1 loss of cxcywh boxes.
        loss_giou: GIoU loss of xyxy boxes.
        iou_loss_weight: Weight of the IoU branch's cross entropy.
        learn_absence: Learn negatives from a batch without an object, as from one with
            a single object. Published weights learned nothing from it.
    """

    def __init__(
        self,
        num_layers: int = 6,
        embed_dims: int = 256,
        prompt_dims: int = 768,
        with_iou_branch: bool = True,
        assigner: dict | None = None,
        proposal_assigner: dict | None = None,
        loss_retrieval: dict | None = None,
        loss_bbox: dict | None = None,
        loss_giou: dict | None = None,
        iou_loss_weight: float = 1.0,
        learn_absence: bool = False,
    ) -> None:
        super().__init__()
        self.learn_absence = learn_absence
        self.num_layers = num_layers
        self.cls_branches = ModuleList(
            [RetrievalBranch(embed_dims, prompt_dims) for _ in range(num_layers)]
            + [nn.Linear(embed_dims, 1)]
        )
        self.reg_branches = ModuleList(
            _box_branch(embed_dims) for _ in range(num_layers + 1)
        )
        self.with_iou_branch = with_iou_branch
        if with_iou_branch:
            self.iou_branches = ModuleList(
                nn.Linear(embed_dims, 1) for _ in range(num_layers)
            )
        self.assigner = TASK_UTILS.build(assigner or dict(type='PromptSimOTAAssigner'))
        self.proposal_assigner = TASK_UTILS.build(
            proposal_assigner or dict(type='PromptHungarianAssigner')
        )
        self.loss_retrieval = MODELS.build(
            loss_retrieval or dict(type='BinaryFocalLoss')
        )
        self.loss_bbox = MODELS.build(
            loss_bbox or dict(type='L1Loss', loss_weight=5.0, reduction='sum')
        )
        self.loss_giou = MODELS.build(
            loss_giou or dict(type='NormalizedGIoULoss', loss_weight=2.0)
        )
        self.iou_loss_weight = iou_loss_weight

    def init_weights(self) -> None:
        """Start from boxes equal to their references and probabilities of 0.01."""
        super().init_weights()
        nn.init.constant_(self.cls_branches[-1].bias, PRIOR_LOGIT)
        for branch in self.reg_branches:
            nn.init.zeros_(branch[-1].weight)
            nn.init.zeros_(branch[-1].bias)
        if self.with_iou_branch:
            for branch in self.iou_branches:
                nn.init.constant_(branch.bias, PRIOR_LOGIT)

    def forward(
        self,
        hidden_states: Sequence[Tensor],
        references: Sequence[Tensor],
        prompt: PromptFeatures,
        layers: Sequence[int] | None = None,
    ) -> HeadOutputs:
        """Predict from the hidden states of decoder layers.

        Args:
            hidden_states: D tensors (B, Q, C).
            references: D + 1 tensors (B, Q, 4); layer ``i`` refines ``references[i]``.
            prompt: Fused prompt features.
            layers: Which layers to predict from; all by default, ``[-1]`` in test.
        """
        embeds = prompt.retrieval_embeds()
        logits, boxes, ious = [], [], []
        for i in layers if layers is not None else range(self.num_layers):
            i = i % self.num_layers
            query = hidden_states[i]
            logits.append(self.cls_branches[i](query, embeds))
            delta = self.reg_branches[i](query).float()
            boxes.append((delta + inverse_sigmoid(references[i])).sigmoid())
            if self.with_iou_branch:
                ious.append(self.iou_branches[i](query).float())
        return HeadOutputs(
            torch.stack(logits), torch.stack(boxes), torch.stack(ious) if ious else None
        )

    def loss(
        self, outputs: HeadOutputs, prompt: PromptFeatures, targets: list[ImageTargets]
    ) -> tuple[Losses, PromptAssignment]:
        """Losses of the matching queries.

        Returns:
            tuple: losses, the last layer's without suffix and layer ``i``'s with
            ``_i``; and the assignment of all layers, (D, B, Q) and (D, B, G).
        """
        token_mask = prompt.retrieval_mask()
        assignment = self.assigner.assign(
            outputs.logits,
            outputs.boxes,
            [t.boxes_cxcywh for t in targets],
            [t.positive_maps & mask for t, mask in zip(targets, token_mask[:, None])],
        )
        pairs = MatchedPairs.from_gt_inds(assignment.gt_inds)
        maps = [t.positive_maps for t in targets]
        losses = self._pair_losses(outputs, pairs, targets, maps, token_mask)
        if outputs.ious is not None:
            losses['loss_boxiou'] = self._iou_loss(outputs, pairs, targets)
        return named_by_layer(losses, range(len(outputs.logits))), assignment

    def loss_proposals(
        self, selected: SelectedQueries, targets: list[ImageTargets]
    ) -> Losses:
        """Losses of the encoder's proposals; every object counts as one class."""
        logits, boxes = selected.proposal_logits.float(), selected.proposal_boxes
        outputs = HeadOutputs(logits[None], boxes[None], None)
        assignment = self.proposal_assigner.assign(
            outputs.logits, outputs.boxes, [t.boxes_cxcywh for t in targets]
        )
        pairs = MatchedPairs.from_gt_inds(assignment.gt_inds)
        maps = [torch.ones_like(t.positive_maps[:, :1]) for t in targets]
        losses = self._pair_losses(outputs, pairs, targets, maps, None)
        return named_by_layer(losses, [0], '_enc')

    def loss_denoising(
        self,
        outputs: HeadOutputs,
        denoising: DenoisingQueries,
        prompt: PromptFeatures,
        targets: list[ImageTargets],
    ) -> Losses:
        """Losses of the denoising queries: noised boxes return to their objects."""
        gt_inds = denoising.gt_inds.expand(len(outputs.logits), -1, -1)
        pairs = MatchedPairs.from_gt_inds(gt_inds)
        maps = [t.positive_maps for t in targets]
        mask = prompt.retrieval_mask()
        losses = self._pair_losses(outputs, pairs, targets, maps, mask)
        return named_by_layer(losses, range(len(outputs.logits)), '_dn')

    def _pair_losses(
        self,
        outputs: HeadOutputs,
        pairs: MatchedPairs,
        targets: list[ImageTargets],
        positive_maps: list[Tensor],
        token_mask: Tensor | None,
    ) -> Losses:
        """Retrieval, L1 and GIoU losses (D,), divided by each layer's pairs.

        Without a match all three are zero, still in the graph: the published criterion
        learns no negative from a batch without a positive (method.md 1.15). With
        ``learn_absence`` such a batch is divided by one.
        """
        classes = torch.zeros_like(outputs.logits, dtype=torch.bool)
        where = pairs.layer_inds, pairs.image_inds, pairs.query_inds
        classes[where] = pairs.of_objects(positive_maps)
        boxes = pairs.of_queries(outputs.boxes)
        gt_boxes = pairs.of_objects([t.boxes_cxcywh for t in targets])
        l1 = self.loss_bbox(boxes, gt_boxes, reduction_override='none')
        l1 = l1.expand_as(boxes).sum(1)  # mmdet's losses of no box are a scalar 0
        giou = self.loss_giou(boxes, gt_boxes)
        totals = dict(
            loss_ce=self.loss_retrieval(outputs.logits, classes, token_mask).sum(1),
            loss_bbox=pairs.sum_by_layer(_where_placed(l1, pairs, targets)),
            loss_giou=pairs.sum_by_layer(_where_placed(giou, pairs, targets)),
        )
        counts = pairs.counts.clamp(min=1) if self.learn_absence else pairs.counts
        return {k: divide_or_zero(v, counts) for k, v in totals.items()}

    def _iou_loss(
        self, outputs: HeadOutputs, pairs: MatchedPairs, targets: list[ImageTargets]
    ) -> Tensor:
        """Cross entropy (D,) of IoU logits and the IoU of the matched boxes."""
        boxes = pairs.of_queries(outputs.boxes.detach())
        iou = aligned_iou(boxes, pairs.of_objects([t.boxes_cxcywh for t in targets]))
        logits = pairs.of_queries(outputs.ious)[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, iou, reduction='none')
        loss = _where_placed(loss, pairs, targets)
        total = self.iou_loss_weight * pairs.sum_by_layer(loss)
        return divide_or_zero(total, pairs.counts)


def _where_placed(
    losses: Tensor, pairs: MatchedPairs, targets: Sequence[ImageTargets]
) -> Tensor:
    """Losses (M,) of pairs; 0 of images that teach names only."""
    placed = [not target.names_only for target in targets]
    if all(placed):
        return losses
    return losses * upload(torch.tensor(placed), losses.device)[pairs.image_inds]


def _box_branch(embed_dims: int) -> nn.Sequential:
    """Three-layer regressor C -> 4; parameters at 0, 2 and 4."""
    linear = partial(nn.Linear, embed_dims)
    # In place on the view that a linear layer of (B, Q, C) returns, a step backwards
    # would copy the gradient three times.
    return nn.Sequential(
        linear(embed_dims), nn.ReLU(), linear(embed_dims), nn.ReLU(), linear(4)
    )
