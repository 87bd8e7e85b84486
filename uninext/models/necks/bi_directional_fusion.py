"""Early fusion: image tokens and prompt tokens attend to each other once.

Stands between neck and encoder, and changes both streams. Nothing that is not linear
stands between the image tokens and their wide projections, so these are folded into the
prompt's side, head by head: no N x E tensor is ever made, and what the prompt brings
along is computed once for a prompt that is kept.

Shape legend: B batch, N image tokens of all levels, L prompt tokens, C image channels,
Cp prompt channels, H heads, E = H * Eh embedding channels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint
from torch.utils.weak import WeakTensorKeyDictionary

from uninext.models.necks.two_softmaxes import attention_both_ways
from uninext.registry import MODELS
from uninext.structures import PromptFeatures
from uninext.utils.weights_stamp import weights_stamp

SCORE_LIMIT = 50000.0  # of GLIP, against overflow


class _PromptSide(NamedTuple):
    """What prompts bring to the fusion, a head after the other.

    Attributes:
        embeds: (L, B, Cp), normalised.
        keys: (L, B, H, C), of scaled scores with image tokens.
        biases: (L, B, H), of the same scores.
        values: (L, B, H, C), what an image token receives.
    """

    embeds: Tensor
    keys: Tensor
    biases: Tensor
    values: Tensor


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
        kept_tokens: Of so many prompt tokens the prompt's side is kept, 2 C numbers a
            head (16 kB a token), for prompts whose generator keeps their tokens.

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
        kept_tokens: int = 16384,
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
        self.kept_tokens = kept_tokens
        self._kept = WeakTensorKeyDictionary()  # tokens -> their side; last used, last
        self._kept_state: Hashable = None

    def train(self, mode: bool = True) -> BiDirectionalFusion:
        """Switch modes; weights may have been swapped since."""
        if mode != self.training:
            self._kept.clear()
        return super().train(mode)

    def forward(
        self, visual: Tensor, prompt: PromptFeatures
    ) -> tuple[Tensor, PromptFeatures]:
        """Fuse image tokens (B, N, C), without position embedding, and prompts.

        Returns:
            Image tokens (B, N, C), and the prompts with new embeddings: of pooled ones
            the average alone. Both float32.
        """
        assert visual.shape[0] == prompt.embeds.shape[0], (
            f'{visual.shape[0]} images, but {prompt.embeds.shape[0]} prompts'
        )
        with torch.autocast(visual.device.type, enabled=False):
            shares = prompt.pooling_weights().float() if prompt.pooled else None
            if torch.is_grad_enabled():
                inputs = (visual, prompt.embeds, prompt.fusion_mask(), shares)
                if self.with_cp:
                    fused = checkpoint(self._fuse_embeds, *inputs, use_reentrant=False)
                else:
                    fused = self._fuse_embeds(*inputs)
            else:
                side = self._kept_side(prompt)
                fused = self._fuse(visual, side, prompt.fusion_mask(), shares)
        if prompt.pooled:
            return fused[0], prompt.averaged(fused[1])
        return fused[0], prompt.with_embeds(fused[1])

    def _fuse_embeds(
        self, visual: Tensor, embeds: Tensor, mask: Tensor, shares: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        side = self._prompt_side(embeds.transpose(0, 1))
        return self._fuse(visual, side, mask, shares)

    def _fuse(
        self, visual: Tensor, side: _PromptSide, mask: Tensor, shares: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """New tokens of images, and new embeddings of prompts (B, L, Cp), or (B, 1, Cp)
        if ``shares`` (B, L) says how much of the average each token is."""
        visual = self.visual_norm(visual.float())
        to_visual = visual + self.visual_scale * self.visual_out_proj.bias
        to_prompt = []
        for head in range(self.num_heads):
            received, seen = attention_both_ways(
                visual,
                side.keys[:, :, head].transpose(0, 1),
                side.biases[:, :, head].T,
                side.values[:, :, head].transpose(0, 1),
                mask,
                shares,
                SCORE_LIMIT,
                self._drop if self.training and self.dropout else None,
            )
            to_visual = to_visual + received
            to_prompt.append(F.linear(seen, *self._head_of_values(head)))
        embeds = side.embeds.transpose(0, 1)
        if shares is not None:
            embeds = shares[:, None] @ embeds
        attended = self.prompt_out_proj(torch.cat(to_prompt, -1))
        return to_visual, embeds + self.prompt_scale * attended

    def _prompt_side(self, embeds: Tensor) -> _PromptSide:
        """Of tokens (L, B, Cp): the image's projections of queries and of outputs."""
        embeds = self.prompt_norm(embeds.float())
        heads = (self.num_heads, -1)
        keys = self.prompt_key_proj(embeds).unflatten(-1, heads)  # (L, B, H, Eh)
        keys = keys * keys.shape[-1] ** -0.5
        values = self.prompt_value_proj(embeds).unflatten(-1, heads)
        queries = self.visual_query_proj.weight.unflatten(0, heads)  # (H, Eh, C)
        outputs = self.visual_scale[:, None] * self.visual_out_proj.weight
        outputs = outputs.unflatten(1, heads).permute(1, 2, 0)  # (H, Eh, C)
        biases = self.visual_query_proj.bias.view(heads)  # (H, Eh)
        return _PromptSide(
            embeds,
            _by_head(keys, queries),
            (keys * biases).sum(-1),
            _by_head(values, outputs),
        )

    def _head_of_values(self, head: int) -> tuple[Tensor, Tensor]:
        """Weight and bias of the image's values of a head."""
        size = len(self.visual_value_proj.bias) // self.num_heads
        rows = slice(head * size, (head + 1) * size)
        return self.visual_value_proj.weight[rows], self.visual_value_proj.bias[rows]

    def _drop(self, weights: Tensor) -> Tensor:
        return F.dropout(weights, self.dropout, self.training)

    def _kept_side(self, prompt: PromptFeatures) -> _PromptSide:
        """Of prompts without grad; that of tokens which a generator keeps, is kept."""
        if prompt.kept_tokens is None:
            return self._prompt_side(prompt.embeds.transpose(0, 1))
        state = weights_stamp(self)
        if state != self._kept_state:
            self._kept.clear()
            self._kept_state = state
        sides = [[self._side_of(t) for t in parts] for parts in prompt.kept_tokens]
        rows = [
            [torch.cat(part) if len(part) > 1 else part[0] for part in zip(*parts)]
            for parts in sides
        ]
        if len(rows) == 1:
            return _PromptSide(*(part[:, None] for part in rows[0]))
        return _PromptSide(*(pad_sequence(part) for part in zip(*rows)))

    def _side_of(self, tokens: Tensor) -> Sequence[Tensor]:
        """Of (L, Cp) tokens, without B."""
        side = self._kept.pop(tokens, None)
        if side is None:
            side = [part[:, 0] for part in self._prompt_side(tokens[:, None])]
        self._kept[tokens] = side
        while sum(map(len, self._kept.keys())) > self.kept_tokens:
            self._kept.pop(next(iter(self._kept.keys())))
        return side


def _by_head(tokens: Tensor, weights: Tensor) -> Tensor:
    """(L, B, H, Eh) times (H, Eh, C) is (L, B, H, C)."""
    flat = tokens.flatten(0, 1).transpose(0, 1)  # (H, L * B, Eh)
    return torch.bmm(flat, weights).transpose(0, 1).unflatten(0, tokens.shape[:2])
