"""Prompts: what is asked for, and what the network sees of it.

Shape legend: B batch, L prompt tokens, Cp prompt channels, K names of one prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from uninext.utils.text import clean_category_name, clean_expression

SEPARATOR = '. '  # between category names; no trailing period


@dataclass(frozen=True)
class Prompt:
    """A list of category names or one expression, ready to be encoded.

    Hashable, so that its encoding can be cached. Build it with :meth:`from_categories`
    or :meth:`from_expression`.

    Attributes:
        text: The caption that the text encoder reads.
        names: What the labels mean: label ``i`` is ``names[i]``.
        spans: Character range ``[start, end)`` of each name in ``text``.
        pooled: False: every name is retrieved by its own tokens. True: the whole
            prompt stands for one object and is averaged to a single embedding.
    """

    text: str
    names: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    pooled: bool

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError(
                'A prompt is empty. Give at least one category name, or an expression '
                'with a word in it.'
            )
        if len(self.names) != len(self.spans):
            raise ValueError(
                f'A prompt needs a span for every name: got {len(self.names)} names '
                f'and {len(self.spans)} spans.'
            )

    @classmethod
    def from_categories(cls, names: Sequence[str]) -> Prompt:
        """Join category names to a caption, e.g. ``'person. traffic light'``.

        Raises:
            ValueError: If there is no name, or one is empty after cleaning.
        """
        if isinstance(names, str):
            raise ValueError(
                f'Category names must be a list, got the string {names!r}; '
                f'write [{names!r}].'
            )
        text, spans = '', []
        for i, name in enumerate(names):
            cleaned = clean_category_name(name)
            if not cleaned.strip():
                raise ValueError(f'Category name {i} is empty: {name!r}.')
            text += SEPARATOR if i else ''
            spans.append((len(text), len(text) + len(cleaned)))
            text += cleaned
        return cls(text, tuple(names), tuple(spans), pooled=False)

    @classmethod
    def from_expression(cls, expression: str) -> Prompt:
        """Clean an expression; it is the only name of the prompt.

        Raises:
            ValueError: If nothing is left of the expression after cleaning.
        """
        text = clean_expression(expression)
        return cls(text, (expression,), ((0, len(text)),), pooled=True)

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class PromptFeatures:
    """Encoded prompts of a batch.

    Attributes:
        embeds: Token features, (B, L, Cp).
        mask: (B, L) bool, True where a token is real, False where it is padding.
        pooled: Per sample, whether retrieval uses the average of the real tokens
            instead of the tokens; equal for all samples of a batch.
        positive_maps: Per sample (K_i, L) bool, True where a token belongs to name
            ``k``; (1, 1) ones when pooled.
        fused_tokens: (B, L) bool, True where fusion looks at a token; None: where
            ``mask`` is True.
        kept_tokens: Per sample the tensors (L', Cp) that its tokens were joined of,
            where the prompt generator keeps them for the next time; None: it does not.
    """

    embeds: Tensor
    mask: Tensor
    pooled: bool
    positive_maps: list[Tensor]
    fused_tokens: Tensor | None = None
    kept_tokens: list[tuple[Tensor, ...]] | None = None

    def fusion_mask(self) -> Tensor:
        """(B, L) bool, True where fusion looks at a token."""
        return self.mask if self.fused_tokens is None else self.fused_tokens

    def pooling_weights(self) -> Tensor:
        """(B, L): the share of each token in the average of the real ones."""
        real = self.mask.to(self.embeds.dtype)
        return real / real.sum(1, keepdim=True).clamp(min=1e-6)

    def pool(self) -> Tensor:
        """Average the real tokens of each sample; (B, 1, Cp)."""
        return self.pooling_weights()[:, None] @ self.embeds

    def retrieval_embeds(self) -> Tensor:
        """What queries are compared with: (B, L, Cp), or (B, 1, Cp) when pooled."""
        return self.pool() if self.pooled else self.embeds

    def retrieval_mask(self) -> Tensor:
        """(B, L) bool, or (B, 1) of True when pooled; True where a logit counts."""
        if self.pooled:
            return torch.ones_like(self.mask[:, :1])
        return self.mask

    def with_embeds(self, embeds: Tensor) -> PromptFeatures:
        """The same prompts with other token features, e.g. after fusion."""
        return replace(self, embeds=embeds, kept_tokens=None)

    def averaged(self, embeds: Tensor) -> PromptFeatures:
        """The same pooled prompts as their averages (B, 1, Cp)."""
        one = torch.ones_like(self.mask[:, :1])
        return replace(
            self, embeds=embeds, mask=one, fused_tokens=None, kept_tokens=None
        )
