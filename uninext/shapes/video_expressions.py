"""Expressions that are true for exactly one object of a video.

Part of the third step of the flow for videos. To the attributes, superlatives and
relations of images (``expressions``) come motions: ``the circle that moves up``.

Attributes hold for the whole video; ``changing`` objects have no word for their size,
and may be meant by either. Places are those of the visible boxes: a relation or a
superlative is used only where it is clear in every frame, so that a single frame is
enough to tell who is meant. A motion is that of the object's centre over the whole
video, and needs more than one frame.

Shape legend: T frames, K objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from uninext.shapes.motion import Path
from uninext.shapes.vocabulary import RELATIONS, SUPERLATIVES

ATTRIBUTES = ('size', 'texture', 'color')  # word order before the noun
CLEAR_MARGIN = 0.05  # of the shorter side, in every frame
CLEAR_WAY = 0.2  # of the shorter side: so far an object moves, if it does,
SLIGHT_WAY = 0.07  # and so far one may come that does not
CLEAR_TURN, SLIGHT_TURN = 1.0, 0.1  # radians
CLEAR_GROWTH, SLIGHT_GROWTH = 1.5, 1.15  # largest radius over smallest
KINDS = ('attribute', 'relation', 'superlative', 'motion')


@dataclass(frozen=True)
class Expression:
    """An expression and what it needs.

    Attributes:
        text: Without a full stop.
        kind: One of ``KINDS``.
    """

    text: str
    kind: str


@dataclass(frozen=True)
class VideoFacts:
    """What expressions are made from.

    Attributes:
        size: Shorter side of the image, pixels.
        words: Of K objects: ``category, color, size, texture``.
        centers: (K, T, 2) xy of the visible boxes, pixels; NaN where not visible.
        paths: Of K objects.
    """

    size: int
    words: tuple[dict[str, str], ...]
    centers: np.ndarray
    paths: tuple[Path, ...]


def describe_video(
    facts: VideoFacts,
    index: int,
    rng: np.random.Generator,
    max_still: int = 3,
    max_motion: int = 2,
) -> list[Expression]:
    """Describe one object so that nobody can take it for another.

    Kinds of expressions take turns; within a kind the fewest words win, so attributes
    and relations appear where they are needed.

    Args:
        facts: What the video shows.
        index: Which object.
        rng: Breaks ties between expressions of one length.
        max_still: At most so many that a frame is enough for.
        max_motion: At most so many about motion.

    Returns:
        Different expressions; empty if the object cannot be told from another.
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
    motions = _sorted(_motions(facts, index), 'motion', rng)
    return chosen + motions[::-1][:max_motion]


def _sorted(
    texts: Iterator[str], kind: str, rng: np.random.Generator
) -> list[Expression]:
    """The longest first: the shortest is taken from the end."""
    found = list(texts)
    rng.shuffle(found)
    found.sort(key=lambda text: len(text.split()), reverse=True)
    return [Expression(text, kind) for text in found]


def _descriptions(words: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    for used in product((False, True), repeat=len(ATTRIBUTES)):
        meaning = {name: words[name] for name, use in zip(ATTRIBUTES, used) if use}
        if meaning.get('texture') == 'plain' or meaning.get('size') == 'changing':
            continue  # nobody says so
        meaning['category'] = words['category']
        yield ' '.join(meaning.values()), meaning


def _matching(facts: VideoFacts, meaning: dict[str, str]) -> list[int]:
    """All that a description may mean."""
    return [
        k
        for k, words in enumerate(facts.words)
        if all(
            words[name] == value or (name == 'size' and words[name] == 'changing')
            for name, value in meaning.items()
        )
    ]


def _rivalled(facts: VideoFacts, index: int) -> Iterator[tuple[str, list[int]]]:
    """Descriptions of an object that others share, and those others."""
    for text, meaning in _descriptions(facts.words[index]):
        rivals = [k for k in _matching(facts, meaning) if k != index]
        if rivals:
            yield text, rivals


def _plain(facts: VideoFacts, index: int) -> Iterator[str]:
    for text, meaning in _descriptions(facts.words[index]):
        if _matching(facts, meaning) == [index]:
            yield f'the {text}'


def _relations(facts: VideoFacts, index: int) -> Iterator[str]:
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
            place = _place(facts, relation)
            lead = place - place[other]  # (K, T), NaN where one of both is not seen
            shown = ~np.isnan(place[index])
            if not (lead[index][shown] > CLEAR_MARGIN).all():  # False for NaN too
                continue
            others = [rival for rival in rivals if rival != other]
            if _below(lead[others], -CLEAR_MARGIN / 2):
                yield f'the {text} {relation} the {anchor}'


def _superlatives(facts: VideoFacts, index: int) -> Iterator[str]:
    """``the leftmost <rivals>``, in every frame in which a rival is seen."""
    for text, rivals in _rivalled(facts, index):
        for relation, superlative in zip(RELATIONS, SUPERLATIVES):
            place = _place(facts, relation)
            rival_seen = ~np.isnan(place[rivals])
            if np.isnan(place[index][rival_seen.any(0)]).any():
                continue
            if _below(place[rivals] - place[index], -CLEAR_MARGIN):
                yield f'the {superlative} {text}'


def _motions(facts: VideoFacts, index: int) -> Iterator[str]:
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


def _place(facts: VideoFacts, relation: str) -> np.ndarray:
    """(K, T) how far every object is in a direction, as a share of the side."""
    axis = 0 if relation in ('left of', 'right of') else 1
    sign = -1 if relation in ('left of', 'above') else 1
    return sign * facts.centers[..., axis] / facts.size


def _progress(path: Path, size: int, axis: int, sign: int) -> np.ndarray:
    return sign * path.centers[:, axis] / size


def _longest_way(along: np.ndarray) -> float:
    """The most that is gained between any frame and a later one; (T,) -> number."""
    return float((along - np.minimum.accumulate(along)).max())


def _moves(path: Path, size: int, axis: int, sign: int) -> bool:
    """Far, never much back, and mainly so."""
    along = _progress(path, size, axis, sign)
    across = _progress(path, size, 1 - axis, 1)
    way = along[-1] - along[0]
    return bool(
        way > CLEAR_WAY
        and _longest_way(-along) < 0.03
        and across.max() - across.min() < 0.6 * way
    )


def _moves_at_most_slightly(path: Path, size: int, axis: int, sign: int) -> bool:
    return _longest_way(_progress(path, size, axis, sign)) < SLIGHT_WAY


def _reach(path: Path, size: int) -> float:
    return float(np.ptp(path.centers, axis=0).max()) / size


def _growth(path: Path) -> float:
    """Radius at the end over radius at the start."""
    return float(path.radii[-1] / path.radii[0])


def _turn(path: Path) -> float:
    return float(np.ptp(path.angles))


_Test = Callable[[Path, int], bool]


def _direction(axis: int, sign: int) -> tuple[_Test, _Test]:
    return (
        lambda path, size: _moves(path, size, axis, sign),
        lambda path, size: _moves_at_most_slightly(path, size, axis, sign),
    )


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
        lambda path, size: _turn(path) > CLEAR_TURN,
        lambda path, size: _turn(path) < SLIGHT_TURN,
    ),
    'becomes larger': (
        lambda path, size: _growth(path) > CLEAR_GROWTH,
        lambda path, size: _growth(path) < SLIGHT_GROWTH,
    ),
    'becomes smaller': (
        lambda path, size: _growth(path) < 1 / CLEAR_GROWTH,
        lambda path, size: _growth(path) > 1 / SLIGHT_GROWTH,
    ),
}
