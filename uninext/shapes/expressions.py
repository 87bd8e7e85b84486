"""Expressions that are true for exactly one object of a scene.

Third step of the flow. A description is a choice of attributes in fixed order, e.g.
``small striped red star``; an expression is a description, a description with a
superlative of place, or two descriptions joined by a relation.

Place is evaluated at the centre of the visible box. An expression is used only where
its object stands clearly so and no other object comes close to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from uninext.shapes.scenes import Scene, SceneObject
from uninext.shapes.vocabulary import RELATIONS, SUPERLATIVES

ATTRIBUTES = ('size', 'texture', 'color')  # word order before the noun
CLEAR_MARGIN = 0.06  # of the image's side


def describe(
    scene: Scene, index: int, rng: np.random.Generator, max_expressions: int = 3
) -> list[str]:
    """Describe one object so that nobody can take it for another.

    Kinds of expressions take turns; within a kind the fewest words win, so attributes
    and relations appear where they are needed.

    Args:
        scene: What the image shows.
        index: Which of ``scene.objects``.
        rng: Breaks ties between expressions of one length.
        max_expressions: At most so many, all different.

    Returns:
        Expressions; empty if the object cannot be told from another.
    """
    objects, size = scene.objects, min(scene.image.shape[:2])
    kinds = [
        list(_plain_expressions(objects, index)),
        list(_relation_expressions(objects, index, size)),
        list(_superlative_expressions(objects, index, size)),
    ]
    for expressions in kinds:
        rng.shuffle(expressions)
        expressions.sort(key=lambda expression: len(expression.split()), reverse=True)
    chosen: list[str] = []
    while len(chosen) < max_expressions and any(kinds):
        for expressions in kinds:
            if expressions and len(chosen) < max_expressions:
                chosen.append(expressions.pop())
    return chosen


def describe_by_attributes(
    scene: Scene, index: int, rng: np.random.Generator, max_expressions: int = 4
) -> list[str]:
    """Describe one object by what it looks like; more words than needed are welcome.

    Args:
        scene: What the image shows.
        index: Which of ``scene.objects``.
        rng: Chooses among the expressions.
        max_expressions: At most so many, all different.

    Returns:
        Expressions of one attribute or more; empty if another object looks the same.
    """
    expressions = list(_plain_expressions(scene.objects, index))
    chosen = [text for text in expressions if len(text.split()) > 2]
    rng.shuffle(chosen)
    return chosen[:max_expressions]


def _descriptions(obj: SceneObject) -> Iterator[tuple[str, dict[str, str]]]:
    """Words and meaning of all descriptions of an object; always with its noun."""
    for used in product((False, True), repeat=len(ATTRIBUTES)):
        meaning = {
            name: getattr(obj, name) for name, use in zip(ATTRIBUTES, used) if use
        }
        if meaning.get('texture') == 'plain':
            continue  # nobody says so
        meaning['category'] = obj.category
        yield ' '.join(meaning.values()), meaning


def _matching(objects: Sequence[SceneObject], meaning: dict[str, str]) -> list[int]:
    return [
        i
        for i, obj in enumerate(objects)
        if all(getattr(obj, name) == value for name, value in meaning.items())
    ]


def _plain_expressions(objects: Sequence[SceneObject], index: int) -> Iterator[str]:
    for words, meaning in _descriptions(objects[index]):
        if _matching(objects, meaning) == [index]:
            yield f'the {words}'


def _relation_expressions(
    objects: Sequence[SceneObject], index: int, size: int
) -> Iterator[str]:
    """``the <rivals> left of the <unique other>``; the relation must be needed."""
    anchors = [
        (other, words)
        for other, obj in enumerate(objects)
        if other != index
        for words, meaning in _descriptions(obj)
        if _matching(objects, meaning) == [other]
    ]
    for words, meaning in _descriptions(objects[index]):
        rivals = [i for i in _matching(objects, meaning) if i != index]
        if not rivals:
            continue
        for (other, anchor_words), relation in product(anchors, RELATIONS):
            place = place_of(objects, relation, size)
            clear = place[index] - place[other] > CLEAR_MARGIN
            none_close = all(
                rival == other or place[rival] - place[other] < -CLEAR_MARGIN / 2
                for rival in rivals
            )
            if clear and none_close:
                yield f'the {words} {relation} the {anchor_words}'


def _superlative_expressions(
    objects: Sequence[SceneObject], index: int, size: int
) -> Iterator[str]:
    """``the leftmost <rivals>``."""
    for words, meaning in _descriptions(objects[index]):
        rivals = [i for i in _matching(objects, meaning) if i != index]
        if not rivals:
            continue
        for relation, superlative in zip(RELATIONS, SUPERLATIVES):
            place = place_of(objects, relation, size)
            if place[index] - max(place[i] for i in rivals) > CLEAR_MARGIN:
                yield f'the {superlative} {words}'


def place_of(objects: Sequence[SceneObject], relation: str, size: int) -> list[float]:
    """How far every object is in a direction, as a share of the image's side.

    Args:
        objects: Of an image.
        relation: One of ``RELATIONS``.
        size: Shorter side of the image, pixels.
    """
    axis = 0 if relation in ('left of', 'right of') else 1
    sign = -1 if relation in ('left of', 'above') else 1
    return [sign * obj.center[axis] / size for obj in objects]
