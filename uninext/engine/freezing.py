"""Let parts of a model learn nothing.

Between building a model and building its optimiser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import nn


def freeze_parameters(model: nn.Module, patterns: Sequence[str]) -> int:
    """Freeze the parameters whose names a pattern finds, in place.

    They ask for no gradient from then on: the optimiser keeps no state for them, and
    where nothing before them learns either, the backward pass keeps no activations.

    Args:
        model: Changed in place.
        patterns: Regular expressions, searched in names such as
            ``backbone.layer1.0.conv1.weight``; ``'^backbone'`` is all of a part.

    Returns:
        How many numbers were frozen that would have been trained.

    Raises:
        ValueError: If a pattern is no regular expression or finds no parameter, or
            nothing is left to train.
    """
    if isinstance(patterns, str):
        raise ValueError(f'frozen takes a list of patterns, got {patterns!r}.')
    named = dict(model.named_parameters())
    count = 0
    for pattern in patterns:
        try:
            names = [name for name in named if re.search(pattern, name)]
        except re.error as error:
            raise ValueError(
                f'frozen: {pattern!r} is no regular expression ({error}).'
            ) from None
        if not names:
            parts = sorted({name.split('.')[0] for name in named})
            raise ValueError(
                f'frozen: no parameter has a name that {pattern!r} finds. The parts '
                f'of the model are {", ".join(parts)}.'
            )
        for name in names:
            count += named[name].numel() * named[name].requires_grad
            named[name].requires_grad_(False)
    if patterns and not any(p.requires_grad for p in named.values()):
        raise ValueError(
            f'frozen={list(patterns)} leaves nothing to train. Drop a pattern.'
        )
    return count
