"""Losses that draw embeddings of one object together and push others away."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from uninext.models.losses.functional import zero_with_gradient
from uninext.registry import MODELS


@MODELS.register_module()
class ContrastiveEmbedLoss(BaseModule):
    """Cross entropy over pairs of positives and negatives, on raw dot products.

    The loss of an object is ``log(1 + sum_{p, n} exp(v.n - v.p))``, over its positives
    p and its negatives n. The sum over pairs is a product of two sums, so the cost is
    linear in their number.

    Paper: In Defense of Online Models for Video Instance Segmentation,
    arXiv 2207.10661, Eq. 3. Follows: method section 1.15 (``loss_reid``).
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, embed: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        """Loss of one object; 0 without a positive or without a negative.

        Args:
            embed: (C,), of the object in the key frame.
            positives: (P, C), embeddings of the same object in the reference frame.
            negatives: (N, C), of anything else there.
        """
        embed = embed.float()
        if not len(positives) or not len(negatives):
            return zero_with_gradient(embed)
        with torch.autocast(embed.device.type, enabled=False):  # it casts products
            apart = torch.logsumexp(negatives.float() @ embed, 0)
            together = torch.logsumexp(-(positives.float() @ embed), 0)
        return self.loss_weight * F.softplus(apart + together)


@MODELS.register_module()
class CosineEmbedLoss(BaseModule):
    """Mean squared error of cosine similarities: 1 for positives, 0 for negatives.

    Of the negatives ``max_negatives_per_positive`` for each positive are sampled, so
    that they do not outweigh the positives.

    Follows: method section 1.15 (``loss_reid_aux``).
    """

    def __init__(
        self, max_negatives_per_positive: int = 10, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.max_negatives_per_positive = max_negatives_per_positive
        self.loss_weight = loss_weight

    def forward(self, embed: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        """Loss of one object; shapes of :class:`ContrastiveEmbedLoss`."""
        wanted = self.max_negatives_per_positive * max(len(positives), 1)
        if wanted < len(negatives):
            chosen = torch.randperm(len(negatives), device=negatives.device)[:wanted]
            negatives = negatives[chosen]
        others = torch.cat([positives, negatives]).float()
        if not len(others):
            return zero_with_gradient(embed).float()
        target = torch.zeros(len(others), device=others.device)
        target[: len(positives)] = 1.0
        cosine = F.cosine_similarity(others, embed.float()[None], dim=1)
        return self.loss_weight * (cosine - target).square().mean()
