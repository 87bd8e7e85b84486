"""The page in a real browser without a window; skipped where there is none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('gradio')
pytest.importorskip('playwright', reason='pip install playwright')

from helpers.fake_finder import FakeFinder
from helpers.tools import load_tool
from uninext.apis import read_frames
from uninext.web import serving
from uninext.web.examples import NUM_FRAMES, SIZE_WH
from uninext.web.painter import BRUSH_SHARES
from uninext.web.prompts import read_boxes
from uninext.web.shared_inferencer import frame_of
from uninext.web.strokes import image_key, read_painting
from uninext.web.uploads import Upload, read_upload

visits = load_tool('tools/misc/web_screenshots.py')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        visits.find_browser() is None, reason='no browser: apt-get install chromium'
    ),
]


@pytest.fixture(scope='module')
def finder() -> FakeFinder:
    """Takes 50 ms a frame."""
    return FakeFinder(0.05)


@pytest.fixture(scope='module')
def visitor(finder) -> Iterator:
    """A laptop; the page of a fake model."""
    with (
        serving(finder, 'fake') as app,
        visits.browser() as opened,
    ):
        yield visits.Visitor(opened, app.local_url, visits.LAPTOP)


@pytest.fixture
def folder(visitor) -> Path:
    """The examples of the page."""
    return Path(os.environ['GRADIO_TEMP_DIR']) / 'examples'


@pytest.fixture
def scene(folder) -> Path:
    """An image to drop in."""
    return folder / 'scene_1.jpg'


def test_an_image_with_names_an_expression_and_a_box(visitor, scene):
    visitor.give_image(scene)
    table = visitor.ask_image(categories='star, ring')
    assert 'What was found: 2' in table
    assert cv2.imread(str(visitor.download('#image-save-0'))).shape[1::-1] == SIZE_WH

    table = visitor.ask_image(expressions='the ring <b>right</b> of it')
    assert 'the ring <b>right</b> of it' in table  # as it was typed

    box = (40, 30, 200, 150)
    noted = visitor.click_box('image', box, SIZE_WH)
    (clicked,) = read_boxes(noted, SIZE_WH[::-1])
    assert clicked == pytest.approx(box, abs=2)

    table = visitor.ask_image(categories='star', expressions='it')
    assert 'What was found: 3' in table
    assert table.count('target') == 1


def test_a_painting_of_two_colours(visitor, finder, folder):
    visitor.give_example_image(0)
    painter = visitor.open_painter('image', key_of(folder / 'scene_1.jpg'))
    strokes = dict(red=[(60, 60), (140, 90)], blue=[(250, 180)], green=[(20, 200)])
    for brush, points in strokes.items():
        visitor.paint('image', brush, points, SIZE_WH)
    painter.get_by_role('button', name='undo').click()
    table = visitor.ask_image()
    assert 'What was found: 2' in table
    assert table.count('target') == 2
    assert_painted(finder.calls[-1]['mask'], [strokes['red'], strokes['blue']])

    visitor.give_example_image(1)  # of another image nothing is painted yet
    visitor.open_painter('image', key_of(folder / 'scene_2.jpg'))
    assert painter.get_by_role('button', name='undo').is_disabled()
    assert 'target' not in visitor.ask_image(categories='star')


def key_of(scene: Path) -> str:
    return image_key(read_upload(Upload(str(scene), scene.name)))


def assert_painted(masks: np.ndarray, lines: list) -> None:
    """Masks are the lines, to a pixel, painted with the brush that is chosen first."""
    width = round(BRUSH_SHARES['medium'] * min(SIZE_WH))
    assert len(masks) == len(lines)
    for mask, points in zip(masks, lines):
        stroke = dict(color=0, width=width, points=points)
        (meant,) = read_painting(dict(strokes=[stroke]), SIZE_WH[::-1])
        pixel = np.ones((3, 3), np.uint8)
        assert not (mask & ~cv2.dilate(meant.view(np.uint8), pixel).view(bool)).any()
        assert mask[cv2.erode(meant.view(np.uint8), pixel).view(bool)].all()


def test_a_video_with_a_box_and_a_painting(visitor, finder, folder):
    visitor.give_example_video(1)
    assert f'of {NUM_FRAMES}' in visitor.wait_for_frame()
    assert f'Done: {NUM_FRAMES} frames' in visitor.wait_for_video()
    assert 'Tracks: 1' in visitor.page.locator('#video-table').inner_text()
    frames = list(read_frames(visitor.download('#video-save-0')))
    assert len(frames) == NUM_FRAMES
    plays = 'v => new Promise(r => v.readyState > 1 ? r(v.videoWidth) : (v.onloadeddata = () => r(v.videoWidth)))'  # noqa: E501
    assert visitor.page.locator('#video-result video').evaluate(plays) == SIZE_WH[0]

    visitor.open_painter('video', image_key(frame_of(folder / 'video_2.mp4')))
    line = [(200, 40), (260, 60)]
    visitor.paint('video', 'red', line, SIZE_WH)
    visitor.ask_video()
    visitor.wait_for_frame()
    visitor.page.locator('#video-stop').click()
    assert 'Stopped' in visitor.wait_for_video()
    assert_painted(finder.tracked[-1]['mask'], [line])
    assert 'Tracks: 2' in visitor.page.locator('#video-table').inner_text()


def test_a_camera(visitor, finder):
    tracked = len(finder.tracked)  # videos
    visitor.start_camera('star, ring')
    assert '#1' in visitor.wait_for_camera('ring')
    many = re.compile(r'Frame [1-9]\d+, answered')
    visitor.page.locator('#live-status', has_text=many).wait_for()
    assert len(finder.tracked) == tracked + 1
    visitor.page.locator('#live-expressions textarea').fill('the left one')
    assert 'What was found: 3' in visitor.wait_for_camera('the left one')
    assert visitor.page.locator('#live-result img').is_visible()
    visitor.stop_camera()
    visitor.page.wait_for_timeout(1000)
    seen = finder.frames_seen
    visitor.page.wait_for_timeout(500)
    assert finder.frames_seen == seen


def test_the_page_fits_a_phone_and_asks_nobody_else(visitor):
    visitor.page.set_viewport_size(visits.PHONE)
    visitor.page.wait_for_timeout(300)
    assert visitor.overflow() <= 0
    assert visitor.elsewhere == []
    assert visitor.complaints == []
