"""Sentences that are true for exactly one object of a scene.

Third step of the flow. A description is a choice of attributes in fixed order, e.g.
``small striped red star``; a sentence is a description, a description with a
superlative of place, or two descriptions joined by a relation.

Place is judged at the centre of the visible box. A sentence is used only where its
object stands clearly so and no other object comes close to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from uninext.shapes.scenes import Scene, SceneObject
from uninext.shapes.vocabulary import RELATIONS, SUPERLATIVES

ATTRIBUTES = ('size', 'texture', 'color')  # word order before the noun
CLEAR_MARGIN = 0.06  # of the picture's side


def describe(
    scene: Scene, index: int, rng: np.random.Generator, max_sentences: int = 3
) -> list[str]:
    """Describe one object so that nobody can take it for another.

    Kinds of sentences take turns; within a kind the fewest words win, so attributes
    and relations appear where they are needed.

    Args:
        scene: What the picture shows.
        index: Which of ``scene.objects``.
        rng: Breaks ties between sentences of one length.
        max_sentences: At most so many, all different.

    Returns:
        Sentences; empty if the object cannot be told from another.
    """
    objects, size = scene.objects, min(scene.image.shape[:2])
    kinds = [
        list(_plain_sentences(objects, index)),
        list(_relation_sentences(objects, index, size)),
        list(_superlative_sentences(objects, index, size)),
    ]
    for sentences in kinds:
        rng.shuffle(sentences)
        sentences.sort(key=lambda sentence: len(sentence.split()), reverse=True)
    chosen: list[str] = []
    while len(chosen) < max_sentences and any(kinds):
        for sentences in kinds:
            if sentences and len(chosen) < max_sentences:
                chosen.append(sentences.pop())
    return chosen


def describe_by_attributes(
    scene: Scene, index: int, rng: np.random.Generator, max_sentences: int = 4
) -> list[str]:
    """Describe one object by what it looks like; more words than needed are welcome.

    Args:
        scene: What the picture shows.
        index: Which of ``scene.objects``.
        rng: Chooses among the sentences.
        max_sentences: At most so many, all different.

    Returns:
        Sentences of one attribute or more; empty if another object looks the same.
    """
    sentences = list(_plain_sentences(scene.objects, index))
    chosen = [text for text in sentences if len(text.split()) > 2]
    rng.shuffle(chosen)
    return chosen[:max_sentences]


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


def _plain_sentences(objects: Sequence[SceneObject], index: int) -> Iterator[str]:
    for words, meaning in _descriptions(objects[index]):
        if _matching(objects, meaning) == [index]:
            yield f'the {words}'


def _relation_sentences(
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


def _superlative_sentences(
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
    """How far every object is in a direction, as a share of the picture's side.

    Args:
        objects: Of a picture.
        relation: One of ``RELATIONS``.
        size: Shorter side of the picture, pixels.
    """
    axis = 0 if relation in ('left of', 'right of') else 1
    sign = -1 if relation in ('left of', 'above') else 1
    return [sign * obj.center[axis] / size for obj in objects]
