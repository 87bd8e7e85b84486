"""Where ``uninext predict`` is tried: an empty folder, with photos and a video."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from helpers.painted_inferencer import PaintedImages, PaintedVideos
from helpers.predicting import image_at
from uninext.apis import UninextInferencer
from uninext.utils.video_writer import VideoWriter


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, and a model that finds colours."""
    monkeypatch.chdir(tmp_path)

    def build(model=None, checkpoint=None, device='auto', scale=None):
        network = PaintedImages() if model == 'images' else PaintedVideos()
        return UninextInferencer(network, scale=scale)

    monkeypatch.setattr('uninext.apis.UninextInferencer', build)
    return tmp_path


@pytest.fixture
def photos(workplace) -> Path:
    folder = workplace / 'photos'
    (folder / 'below').mkdir(parents=True)
    for i, name in enumerate(('a.png', 'b.png', 'below/c.png')):
        cv2.imwrite(str(folder / name), image_at(i))
    return folder


@pytest.fixture
def video(workplace) -> Path:
    with VideoWriter(workplace / 'walk.mp4', 12.5) as writer:
        for step in range(4):
            writer.write(image_at(step))
    return workplace / 'walk.mp4'
