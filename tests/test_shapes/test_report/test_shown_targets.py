"""Targets that another frame shows, asked of a model that finds colours."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.painted_inferencer import PaintedVideos
from helpers.painted_world import frame
from uninext.apis import UninextInferencer
from uninext.formats.json_file import write_json
from uninext.shapes.report.shown_targets import last_seen, measure_shown_targets

BOXES = [[0, 0, 20, 20], [8, 0, 20, 20], None, [16, 0, 20, 20], [60, 8, 20, 20]]


def suite(root: Path, *videos: tuple[list, list]) -> Path:
    """Of each video where it is said that the target is, and where it is painted."""
    records, annotations = [], []
    for number, (said, painted) in enumerate(videos):
        names = [f'{number}/{i}.png' for i in range(len(said))]
        records.append(dict(id=number, file_names=names))
        annotations.append(dict(video_id=number, bboxes=said))
        for name, box in zip(names, painted):
            path = root / 'videos/val' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            x, y, w, h = box or (0, 0, 0, 0)
            shown = frame(red=(x, y, x + w, y + h), green=(100, 40, 120, 60))
            cv2.imwrite(str(path), shown)
    write_json(dict(videos=records, annotations=annotations), root / 'sot_val.json')
    return root


@pytest.fixture
def find() -> UninextInferencer:
    return UninextInferencer(PaintedVideos(), scale=None)


SHORT = [[0, 0, 9, 9]] * 2  # nothing lies between its frames


@pytest.mark.parametrize('videos', [[], [([[0, 0, 9, 9], None],) * 2], [(SHORT,) * 2]])
def test_nothing_to_measure(find, tmp_path, videos):
    rows = measure_shown_targets(find, suite(tmp_path, *videos))
    assert [row.number for row in rows] == [0, 0]
    assert all(math.isnan(row.measured) for row in rows)


def test_what_is_found_everywhere(find, tmp_path):
    root = suite(tmp_path, (BOXES, BOXES), (BOXES, BOXES))
    rows = measure_shown_targets(find, root)
    assert [row.asked for row in rows] == [
        'a target that the first frame shows', 'a target that the last frame shows',
    ]  # fmt: skip
    # every overlap is 1, which is not above the last of 21 thresholds
    assert [row.measured for row in rows] == pytest.approx([20 / 21] * 2)
    assert [row.number for row in rows] == [2, 2]
    assert [row.number for row in measure_shown_targets(find, root, 'val', 1)] == [1, 1]


def test_one_frame_between(find, tmp_path):
    rows = measure_shown_targets(find, suite(tmp_path, (BOXES[:1] * 3, BOXES[:1] * 3)))
    assert [row.measured for row in rows] == pytest.approx([20 / 21] * 2)


def test_the_frame_that_shows_it_counts(find, tmp_path):
    """What the last frame is said to show is green, and not what the others say."""
    said = [*BOXES[:4], [100, 40, 20, 20]]
    first, last = measure_shown_targets(find, suite(tmp_path, (said, BOXES)))
    assert first.measured == pytest.approx(20 / 21)
    assert last.measured == 0


def test_the_last_frame_that_shows_anything():
    boxes = np.array([box or [np.nan] * 4 for box in [None, *BOXES, None]], float)
    assert last_seen(boxes) == 5
    assert last_seen(boxes[:1]) == last_seen(boxes[:0]) == -1
