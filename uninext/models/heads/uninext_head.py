"""The retrieval head: logits, boxes and IoU of queries, and their losses.

Shape legend: B batch, Q queries, L prompt embeddings, C channels, D decoder layers,
N encoder tokens, G objects of an image, M matched (query, object) pairs of a batch.
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

Losses = dict[str, Tensor]


@dataclass
class HeadOutputs:
    """Predictions of each decoder layer.

    Attributes:
        logits: D tensors (B, Q, L).
        boxes: D tensors (B, Q, 4), cxcywh in 0..1 of the un-padded image.
        ious: D tensors (B, Q, 1) of logits, or None without the IoU branch.
    """

    logits: list[Tensor]
    boxes: list[Tensor]
    ious: list[Tensor] | None

    def split(self, num_denoising: int) -> tuple[HeadOutputs, HeadOutputs]:
        """Separate denoising queries (first) from matching queries."""
        layers = (self.logits, self.boxes, self.ious)
        first = [x and [value[:, :num_denoising] for value in x] for x in layers]
        second = [x and [value[:, num_denoising:] for value in x] for x in layers]
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
    ) -> None:
        super().__init__()
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
        outputs = HeadOutputs([], [], [] if self.with_iou_branch else None)
        for i in layers if layers is not None else range(self.num_layers):
            i = i % self.num_layers
            query = hidden_states[i]
            outputs.logits.append(self.cls_branches[i](query, embeds))
            delta = self.reg_branches[i](query).float()
            outputs.boxes.append((delta + inverse_sigmoid(references[i])).sigmoid())
            if outputs.ious is not None:
                outputs.ious.append(self.iou_branches[i](query).float())
        return outputs

    def loss(
        self, outputs: HeadOutputs, prompt: PromptFeatures, targets: list[ImageTargets]
    ) -> tuple[Losses, list[list[PromptAssignment]]]:
        """Losses of the matching queries.

        Returns:
            tuple: losses, the last layer's without suffix and layer ``i``'s with
            ``_i``; and the assignments, ``[layer][image]``.
        """
        losses, assignments = {}, []
        token_mask = prompt.retrieval_mask()
        for i, (logits, boxes) in enumerate(zip(outputs.logits, outputs.boxes)):
            matches = [
                self.assigner.assign(
                    logits[b], boxes[b], target.boxes_cxcywh,
                    target.positive_maps & token_mask[b, None],
                )
                for b, target in enumerate(targets)
            ]  # fmt: skip
            pairs = _Pairs.from_assignments(matches, targets)
            losses_i = self._pair_losses(logits, boxes, pairs, token_mask, len(pairs))
            if outputs.ious is not None:
                losses_i['loss_boxiou'] = self._iou_loss(outputs.ious[i], boxes, pairs)
            suffix = '' if i == len(outputs.logits) - 1 else f'_{i}'
            losses.update({k + suffix: v for k, v in losses_i.items()})
            assignments.append(matches)
        return losses, assignments

    def loss_proposals(
        self, selected: SelectedQueries, targets: list[ImageTargets]
    ) -> Losses:
        """Losses of the encoder's proposals; every object counts as one class."""
        logits, boxes = selected.proposal_logits.float(), selected.proposal_boxes
        matches = [
            self.proposal_assigner.assign(logits[b], boxes[b], target.boxes_cxcywh)
            for b, target in enumerate(targets)
        ]
        pairs = _Pairs.from_assignments(matches, targets)
        pairs.positive_maps = torch.ones_like(pairs.positive_maps[:, :1])
        losses = self._pair_losses(logits, boxes, pairs, None, len(pairs))
        return {k + '_enc': v for k, v in losses.items()}

    def loss_denoising(
        self,
        outputs: HeadOutputs,
        denoising: DenoisingQueries,
        prompt: PromptFeatures,
        targets: list[ImageTargets],
    ) -> Losses:
        """Losses of the denoising queries: noised boxes return to their objects."""
        batch_inds, query_inds, gt_inds = denoising.positive_inds
        pairs = _Pairs.from_indices(batch_inds, query_inds, gt_inds, targets)
        num_pos = sum(len(t) for t in targets) * denoising.num_groups
        losses = {}
        for i, (logits, boxes) in enumerate(zip(outputs.logits, outputs.boxes)):
            losses_i = self._pair_losses(
                logits, boxes, pairs, prompt.retrieval_mask(), num_pos
            )
            suffix = '_dn' if i == len(outputs.logits) - 1 else f'_dn_{i}'
            losses.update({k + suffix: v for k, v in losses_i.items()})
        return losses

    def _pair_losses(
        self,
        logits: Tensor,
        boxes: Tensor,
        pairs: _Pairs,
        token_mask: Tensor | None,
        num_pos: int,
    ) -> Losses:
        """Retrieval, L1 and GIoU losses, divided by ``num_pos``.

        Without a match all three are zero, still in the graph: the published criterion
        learns no negative from a batch without a positive (method.md 1.15).
        """
        class_targets = torch.zeros_like(logits)
        class_targets[pairs.batch_inds, pairs.query_inds] = pairs.positive_maps.to(
            logits.dtype
        )
        matched = boxes[pairs.batch_inds, pairs.query_inds]
        return dict(
            loss_ce=self.loss_retrieval(logits, class_targets, num_pos, token_mask),
            loss_bbox=divide_or_zero(
                self.loss_bbox(matched, pairs.boxes_cxcywh), num_pos
            ),
            loss_giou=self.loss_giou(matched, pairs.boxes_cxcywh, num_pos),
        )

    def _iou_loss(self, ious: Tensor, boxes: Tensor, pairs: _Pairs) -> Tensor:
        """Cross entropy between IoU logits and the IoU of the matched boxes."""
        matched = boxes[pairs.batch_inds, pairs.query_inds].detach()
        target = aligned_iou(matched, pairs.boxes_cxcywh)
        logits = ious[pairs.batch_inds, pairs.query_inds, 0]
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction='sum')
        return self.iou_loss_weight * divide_or_zero(loss, len(pairs))


