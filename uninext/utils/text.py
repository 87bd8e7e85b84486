"""Category names and expressions: as people write them, as the network reads them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence

_BETWEEN_NAMES = re.compile(r'[,;\n]')  # in a text that people write


def clean_category_name(name: str) -> str:
    """Make a category name readable: no parentheses, no underscores.

    Follows: published ``clean_name``; case and ``/``, ``-`` stay (the tokenizer
    lower-cases).

    Example:
        >>> clean_category_name('traffic_light_(red)')
        'traffic light '
    """
    name = re.sub(r'\(.*\)', '', name)
    return name.replace('_', ' ').replace('  ', ' ')


def clean_expression(expression: str) -> str:
    """Lower-case an expression and drop its punctuation; ``-`` and ``/`` become spaces.

    Example:
        >>> clean_expression('The left-hand man, please!')
        'the left hand man please'
    """
    text = re.sub(r'[.,\'!?"()*#:;]', '', expression.lower())
    return text.replace('-', ' ').replace('/', ' ')


def parse_categories(
    names: str | Sequence[str], note: Callable[[str], None] = warnings.warn
) -> tuple[str, ...]:
    """Read category names as people give them; the one rule for all interfaces.

    Args:
        names: A text, ``'person, traffic light'``, whose names are separated by commas,
            semicolons or lines (empty ones are dropped); or a list of names, each taken
            whole.
        note: Told, once, which names were repeated.

    Returns:
        Names in the order given, in the spelling that came first. What differs by case
        or spaces only is one name.

    Raises:
        ValueError: If it is neither a text nor a list of texts, no name is left, or a
            name of a list is empty.

    Example:
        >>> parse_categories('star, red  ring,')
        ('star', 'red ring')
    """
    given = _names_of_text(names) if isinstance(names, str) else names
    if not isinstance(given, (list, tuple)) or not all(
        isinstance(name, str) for name in given
    ):
        raise ValueError(
            "Category names must be a text, 'person, car', or a list of strings, "
            f'whose order gives the labels; got {type(names).__name__}: {names!r:.80}.'
        )
    if not given:
        raise ValueError(
            f"The category names are empty: {names!r:.80}. Give at least one, 'person'."
        )
    kept: dict[str, str] = {}
    repeated: dict[str, None] = {}
    for i, name in enumerate(given):
        key = ' '.join(name.split()).casefold()
        if not key:
            raise ValueError(f'Category name {i} is empty: {name!r}.')
        if key in kept:
            repeated[kept[key]] = None
        kept.setdefault(key, name)
    if repeated:
        note(
            'Category names that are given more than once are asked for once: '
            f'{", ".join(repeated)}.'
        )
    return tuple(kept.values())


def _names_of_text(text: str) -> list[str]:
    parts = (' '.join(part.split()) for part in _BETWEEN_NAMES.split(text))
    return [part for part in parts if part]
