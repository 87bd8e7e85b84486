"""Contrastive denoising queries whose content is the prompt.

Between the ground truth with its prompt features and the decoder, in training only.

Shape legend: B batch, R groups, G largest number of objects of a sample, Nd = 2RG
denoising queries, Q matching queries, C channels, P positive denoising queries.
Query ``(2r + s) G + j`` stands for object ``j`` in group ``r``: positive where s is 0,
negative where s is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmdet.models.layers.transformer.utils import inverse_sigmoid
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_xyxy_to_cxcywh
from torch import Tensor, nn

from uninext.registry import MODELS
from uninext.structures import PromptFeatures


@dataclass(frozen=True)
class DenoisingQueries:
    """The denoising queries of a batch.

    Attributes:
        query: (B, Nd, C) content; 0 where a sample has fewer than G objects.
        reference_logits: (B, Nd, 4) inverse sigmoid of the noised boxes (cxcywh,
            normalised); 0 where a sample has fewer than G objects.
        attn_mask: (Nd + Q, Nd + Q) bool, True where query ``[i, j]``: ``i`` must not
            attend to ``j``. Denoising queries come first.
        num_groups: R.
        max_gts: G.
        valid: (B, G) bool, True where a sample has an object ``j``.
    """

    query: Tensor
    reference_logits: Tensor
    attn_mask: Tensor
    num_groups: int
    max_gts: int
    valid: Tensor

    def __len__(self) -> int:
        return self.query.shape[1]

    @property
    def gt_inds(self) -> Tensor:
        """(B, Nd) int64, the object that a positive query shall find.

        -1 for all others (negatives, padding), which have nothing to find.
        """
        objects = torch.arange(self.max_gts, device=self.valid.device)
        positive = objects.where(self.valid, -1)  # (B, G)
        both = torch.stack([positive, torch.full_like(positive, -1)], 1)
        return both.flatten(1).repeat(1, self.num_groups)


@MODELS.register_module()
class PromptDenoising(nn.Module):
    """Ask the decoder to restore noised boxes, with the prompt as content.

    Every denoising query of a sample has the same content: the prompt before fusion,
    averaged over its tokens and projected. There is no label noise.

    Paper: DINO: DETR with Improved DeNoising Anchor Boxes, 2203.03605, Sec. 3.3.
    Follows: published ``prepare_for_cdn`` with dynamic label encoding.

    Args:
        embed_dims: Channels C of a query.
        prompt_dims: Channels of a prompt token.
        num_dn_queries: Half the number of queries to fill with groups; one group at
            least, however many objects there are.
        box_noise_scale: Corners of positives move by up to this times half the side,
            those of negatives by up to once more. 0: boxes are given as they are, and
            no random number is drawn.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        prompt_dims: int = 768,
        num_dn_queries: int = 100,
        box_noise_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if num_dn_queries < 1:
            raise ValueError(
                f'num_dn_queries must be 1 or more, got {num_dn_queries}; leave the '
                'denoising module out to train without it.'
            )
        if box_noise_scale < 0:
            raise ValueError(
                f'box_noise_scale must not be negative, got {box_noise_scale}.'
            )
        self.num_dn_queries = num_dn_queries
        self.box_noise_scale = box_noise_scale
        self.prompt_proj = nn.Linear(prompt_dims, embed_dims)
        self.prompt_norm = nn.LayerNorm(embed_dims, eps=1e-12)

    def forward(
        self,
        gt_boxes_cxcywh: list[Tensor],
        prompt_features: PromptFeatures,
        num_queries: int,
    ) -> DenoisingQueries | None:
        """Make the denoising queries of a batch.

        Args:
            gt_boxes_cxcywh: Per sample (G_i, 4), normalised.
            prompt_features: The prompts before fusion.
            num_queries: Matching queries Q that follow.

        Returns:
            The queries, or None if no sample has an object.
        """
        counts = [len(boxes) for boxes in gt_boxes_cxcywh]
        max_gts = max(counts)
        if not max_gts:
            return None
        num_groups = max(1, self.num_dn_queries // max_gts)
        boxes = nn.utils.rnn.pad_sequence(gt_boxes_cxcywh, batch_first=True).float()
        slots = torch.arange(max_gts, device=boxes.device)
        valid = slots < torch.tensor(counts, device=boxes.device)[:, None]  # (B, G)

        pooled = prompt_features.pool()  # (B, 1, Cp)
        content = self.prompt_norm(self.prompt_proj(pooled))  # (B, 1, C)
        reference_logits = inverse_sigmoid(self._noised(boxes, num_groups), eps=1e-5)
        padding = ~valid.repeat(1, 2 * num_groups).unsqueeze(-1)  # (B, Nd, 1)
        return DenoisingQueries(
            query=content.expand(-1, padding.shape[1], -1).masked_fill(padding, 0.0),
            reference_logits=reference_logits.masked_fill(padding, 0.0),
            attn_mask=_attention_mask(
                num_groups, 2 * max_gts, num_queries, boxes.device
            ),
            num_groups=num_groups,
            max_gts=max_gts,
            valid=valid,
        )

    def _noised(self, boxes: Tensor, num_groups: int) -> Tensor:
        """Repeat (B, G, 4) boxes for all groups and noise them; (B, Nd, 4) cxcywh."""
        batch_size, max_gts, _ = boxes.shape
        boxes = boxes[:, None].repeat(1, 2 * num_groups, 1, 1)  # (B, 2R, G, 4)
        if self.box_noise_scale > 0:
            noise = torch.rand_like(boxes)  # positives 0..1
            noise[:, 1::2] += 1  # negatives 1..2
            noise *= torch.randint_like(boxes, 2) * 2 - 1
            half_sides = boxes[..., 2:].repeat(1, 1, 1, 2) / 2
            corners = bbox_cxcywh_to_xyxy(boxes)
            corners = corners + noise * half_sides * self.box_noise_scale
            boxes = bbox_xyxy_to_cxcywh(corners.clamp(min=0, max=1))
        return boxes.reshape(batch_size, -1, 4)


def _attention_mask(
    num_groups: int, group_size: int, num_queries: int, device: torch.device
) -> Tensor:
    """(Nd + Q, Nd + Q) bool, True: blocked. Nobody sees a group it is not in."""
    owners = torch.arange(num_groups, device=device).repeat_interleave(group_size)
    owners = torch.cat([owners, owners.new_full((num_queries,), -1)])
    return (owners[:, None] != owners[None]) & (owners[None] >= 0)
