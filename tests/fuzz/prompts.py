"""Prompts, boxes and masks as a caller might give them."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.mutators import ODD_VALUES
from helpers.painted_inferencer import PaintedVideos
from helpers.painted_world import frame
from uninext.apis import UninextInferencer

TEXTS = (
    *(
        'dog',
        'red car',
        '',
        ' ',
        ',',
        ',,',
        'a, a',
        'the of a',
        'DOG,dog',
        '.',
        'dog. cat',
    ),
    *('x' * 10_000, 'dog ' * 2500, '\U0001f600', '\u05d0\u05d1\u05d2', '\u0645\u0631'),
    *('\u202edog', '\x00', '\ud800', '\u732b', 'caf\u0065\u0301', 'dog\ncat', '[MASK]'),
    ', '.join(f'name {i}' for i in range(2000)),
)
ODD_ARRAYS: tuple[Any, ...] = (
    *(np.zeros((0, 4)), np.zeros(4), np.full(4, np.nan), np.full((2, 4), np.inf)),
    *(np.array([1, 1, 9, 9]), np.array([9, 9, 1, 1]), np.array([1, 1, 1e30, 1e30])),
    *(np.array(['a'] * 4), np.array([None] * 4), np.array([1 + 2j] * 4)),
    *(np.array([0.1, 0.1, 0.4, 0.4]), np.array([-9, -9, -1, -1])),
    *(np.uint64([1, 1, 2**63, 9]), np.zeros((0, 96, 128))),
    *(np.zeros((96, 128), bool), np.ones((96, 128), bool), np.ones((48, 48), bool)),
    *(np.full((96, 128), 0.5), np.full((96, 128), np.nan), np.zeros((2, 96, 128))),
    *(np.arange(96 * 128).reshape(96, 128), np.ones((96, 128, 3))),
    *(np.eye(96, 128, dtype=np.uint8) * 255, np.eye(96, 128, dtype=np.int8) * -1),
    *(np.zeros((96, 128), 'U1'), np.array(1), np.zeros((96, 128), 'datetime64[s]')),
    *(np.eye(96, 128, dtype=np.uint64), np.eye(96, 128, dtype=np.uint16) * 700),
    *([1, 1, 9, 9], [[1, 1, 9, 9], [1, 1, 9]], (1, 2, 3, '4'), {1, 2, 3, 4}, range(4)),
)  # fmt: skip


@cache
def _finder() -> UninextInferencer:
    return UninextInferencer(PaintedVideos(), scale=None)


def _ask(rng: random.Random, **asked: Any) -> None:
    """As an image or as a video; boxes are in the image."""
    if rng.random() < 0.2:
        asked['score_thr'] = rng.choice((0, 0.3, 1, *ODD_VALUES[:20]))
    image = frame(red=(8, 8, 40, 40))
    source: Any = image
    if rng.random() < 0.3:
        source, asked['as_video'] = [image, image], True
    for result in _finder()(source, **asked):
        boxes = result.boxes_xyxy
        assert np.isfinite(boxes).all() and np.isfinite(result.scores).all()
        assert (boxes[:, :2] <= boxes[:, 2:]).all(), boxes


def read_prompts(folder: Path, rng: random.Random) -> None:
    """Ask for categories, expressions, or both."""

    def one() -> Any:
        pool = TEXTS if rng.random() < 0.8 else ODD_VALUES
        if rng.random() < 0.3:
            return rng.choice((list, tuple))(rng.choices(pool, k=rng.randrange(4)))
        return rng.choice(pool)

    keys = rng.choice((('categories',), ('expression',), ('categories', 'expression')))
    _ask(rng, **{key: one() for key in keys})


def read_arrays(folder: Path, rng: random.Random) -> None:
    """Ask for boxes, masks, or both."""
    keys = rng.choice((('box',), ('mask',), ('box', 'mask')))
    pool = ODD_ARRAYS if rng.random() < 0.8 else ODD_VALUES
    _ask(rng, **{key: rng.choice(pool) for key in keys})