@dataclass
class _Pairs:
    """Matched (query, object) pairs of a batch, M of them.

    Attributes:
        batch_inds, query_inds: (M,) int64, where the query is.
        boxes_cxcywh: (M, 4) of the object.
        positive_maps: (M, L) of the object.
    """

    batch_inds: Tensor
    query_inds: Tensor
    boxes_cxcywh: Tensor
    positive_maps: Tensor

    def __len__(self) -> int:
        return len(self.batch_inds)

    @classmethod
    def from_assignments(
        cls, matches: list[PromptAssignment], targets: list[ImageTargets]
    ) -> _Pairs:
        batch = [torch.full_like(m.query_inds, b) for b, m in enumerate(matches)]
        return cls.from_indices(
            torch.cat(batch),
            torch.cat([m.query_inds for m in matches]),
            torch.cat([m.gt_inds for m in matches]),
            targets,
        )

    @classmethod
    def from_indices(
        cls,
        batch_inds: Tensor,
        query_inds: Tensor,
        gt_inds: Tensor,
        targets: list[ImageTargets],
    ) -> _Pairs:
        starts = torch.tensor([0] + [len(t) for t in targets[:-1]]).cumsum(0)
        rows = gt_inds + starts.to(gt_inds.device)[batch_inds]
        boxes = torch.cat([t.boxes_cxcywh for t in targets])
        maps = torch.cat([t.positive_maps for t in targets])
        return cls(batch_inds, query_inds, boxes[rows], maps[rows])


def _box_branch(embed_dims: int) -> nn.Sequential:
    """Three-layer regressor C -> 4; parameters at 0, 2 and 4."""
    linear = partial(nn.Linear, embed_dims)
    relu = partial(nn.ReLU, inplace=True)
    return nn.Sequential(
        linear(embed_dims), relu(), linear(embed_dims), relu(), linear(4)
    )
