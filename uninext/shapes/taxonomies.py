"""The objects of an image under other names: colours, textures, sizes, places.

A network keeps of an object what it is asked for: trained on categories alone, ours had
no trace of a colour left in its queries, and thousands of expressions did not bring it
back. These sets ask for all that expressions are made of, every object of an image at
once, as the 365 categories of Objects365 do in the paper's first stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from uninext.shapes.expressions import Facts
from uninext.shapes.vocabulary import (
    CATEGORIES,
    COLORS,
    RELATIONS,
    SIZES,
    SUPERLATIVES,
    TEXTURES,
)

Label = Callable[[Facts], list[str | None]]
SIDES, LEVELS = SUPERLATIVES[:2], SUPERLATIVES[2:]
BESIDE, HEIGHT = RELATIONS[:2], RELATIONS[2:]


@dataclass(frozen=True)
class Taxonomy:
    """One way to name objects.

    Attributes:
        names: Categories of the set.
        label: Gives a name for each object of an image, None for those that have none;
            all None if the image does not belong into the set.
    """

    names: tuple[str, ...]
    label: Label


def _words(*attributes: str) -> Label:
    return lambda facts: [
        ' '.join(words[name] for name in attributes) for words in facts.words
    ]


def _extremes(words: Sequence[str]) -> Label:
    """Names those that lie clearly further out than all others."""
    return lambda facts: _outermost(facts, words, range(len(facts.words)))


def _extremes_of_kind(words: Sequence[str]) -> Label:
    """The same within each category; only where each has two objects or more.

    A single star would be the leftmost and the rightmost one, but has one name.
    """

    def label(facts: Facts) -> list[str | None]:
        categories = [words['category'] for words in facts.words]
        named: list[str | None] = [None] * len(categories)
        for category in set(categories):
            group = [i for i, name in enumerate(categories) if name == category]
            if len(group) < 2:
                return [None] * len(categories)
            for i, word in enumerate(_outermost(facts, words, group)):
                named[i] = f'{word} {category}' if word else named[i]
        return named

    return label


def _beside_the_only(relations: Sequence[str]) -> Label:
    """Where objects lie of the one that is alone of its kind, if exactly one is.

    With two such, ``left of the star`` could be as true as ``left of the ring``.
    """

    def label(facts: Facts) -> list[str | None]:
        categories = [words['category'] for words in facts.words]
        named: list[str | None] = [None] * len(categories)
        alone = [i for i, name in enumerate(categories) if categories.count(name) == 1]
        if len(alone) != 1:
            return named
        for relation in relations:
            place = facts.place(relation)[:, 0]
            for i in range(len(categories)):
                if place[i] - place[alone[0]] > facts.margin:
                    named[i] = f'{relation} the {categories[alone[0]]}'
        return named

    return label


def _outermost(
    facts: Facts, words: Sequence[str], group: Sequence[int]
) -> list[str | None]:
    """Of the group, those that stand out in a direction; of all objects, a word."""
    named: list[str | None] = [None] * len(facts.words)
    if len(group) < 2:
        return named
    for word in words:
        place = facts.place(RELATIONS[SUPERLATIVES.index(word)])[:, 0]
        second, first = sorted(group, key=lambda i: place[i])[-2:]
        if place[first] - place[second] > facts.margin:
            named[first] = word
    return named


def _joined(*parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(' '.join(words) for words in product(*parts))


TAXONOMIES: dict[str, Taxonomy] = {
    'colors': Taxonomy(tuple(COLORS), _words('color')),
    'textures': Taxonomy(TEXTURES, _words('texture')),
    'sizes': Taxonomy(tuple(SIZES), _words('size')),
    'described': Taxonomy(
        _joined(tuple(SIZES), tuple(COLORS), CATEGORIES),
        _words('size', 'color', 'category'),
    ),
    'sides': Taxonomy(SIDES, _extremes(SIDES)),
    'levels': Taxonomy(LEVELS, _extremes(LEVELS)),
    'kind_sides': Taxonomy(_joined(SIDES, CATEGORIES), _extremes_of_kind(SIDES)),
    'kind_levels': Taxonomy(_joined(LEVELS, CATEGORIES), _extremes_of_kind(LEVELS)),
    'relative_sides': Taxonomy(
        _joined(BESIDE, ('the',), CATEGORIES), _beside_the_only(BESIDE)
    ),
    'relative_levels': Taxonomy(
        _joined(HEIGHT, ('the',), CATEGORIES), _beside_the_only(HEIGHT)
    ),
}
