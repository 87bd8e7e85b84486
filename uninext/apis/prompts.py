"""What people ask for: checked, brought to one form.

Names, expressions, boxes and masks become prompts and targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uninext.apis.images import load_image
from uninext.apis.masks import load_mask
from uninext.apis.results import AskedPrompt
from uninext.models.trackers.inputs import check_shown_in, prompts_of
from uninext.structures import Prompt, Target


def asked_prompts(
    categories: Any,
    expression: Any,
    box: Any = None,
    mask: Any = None,
    shown_in: Any = None,
    may_be_none: bool = False,
) -> list[Prompt | Target]:
    """Read what :class:`uninext.apis.UninextInferencer` is asked for.

    ``may_be_none`` allows to ask for nothing.

    Returns:
        Prompts in the order of their ids.

    Raises:
        ValueError: If nothing is asked for, or something is no prompt.
    """
    prompts: list[Prompt | Target] = []
    if shown_in is not None:
        shown_in = load_image(shown_in)
        check_shown_in(shown_in, box, mask)
    if categories is not None:
        prompts += prompts_of(None, categories, None, None, None)
    if expression is not None:
        several = isinstance(expression, (list, tuple))
        for one in expression if several else [expression]:
            prompts += prompts_of(None, None, one, None, None)
    if box is not None:
        prompts += prompts_of(None, None, None, box, None, shown_in)
    if mask is not None:
        prompts += prompts_of(None, None, None, None, load_mask(mask), shown_in)
    if not prompts and not may_be_none:
        raise ValueError(
            "Nothing is asked for. Pass categories='person, car', "
            "expression='the man in red', box=[x1, y1, x2, y2] or mask=..."
        )
    if shown_in is not None:
        check_inside(prompts, shown_in.shape[:2])
    return prompts


def excluded_prompts(
    exclude: Any, exclude_expression: Any, wanted: Sequence[Prompt | Target]
) -> list[Prompt | Target]:
    """Read what must not be returned.

    Args:
        exclude: Names, as ``categories`` are given; None: none.
        exclude_expression: Expressions, likewise.
        wanted: Of :func:`asked_prompts`.

    Returns:
        Prompts; empty if nothing is excluded.

    Raises:
        ValueError: If something is no prompt, or is wanted and excluded.
    """
    if exclude is None and exclude_expression is None:
        return []
    excluded = asked_prompts(exclude, exclude_expression)
    texts = [prompt for prompt in wanted if isinstance(prompt, Prompt)]
    for one in excluded:
        for other in texts:
            both = [name for name in one.names if name in other.names]
            if both and one.pooled == other.pooled:
                raise ValueError(
                    f'{", ".join(map(repr, both))} is asked for and excluded. Exclude '
                    'what is taken for it by mistake.'
                )
    return excluded


def kind_of(target: Target) -> str:
    """'box' or 'mask': what a target is shown by."""
    return 'box' if target.mask is None else 'mask'


def threshold_kind(prompt: Prompt | Target) -> str:
    """Which threshold a prompt has: 'category', 'expression' or 'target'."""
    if isinstance(prompt, Target):
        return 'target'
    return 'expression' if prompt.pooled else 'category'


def check_inside(prompts: Sequence[Prompt | Target], size_hw: tuple[int, int]) -> None:
    """Refuse targets that lie outside of their frame, in the user's own pixels.

    Args:
        prompts: Of :func:`asked_prompts`.
        size_hw: Height and width of the frame as it was given; of what another image
            shows, that one's count.

    Raises:
        ValueError: If a box has no pixel of the frame, or reaches beyond it by more
            than the frame's own size: the network sees twice the box.
    """
    for target in (prompt for prompt in prompts if isinstance(prompt, Target)):
        if kind_of(target) != 'box':
            continue
        shown_in = target.shown_in
        height, width = size_hw if shown_in is None else shown_in.shape[:2]
        x1, y1, x2, y2 = target.box().tolist()
        is_outside = min(x2, y2, width - x1, height - y1) <= 0
        beyond = max(-x1 / width, -y1 / height, x2 / width - 1, y2 / height - 1)
        if is_outside or beyond > 1:
            what = 'lies outside' if is_outside else 'reaches far beyond'
            raise ValueError(
                f'The box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) {what} its frame, '
                f'which is {width} x {height} pixels (width x height).'
            )


def as_read(prompts: Sequence[Prompt | Target]) -> tuple[AskedPrompt, ...]:
    """Prompts as people read them."""
    return tuple(_as_read(prompt) for prompt in prompts)


def _as_read(prompt: Prompt | Target) -> AskedPrompt:
    if isinstance(prompt, Prompt):
        return AskedPrompt(', '.join(prompt.names), prompt.names, prompt.pooled)
    text = 'mask'
    if prompt.mask is None:
        text = f'box ({", ".join(f"{v:g}" for v in prompt.box().tolist())})'
    return AskedPrompt(text, ('target',), single=True)
