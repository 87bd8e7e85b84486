"""Attention in both directions by one matrix of scores, for one head.

Shape legend: B batch, N image tokens, L prompt tokens, C channels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MASKED_SCORE = -9e15  # finite: a prompt without a real token must not give NaN
SMALLEST_SUM = 1e-20  # of exponentials up to 1: 1e-18 of it still is a number


def attention_both_ways(
    visual: Tensor,
    keys: Tensor,
    biases: Tensor,
    values: Tensor,
    mask: Tensor,
    shares: Tensor | None,
    limit: float,
    drop: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Image tokens receive values of prompt tokens; prompt tokens see image tokens.

    Scores are ``visual @ keys.T + biases``, clamped to ``limit``. Each image token has
    a softmax over the prompt tokens of ``mask``, each prompt token one over all image
    tokens.

    Args:
        visual: (B, N, C).
        keys: (B, L, C).
        biases: (B, L).
        values: (B, L, C).
        mask: (B, L) bool, True where a prompt token is looked at.
        shares: (B, L), the weights of an average over prompt tokens; None: each for
            itself.
        limit: Largest score.
        drop: Applied to the attention weights.

    Returns:
        (B, N, C), what image tokens receive; (B, L, C), what prompt tokens see, or
        (B, 1, C) of their average.
    """
    at_once = drop is None and not torch.is_grad_enabled() and visual.is_cpu
    if at_once and len(visual) > 1:  # scores of one image are large enough
        rows = (visual, keys, biases, values, mask, shares)
        rows = zip(*((None,) * len(visual) if x is None else x.split(1) for x in rows))
        both = (attention_both_ways(*row, limit) for row in rows)
        return tuple(torch.cat(parts) for parts in zip(*both))
    scores = visual @ keys.transpose(1, 2)  # (B, N, L)
    if at_once:
        both = _of_one_exponential(visual, scores, biases, values, mask, shares, limit)
        if both is not None:
            return both
        scores = visual @ keys.transpose(1, 2)  # they were changed
    scores = (scores + biases[:, None]).clamp(-limit, limit)
    visible = scores.masked_fill(~mask[:, None], MASKED_SCORE)
    over_tokens, over_image = visible.softmax(2), scores.softmax(1)
    if drop is not None:
        over_tokens, over_image = drop(over_tokens), drop(over_image)
    if shares is not None:
        over_image = over_image @ shares[..., None]  # (B, N, 1)
    return over_tokens @ values, over_image.transpose(1, 2) @ visual


def _of_one_exponential(
    visual: Tensor,
    scores: Tensor,
    biases: Tensor,
    values: Tensor,
    mask: Tensor,
    shares: Tensor | None,
    limit: float,
) -> tuple[Tensor, Tensor] | None:
    """The same by one exponential for both softmaxes, which differ by their sums only.

    None where that would lose digits: where scores differ by so much that the sum of a
    row or a column is lost. Changes the scores, which come without biases.
    """
    shift = scores.amax((1, 2), keepdim=True) + biases.amax(1)[:, None, None]
    weights = scores.add_(biases[:, None] - shift).exp_()  # (B, N, L)
    real = mask.to(weights.dtype)[..., None]  # (B, L, 1)
    over_tokens = weights @ real  # (B, N, 1)
    over_image = weights.sum(1)[..., None]  # (B, L, 1)
    sums = torch.stack([over_tokens.amin(), over_image.amin()])
    if not (shift.amax() <= limit and sums.amin() >= SMALLEST_SUM):
        return None
    to_visual = (weights @ (values * real)).div_(over_tokens)
    if shares is None:
        return to_visual, (weights.transpose(1, 2) @ visual).div_(over_image)
    seen = weights @ (shares[..., None] / over_image)  # (B, N, 1)
    return to_visual, seen.transpose(1, 2) @ visual
