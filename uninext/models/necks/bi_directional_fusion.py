"""Early fusion: image tokens and prompt tokens attend to each other once.

Stands between neck and encoder, and changes both streams. mmdet's
``SingleScaleBiAttentionBlock`` has the same formula, but holds the N x L scores of all
heads at once and computes in the precision of autocast, hence this one.

Shape legend: B batch, N image tokens of all levels, L prompt tokens, C image channels,
Cp prompt channels, E = heads * Eh embedding channels.
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from uninext.registry import MODELS
from uninext.structures import PromptFeatures

SCORE_LIMIT = 50000.0  # of GLIP, against overflow
MASKED_SCORE = -9e15  # finite: a prompt without a real token must not give NaN


@MODELS.register_module()
class BiDirectionalFusion(BaseModule):
    """Bi-directional cross-attention with one score matrix for both directions.

    Both outputs are ``LayerNorm(x) + scale * attended``: the residual is added to the
    normalised stream, the un-normalised one is dropped. Image padding is not masked: in
    the published network padded pixels speak to the prompt. Always computed in float32.

    Paper: Grounded Language-Image Pre-training, arXiv:2112.03857, Eq. 4-6; Universal
    Instance Perception as Object Discovery and Retrieval, arXiv:2303.06674, Eq. 1-2.

    Args:
        visual_dims: Channels C of image tokens.
        prompt_dims: Channels Cp of prompt tokens.
        embed_dims: Channels E of queries, keys and values over all heads.
        num_heads: Attention heads.
        dropout: Of the attention weights, in training.
        init_scale: Initial value of the learned scale of each channel; published: 1 by
            the number of encoder layers.
        with_cp: Recompute in the backward pass instead of keeping the N x L scores.

    Raises:
        ValueError: If ``embed_dims`` is no multiple of ``num_heads``, or ``dropout`` is
            not within [0, 1).
    """

    def __init__(
        self,
        visual_dims: int = 256,
        prompt_dims: int = 768,
        embed_dims: int = 2048,
        num_heads: int = 8,
        dropout: float = 0.1,
        init_scale: float = 1 / 6,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise ValueError(
                f'embed_dims must be a multiple of num_heads, got {embed_dims} and '
                f'{num_heads}.'
            )
        if not 0 <= dropout < 1:
            raise ValueError(f'dropout must be within [0, 1), got {dropout}.')
        self.num_heads = num_heads
        self.dropout = dropout
        self.with_cp = with_cp
        self.visual_norm = nn.LayerNorm(visual_dims)
        self.prompt_norm = nn.LayerNorm(prompt_dims)
        self.visual_query_proj = nn.Linear(visual_dims, embed_dims)
        self.prompt_key_proj = nn.Linear(prompt_dims, embed_dims)
        self.visual_value_proj = nn.Linear(visual_dims, embed_dims)
        self.prompt_value_proj = nn.Linear(prompt_dims, embed_dims)
        self.visual_out_proj = nn.Linear(embed_dims, visual_dims)
        self.prompt_out_proj = nn.Linear(embed_dims, prompt_dims)
        self.visual_scale = nn.Parameter(torch.full((visual_dims,), init_scale))
        self.prompt_scale = nn.Parameter(torch.full((prompt_dims,), init_scale))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(
        self, visual: Tensor, prompt: PromptFeatures
    ) -> tuple[Tensor, PromptFeatures]:
        """Fuse image tokens (B, N, C), without position embedding, and prompts.

        Returns:
            Image tokens (B, N, C) and the prompts with new embeddings, both float32.
        """
        assert visual.shape[0] == prompt.embeds.shape[0], (
            f'{visual.shape[0]} images, but {prompt.embeds.shape[0]} prompts'
        )
        inputs = (visual, prompt.embeds, prompt.fusion_mask())
        if self.with_cp and torch.is_grad_enabled():
            fused = checkpoint(self._fuse, *inputs, use_reentrant=False)
        else:
            fused = self._fuse(*inputs)
        return fused[0], prompt.with_embeds(fused[1])

    def _fuse(
        self, visual: Tensor, embeds: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(visual.device.type, enabled=False):
            visual = self.visual_norm(visual.float())
            embeds = self.prompt_norm(embeds.float())
            query = self._heads(self.visual_query_proj(visual))
            key = self._heads(self.prompt_key_proj(embeds))
            visual_value = self._heads(self.visual_value_proj(visual))
            prompt_value = self._heads(self.prompt_value_proj(embeds))
            query = [head * head.shape[-1] ** -0.5 for head in query]
            # a head at a time: without grad only one N x L score matrix is alive
            attended = [
                self._attend(*head, mask)
                for head in zip(query, key, visual_value, prompt_value)
            ]
            to_visual = torch.cat([pair[0] for pair in attended], dim=-1)  # (B, N, E)
            to_prompt = torch.cat([pair[1] for pair in attended], dim=-1)  # (B, L, E)
            visual = visual + self.visual_scale * self.visual_out_proj(to_visual)
            embeds = embeds + self.prompt_scale * self.prompt_out_proj(to_prompt)
        return visual, embeds

    def _heads(self, x: Tensor) -> list[Tensor]:
        return list(x.chunk(self.num_heads, dim=-1))

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        visual_value: Tensor,
        prompt_value: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """One head in both directions.

        ``query`` of the image, scaled, and ``visual_value`` are (B, N, Eh), ``key`` and
        ``prompt_value`` of the prompt (B, L, Eh), ``mask`` (B, L) bool is True where a
        prompt token is looked at. Returned is what image and prompt receive.
        """
        scores = query @ key.transpose(1, 2)  # (B, N, L)
        scores = scores.clamp(-SCORE_LIMIT, SCORE_LIMIT)
        visible = scores.masked_fill(~mask.unsqueeze(1), MASKED_SCORE)
        over_tokens = self._drop(visible.softmax(dim=2))
        # softmax subtracts each token's largest score, as the published code does by
        # hand; its second clamp, at exp(-50000) = 0, changes nothing
        over_image = self._drop(scores.softmax(dim=1))
        to_prompt = over_image.transpose(1, 2) @ visual_value
        return over_tokens @ prompt_value, to_prompt

    def _drop(self, weights: Tensor) -> Tensor:
        return F.dropout(weights, self.dropout, self.training)
