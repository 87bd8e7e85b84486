"""Expressions that are true for exactly one object of an image or video.

Third step of the flow. A description is a choice of attributes in fixed order, e.g.
``small striped red star``; an expression is a description, a description with a
superlative of place, two descriptions joined by a relation, or, in videos, a
description with a motion: ``the circle that moves up``.

Attributes hold for the whole video; ``changing`` objects have no word for their size,
and may be meant by either. Places are those of the visible boxes: a relation or a
superlative is used only where it is clear in every frame, so that a single frame is
enough to tell who is meant. A motion is that of the object's centre over the whole
video, and needs more than one frame.

Shape legend: T frames, 1 in images, K objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from uninext.shapes.motion import Path
from uninext.shapes.vocabulary import (
    CATEGORIES,
    COLORS,
    RELATIONS,
    SIZES,
    SUPERLATIVES,
    TEXTURES,
)

ATTRIBUTES = ('size', 'texture', 'color')  # word order before the noun
CHOICES = {
    'size': tuple(SIZES),
    'texture': tuple(t for t in TEXTURES if t != 'plain'),
    'color': tuple(COLORS),
    'category': CATEGORIES,
}
# Of the shorter side: so far apart are places that words tell apart, in every frame.
CLEAR_IN_IMAGES, CLEAR_IN_VIDEOS = 0.06, 0.05
CLEAR_WAY = 0.2  # of the shorter side: so far an object moves, if it does,
SLIGHT_WAY = 0.07  # and so far one may come that does not
CLEAR_TURN, SLIGHT_TURN = 1.0, 0.1  # radians
CLEAR_GROWTH, SLIGHT_GROWTH = 1.5, 1.15  # largest radius over smallest


@dataclass(frozen=True)
class Expression:
    """An expression and what it needs.

    Attributes:
        text: Without a full stop.
        kind: ``attribute``, ``relation``, ``superlative`` or ``motion``.
    """

    text: str
    kind: str


@dataclass(frozen=True)
class Facts:
    """What expressions are made from.

    Attributes:
        size: Shorter side of the image, pixels.
        words: Of K objects: ``category, color, size, texture``.
        centers: (K, T, 2) xy of the visible boxes, pixels; NaN where not visible.
        margin: Share of the shorter side that tells places apart.
        paths: Of K objects; none in images.
    """

    size: int
    words: tuple[dict[str, str], ...]
    centers: np.ndarray
    margin: float = CLEAR_IN_VIDEOS
    paths: tuple[Path, ...] = ()

    def place(self, relation: str) -> np.ndarray:
        """(K, T) how far every object is in a direction, as a share of the side."""
        axis = 0 if relation in ('left of', 'right of') else 1
        sign = -1 if relation in ('left of', 'above') else 1
        return sign * self.centers[..., axis] / self.size


def describe(
    facts: Facts,
    index: int,
    rng: np.random.Generator,
    max_still: int = 3,
    max_motion: int = 2,
) -> list[Expression]:
    """Describe one object so that nobody can take it for another.

    Kinds of expressions take turns; within a kind the fewest words win, so attributes
    and relations appear where they are needed.

    Args:
        facts: What the image or video shows.
        index: Which object.
        rng: Breaks ties between expressions of one length.
        max_still: At most so many that a frame is enough for.
        max_motion: At most so many about motion.

    Returns:
        Different ones; empty if the object cannot be told from another.
    """
    still = [
        _sorted(_plain(facts, index), 'attribute', rng),
        _sorted(_relations(facts, index), 'relation', rng),
        _sorted(_superlatives(facts, index), 'superlative', rng),
    ]
    chosen: list[Expression] = []
    while len(chosen) < max_still and any(still):
        for expressions in still:
            if expressions and len(chosen) < max_still:
                chosen.append(expressions.pop())
    if not facts.paths:
        return chosen
    motions = _sorted(_motions(facts, index), 'motion', rng)
    return chosen + motions[::-1][:max_motion]


def describe_by_attributes(
    facts: Facts, index: int, rng: np.random.Generator, max_expressions: int = 4
) -> list[str]:
    """Describe one object by what it looks like; more words than needed are welcome.

    Returns:
        Expressions of one attribute or more; empty if another object looks the same.
    """
    chosen = [text for text in _plain(facts, index) if len(text.split()) > 2]
    rng.shuffle(chosen)
    return chosen[:max_expressions]


def absent_expressions(
    facts: Facts, rng: np.random.Generator, max_expressions: int = 2
) -> list[str]:
    """Expressions that no object fits, each one word away from one that is there."""
    absent = {
        f'the {" ".join(changed.values())}'
        for words in facts.words
        for _, meaning in _descriptions(words)
        for name in meaning
        for word in CHOICES[name]
        if not _matching(facts, changed := {**meaning, name: word})
    }
    chosen = sorted(absent)
    rng.shuffle(chosen)
    return chosen[:max_expressions]


def _sorted(
    texts: Iterator[str], kind: str, rng: np.random.Generator
) -> list[Expression]:
    """The longest first: the shortest is taken from the end."""
    found = list(texts)
    rng.shuffle(found)
    found.sort(key=lambda text: len(text.split()), reverse=True)
    return [Expression(text, kind) for text in found]


def _descriptions(words: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Words and meaning of all descriptions of an object; always with its noun."""
    for used in product((False, True), repeat=len(ATTRIBUTES)):
        meaning = {name: words[name] for name, use in zip(ATTRIBUTES, used) if use}
        if meaning.get('texture') == 'plain' or meaning.get('size') == 'changing':
            continue  # nobody says so
        meaning['category'] = words['category']
        yield ' '.join(meaning.values()), meaning


