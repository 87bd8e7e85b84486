"""Generated scenes in the Scalabel layout for the tests of BDD100K's rules."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as mask_utils

SIZE_WH = (96, 64)
NAMES = ('pedestrian', 'rider', 'car', 'motorcycle')


def make_label(identity, category, box_xywh, with_mask=True, **extra) -> dict:
    """A label whose mask is its box; the layout names the last pixel of a box."""
    x, y, w, h = (int(v) for v in box_xywh)
    label = dict(id=str(identity), category=category, **extra)
    label['box2d'] = dict(x1=x, y1=y, x2=x + w - 1, y2=y + h - 1)
    if with_mask:
        mask = np.zeros(SIZE_WH[::-1], np.uint8, order='F')
        mask[y : y + h, x : x + w] = 1
        rle = mask_utils.encode(mask)
        label['rle'] = dict(size=rle['size'], counts=rle['counts'].decode())
    return label


def make_frame(index: int, labels: list[dict], video: str = 'v') -> dict:
    return dict(
        name=f'{video}-{index + 1:07d}.jpg',
        videoName=video,
        frameIndex=index,
        size=dict(width=SIZE_WH[0], height=SIZE_WH[1]),
        labels=labels,
    )


def make_scene(seed: int, num_frames: int = 12, num_videos: int = 2):
    """Ground truth and predictions: one object at most in each of 12 cells.

    Predictions are the objects moved by up to 2 pixels, with misses, false alarms,
    wrong classes and changes of identity; some objects are crowds. A cell keeps what
    is in it apart from the others, so that no two predictions overlap.
    """
    rng = np.random.default_rng(seed)
    ground_truth, predictions = [], []
    for video in range(num_videos):
        kinds = rng.choice(NAMES, 12)
        crowd = rng.random(12) < 0.2
        tracks = np.arange(12)
        for index in range(num_frames):
            objects, found = [], []
            tracks = np.where(rng.random(12) < 0.1, rng.permutation(tracks), tracks)
            used: set[int] = set()
            for cell in range(12):
                x, y = 24 * (cell % 4) + 5, 21 * (cell // 4) + 5
                box = np.array([x, y, 12, 10])
                if rng.random() < 0.7:
                    entry = dict(attributes=dict(crowd=bool(crowd[cell])))
                    objects.append(make_label(cell + 1, str(kinds[cell]), box, **entry))
                moved = box + [*rng.integers(-2, 3, 2), 0, 0]
                track = int(tracks[cell]) + 1
                if rng.random() < 0.7 and track not in used:
                    used.add(track)
                    wrong = rng.random() < 0.1
                    kind = str(rng.choice(NAMES) if wrong else kinds[cell])
                    score = round(float(rng.random()), 3)
                    found.append(make_label(track, kind, moved, score=score))
            ground_truth.append(make_frame(index, objects, f'v{video}'))
            predictions.append(make_frame(index, found, f'v{video}'))
    return ground_truth, predictions
