"""A film of moving rectangles, as a file and as a folder; who finds them."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from helpers.painted_inferencer import PaintedVideos, movie
from helpers.painted_world import HEIGHT, WIDTH
from uninext.apis import UninextInferencer


@pytest.fixture
def video_file(tmp_path) -> str:
    path = str(tmp_path / 'video.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'png '), 5, (WIDTH, HEIGHT))
    for one in movie():
        writer.write(one)
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / 'frames'
    path.mkdir()
    for i, one in enumerate(movie()):
        cv2.imwrite(str(path / f'{i:03d}.png'), one)
    (path / 'notes.txt').write_text('no image')
    return path


@pytest.fixture
def find() -> UninextInferencer:
    return UninextInferencer(PaintedVideos(), scale=None)
