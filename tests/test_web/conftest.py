"""An image and a video that were uploaded, and handlers that ask a fake network."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

if importlib.util.find_spec('gradio') is None:  # all tests of this folder are skipped
    collect_ignore_glob = ['test_web_*.py']
else:
    from helpers.fake_finder import FakeFinder
    from helpers.web_asking import FPS, NUM_FRAMES, SIZE_HW, asking, watching
    from uninext.utils.video_writer import VideoWriter
    from uninext.web.handlers import AskHandlers
    from uninext.web.sessions import Sessions
    from uninext.web.uploads import Upload
    from uninext.web.videos import VideoHandlers


@pytest.fixture
def image() -> np.ndarray:
    """RGB: red everywhere."""
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[..., 0] = 200
    return image


@pytest.fixture
def upload(image, tmp_path) -> Upload:
    """The same as a file."""
    path = str(tmp_path / 'a1b2.png')
    cv2.imwrite(path, image[..., ::-1])
    return Upload(path, 'red.png')


@pytest.fixture
def photo(tmp_path) -> Upload:
    """Another image, larger than the first in both directions."""
    path = str(tmp_path / 'c3d4.jpg')
    noise = np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)
    cv2.imwrite(path, noise)
    return Upload(path, 'photo.jpg')


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> Upload:
    path = tmp_path_factory.mktemp('video') / 'a1b2.mp4'
    with VideoWriter(path, FPS) as writer:
        for i in range(NUM_FRAMES):
            writer.write(np.full((*SIZE_HW, 3), 40 * i, np.uint8))
    return Upload(str(path), 'clip.mp4')


@pytest.fixture
def find() -> FakeFinder:
    return FakeFinder()


@pytest.fixture
def visits(tmp_path) -> Sessions:
    return Sessions(tmp_path, 60)


@pytest.fixture
def ask(find, visits) -> AskHandlers:
    return asking(find, visits)


@pytest.fixture
def watch(find, visits) -> VideoHandlers:
    return watching(find, visits)
