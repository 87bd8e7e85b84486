"""Generated images and videos, as a user would have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from uninext.shapes import generate_image_set, generate_suite


@pytest.fixture(scope='session')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 images to learn from, 2 to validate by."""
    path = tmp_path_factory.mktemp('images')
    generate_image_set(path, 8, 2, size=64)
    return path


@pytest.fixture(scope='session')
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 videos to learn from, 1 to validate by, 2 frames each."""
    path = tmp_path_factory.mktemp('videos')
    generate_suite(path, (1, 1), (3, 1), size_wh=(64, 64), length=2)
    return path
