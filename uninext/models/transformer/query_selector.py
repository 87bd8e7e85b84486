"""Query selection: the most promising boxes of the memory become queries.

Shape legend: B batch, N memory tokens, Q queries, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from uninext.models.transformer.feature_pyramid import FeaturePyramid
from uninext.registry import MODELS


@dataclass
class SelectedQueries:
    """What the selector chose, and what it chose from.

    Attributes:
        query: (B, Q, C) content queries.
        reference: (B, Q, 4) boxes cxcywh in 0..1, with gradient.
        proposal_logits: (B, N, 1) of every token.
        proposal_boxes: (B, N, 4) of every token, cxcywh in 0..1.
    """

    query: Tensor
    reference: Tensor
    proposal_logits: Tensor
    proposal_boxes: Tensor


@MODELS.register_module()
class QuerySelector(BaseModule):
    """Mixed query selection: boxes come from the image, contents are learned.

    Paper: DINO, arXiv 2203.03605, Sec. 3.4. The score of a token does not look at the
    prompt (the memory is fused with it already); references are not detached
    (method.md 1.7).

    Args:
        embed_dims: Channels C.
        num_queries: Queries Q; images with fewer tokens get one query a token.
    """

    def __init__(self, embed_dims: int = 256, num_queries: int = 900) -> None:
        super().__init__()
        self.num_queries = num_queries
        self.memory_proj = nn.Linear(embed_dims, embed_dims)
        self.memory_norm = nn.LayerNorm(embed_dims)
        self.query_embedding = nn.Embedding(num_queries, embed_dims)

    def init_weights(self) -> None:
        """Xavier for the projection, unit normal for the content queries."""
        super().init_weights()
        nn.init.xavier_uniform_(self.memory_proj.weight)
        nn.init.zeros_(self.memory_proj.bias)
        nn.init.normal_(self.query_embedding.weight)

    def forward(
        self,
        pyramid: FeaturePyramid,
        cls_branch: nn.Module,
        reg_branch: nn.Module,
        num_queries: int | None = None,
    ) -> SelectedQueries:
        """Score all tokens of the memory and keep the best.

        Args:
            pyramid: ``feat`` is the encoder's memory.
            cls_branch: C -> 1 objectness logit.
            reg_branch: C -> 4 box refinement in logit space.
            num_queries: Fewer queries than ``Q``; None: all.
        """
        proposals, valid = _grid_proposals(pyramid)
        memory = pyramid.feat.masked_fill(~valid, 0.0)
        memory = self.memory_norm(self.memory_proj(memory))
        logits = cls_branch(memory)  # (B, N, 1)
        coords = reg_branch(memory) + proposals  # (B, N, 4), logit space
        limit = min(num_queries or self.num_queries, logits.shape[1])
        top = logits[..., 0].topk(limit, dim=1)[1]
        reference = coords.gather(1, top[..., None].expand(-1, -1, 4)).sigmoid()
        content = self.query_embedding.weight[: top.shape[1]]
        return SelectedQueries(
            query=content[None].expand(top.shape[0], -1, -1),
            reference=reference,
            proposal_logits=logits,
            proposal_boxes=coords.sigmoid(),
        )


def _grid_proposals(pyramid: FeaturePyramid) -> tuple[Tensor, Tensor]:
    """A box at every token, growing with the level.

    Returns:
        tuple: (B, N, 4) cxcywh in logit space, +inf where invalid; (B, N, 1) bool, True
        where the token is image and its box lies inside (0.01, 0.99).
    """
    sizes_wh = pyramid.spatial_shapes.flip(-1)
    boxes = []
    for level, grid in enumerate(pyramid.grids):
        valid_wh = (pyramid.valid_ratios[:, level] * sizes_wh[level]).round()
        centre = grid / valid_wh[:, None]  # (B, Hl*Wl, 2)
        wh = torch.full_like(centre, 0.05 * 2.0**level)
        boxes.append(torch.cat([centre, wh], -1))
    proposals = torch.cat(boxes, 1)
    valid = ((proposals > 0.01) & (proposals < 0.99)).all(-1, keepdim=True)
    valid &= ~pyramid.padding_mask[..., None]
    logits = torch.log(proposals / (1 - proposals))
    return logits.masked_fill(~valid, float('inf')), valid