def _matching(facts: Facts, meaning: dict[str, str]) -> list[int]:
    """All that a description may mean."""
    return [
        k
        for k, words in enumerate(facts.words)
        if all(
            words[name] == value or (name == 'size' and words[name] == 'changing')
            for name, value in meaning.items()
        )
    ]


def _rivalled(facts: Facts, index: int) -> Iterator[tuple[str, list[int]]]:
    """Descriptions of an object that others share, and those others."""
    for text, meaning in _descriptions(facts.words[index]):
        rivals = [k for k in _matching(facts, meaning) if k != index]
        if rivals:
            yield text, rivals


def _plain(facts: Facts, index: int) -> Iterator[str]:
    for text, meaning in _descriptions(facts.words[index]):
        if _matching(facts, meaning) == [index]:
            yield f'the {text}'


def _relations(facts: Facts, index: int) -> Iterator[str]:
    """``the <rivals> left of the <unique other>``, wherever any of them is seen."""
    anchors = [
        (other, text)
        for other, words in enumerate(facts.words)
        if other != index
        for text, meaning in _descriptions(words)
        if _matching(facts, meaning) == [other]
    ]
    for text, rivals in _rivalled(facts, index):
        for (other, anchor), relation in product(anchors, RELATIONS):
            place = facts.place(relation)
            lead = place - place[other]  # (K, T), NaN where one of both is not seen
            shown = ~np.isnan(place[index])
            if not (lead[index][shown] > facts.margin).all():  # False for NaN too
                continue
            others = [rival for rival in rivals if rival != other]
            if _below(lead[others], -facts.margin / 2):
                yield f'the {text} {relation} the {anchor}'


def _superlatives(facts: Facts, index: int) -> Iterator[str]:
    """``the leftmost <rivals>``, in every frame in which a rival is seen."""
    for text, rivals in _rivalled(facts, index):
        for relation, superlative in zip(RELATIONS, SUPERLATIVES):
            place = facts.place(relation)
            rival_seen = ~np.isnan(place[rivals])
            if np.isnan(place[index][rival_seen.any(0)]).any():
                continue
            if _below(place[rivals] - place[index], -facts.margin):
                yield f'the {superlative} {text}'


def _motions(facts: Facts, index: int) -> Iterator[str]:
    """``the <rivals> that moves up``; no rival may come close to doing so."""
    for text, rivals in _rivalled(facts, index):
        for phrase, (does, never_does) in MOTIONS.items():
            if does(facts.paths[index], facts.size) and all(
                never_does(facts.paths[rival], facts.size) for rival in rivals
            ):
                yield f'the {text} that {phrase}'


def _below(values: np.ndarray, limit: float) -> bool:
    """Whether all that are no NaN are below the limit."""
    return bool((values[~np.isnan(values)] < limit).all())


def _longest_way(along: np.ndarray) -> float:
    """The most that is gained between any frame and a later one; (T,) -> number."""
    return float((along - np.minimum.accumulate(along)).max())


_Test = Callable[[Path, int], bool]


def _direction(axis: int, sign: int) -> tuple[_Test, _Test]:
    def moves(path: Path, size: int) -> bool:
        """Far, never much back, and mainly so."""
        along = sign * path.centers[:, axis] / size
        across = path.centers[:, 1 - axis] / size
        way = along[-1] - along[0]
        return bool(
            way > CLEAR_WAY
            and _longest_way(-along) < 0.03
            and np.ptp(across) < 0.6 * way
        )

    def moves_at_most_slightly(path: Path, size: int) -> bool:
        return _longest_way(sign * path.centers[:, axis] / size) < SLIGHT_WAY

    return moves, moves_at_most_slightly


def _reach(path: Path, size: int) -> float:
    return float(np.ptp(path.centers, axis=0).max()) / size


def _growth(path: Path) -> float:
    """Radius at the end over radius at the start."""
    return float(path.radii[-1] / path.radii[0])


# Phrase -> whether a path does so clearly; whether it clearly does not.
MOTIONS: dict[str, tuple[_Test, _Test]] = {
    'moves left': _direction(0, -1),
    'moves right': _direction(0, 1),
    'moves up': _direction(1, -1),
    'moves down': _direction(1, 1),
    'stands still': (
        lambda path, size: _reach(path, size) < 0.03,
        lambda path, size: _reach(path, size) > CLEAR_WAY,
    ),
    'turns around itself': (
        lambda path, _: bool(np.ptp(path.angles) > CLEAR_TURN),
        lambda path, _: bool(np.ptp(path.angles) < SLIGHT_TURN),
    ),
    'becomes larger': (
        lambda path, _: _growth(path) > CLEAR_GROWTH,
        lambda path, _: _growth(path) < SLIGHT_GROWTH,
    ),
    'becomes smaller': (
        lambda path, _: _growth(path) < 1 / CLEAR_GROWTH,
        lambda path, _: _growth(path) > 1 / SLIGHT_GROWTH,
    ),
}
