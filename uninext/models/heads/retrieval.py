"""Retrieval branch: how well each query matches each prompt embedding.

Shape legend: B batch, Q queries, L prompt embeddings, C query channels, Cp prompt
channels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

PRIOR_LOGIT = -math.log((1 - 0.01) / 0.01)  # a probability of 0.01 at the start
MAX_LOGIT = 50000.0


class RetrievalBranch(BaseModule):
    """Scaled dot product of queries and projected prompt embeddings, plus a token bias.

    Paper: UNINEXT, arXiv 2303.06674, Sec. 3.3; method.md 1.9.

    Args:
        embed_dims: Query channels C.
        prompt_dims: Prompt channels Cp.
    """

    def __init__(self, embed_dims: int = 256, prompt_dims: int = 768) -> None:
        super().__init__()
        self.text_proj = nn.Linear(prompt_dims, embed_dims)
        self.log_scale = nn.Parameter(torch.zeros(1))
        self.text_bias = nn.Parameter(torch.zeros(prompt_dims))
        self.bias = nn.Parameter(torch.full((1,), PRIOR_LOGIT))

    def forward(self, query: Tensor, prompt_embeds: Tensor) -> Tensor:
        """Compare (B, Q, C) queries with (B, L, Cp) prompts; logits are (B, Q, L)."""
        with torch.autocast(query.device.type, enabled=False):
            embeds = F.normalize(prompt_embeds.float(), p=2, dim=-1)
            keys = self.text_proj(embeds / 2.0)  # (B, L, C)
            bias = embeds @ self.text_bias + self.bias  # (B, L)
            logits = query.float() @ keys.transpose(1, 2) / self.log_scale.exp()
            return (logits + bias[:, None]).clamp(-MAX_LOGIT, MAX_LOGIT)
