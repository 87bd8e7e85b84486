"""The objects of an image under other names: colours, textures, sizes, places.

Objects of a scene enter, a name for each leaves, or none. A network keeps of an object
what it is asked for: trained on categories alone, ours had no trace of a colour left in
its queries, and thousands of expressions did not bring it back. These sets ask for all
that expressions are made of, every object of an image at once, as the 365 categories of
Objects365 do in the paper's first stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from uninext.shapes.expressions import CLEAR_MARGIN, place_of
from uninext.shapes.scenes import SceneObject
from uninext.shapes.vocabulary import (
    CATEGORIES,
    COLORS,
    RELATIONS,
    SIZES,
    SUPERLATIVES,
    TEXTURES,
)

Objects = Sequence[SceneObject]
SIDES, LEVELS = SUPERLATIVES[:2], SUPERLATIVES[2:]
BESIDE, HEIGHT = RELATIONS[:2], RELATIONS[2:]


@dataclass(frozen=True)
class Taxonomy:
    """One way to name objects.

    Attributes:
        names: Categories of the set.
        label: Objects and the shorter side of the image in pixels -> a name for each
            object, None for those that have none; all None if the image does not
            belong into the set.
    """

    names: tuple[str, ...]
    label: Callable[[Objects, int], list[str | None]]


def _words(*attributes: str) -> Callable[[Objects, int], list[str | None]]:
    return lambda objects, _: [
        ' '.join(getattr(obj, name) for name in attributes) for obj in objects
    ]


def _extremes(words: Sequence[str]) -> Callable[[Objects, int], list[str | None]]:
    """Names those that lie clearly further out than all others."""

    def label(objects: Objects, size: int) -> list[str | None]:
        return _outermost(objects, size, words, range(len(objects)))

    return label


def _extremes_of_kind(
    words: Sequence[str],
) -> Callable[[Objects, int], list[str | None]]:
    """The same within each category; only where each has two objects or more.

    A single star would be the leftmost and the rightmost one, but has one name.
    """

    def label(objects: Objects, size: int) -> list[str | None]:
        named: list[str | None] = [None] * len(objects)
        for category in {obj.category for obj in objects}:
            group = [i for i, obj in enumerate(objects) if obj.category == category]
            if len(group) < 2:
                return [None] * len(objects)
            for i, word in enumerate(_outermost(objects, size, words, group)):
                named[i] = f'{word} {category}' if word else named[i]
        return named

    return label


def _beside_names(relations: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        f'{where} the {name}' for where, name in product(relations, CATEGORIES)
    )


def _beside_the_only(
    relations: Sequence[str],
) -> Callable[[Objects, int], list[str | None]]:
    """Where objects lie of the one that is alone of its kind, if exactly one is.

    With two such, ``left of the star`` could be as true as ``left of the ring``.
    """

    def label(objects: Objects, size: int) -> list[str | None]:
        named: list[str | None] = [None] * len(objects)
        categories = [obj.category for obj in objects]
        alone = [i for i, name in enumerate(categories) if categories.count(name) == 1]
        if len(alone) != 1:
            return named
        for relation in relations:
            place = place_of(objects, relation, size)
            for i in range(len(objects)):
                if place[i] - place[alone[0]] > CLEAR_MARGIN:
                    named[i] = f'{relation} the {categories[alone[0]]}'
        return named

    return label


def _outermost(
    objects: Objects, size: int, words: Sequence[str], group: Sequence[int]
) -> list[str | None]:
    """Of the group, those that stand out in a direction; of all objects, a word."""
    named: list[str | None] = [None] * len(objects)
    if len(group) < 2:
        return named
    for word in words:
        place = place_of(objects, RELATIONS[SUPERLATIVES.index(word)], size)
        second, first = sorted(group, key=lambda i: place[i])[-2:]
        if place[first] - place[second] > CLEAR_MARGIN:
            named[first] = word
    return named


TAXONOMIES: dict[str, Taxonomy] = {
    'colors': Taxonomy(tuple(COLORS), _words('color')),
    'textures': Taxonomy(TEXTURES, _words('texture')),
    'sizes': Taxonomy(tuple(SIZES), _words('size')),
    'described': Taxonomy(
        tuple(' '.join(words) for words in product(SIZES, COLORS, CATEGORIES)),
        _words('size', 'color', 'category'),
    ),
    'sides': Taxonomy(SIDES, _extremes(SIDES)),
    'levels': Taxonomy(LEVELS, _extremes(LEVELS)),
    'kind_sides': Taxonomy(
        tuple(' '.join(words) for words in product(SIDES, CATEGORIES)),
        _extremes_of_kind(SIDES),
    ),
    'kind_levels': Taxonomy(
        tuple(' '.join(words) for words in product(LEVELS, CATEGORIES)),
        _extremes_of_kind(LEVELS),
    ),
    'relative_sides': Taxonomy(_beside_names(BESIDE), _beside_the_only(BESIDE)),
    'relative_levels': Taxonomy(_beside_names(HEIGHT), _beside_the_only(HEIGHT)),
}
