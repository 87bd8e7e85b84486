"""Four clients at once, and one that disturbs, ask a page without a network."""

from __future__ import annotations

import asyncio

import cv2
import numpy as np
import pytest

pytest.importorskip('gradio')

from helpers.fake_finder import FakeFinder
from helpers.tools import load_tool
from uninext.utils.serving_limits import ServingLimits
from uninext.utils.video_writer import VideoWriter
from uninext.web import server, serving
from uninext.web.examples import Example

FRAMES = 200
web_load = load_tool('tools/analysis_tools/web_load.py')


@pytest.fixture(scope='module')
def examples(tmp_path_factory) -> list[Example]:
    """Two images that are asked for other categories."""
    folder = tmp_path_factory.mktemp('examples')
    given = []
    for number, categories in enumerate(('star', 'ring, star')):
        path = str(folder / f'{number}.png')
        cv2.imwrite(path, np.full((40, 60, 3), 90 * number, np.uint8))
        given.append(Example(path, categories))
    return given


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> Example:
    path = tmp_path_factory.mktemp('video') / 'long.mp4'
    with VideoWriter(path, 10) as writer:
        for _ in range(FRAMES):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return Example(str(path), 'star')


def test_all_are_answered_or_told(examples, video, monkeypatch):
    finder = FakeFinder(0.05)
    monkeypatch.setattr(server, 'write_examples', lambda folder: ([], []))
    monkeypatch.setattr(web_load, 'AGAIN_AFTER', 0.02)
    with serving(finder, limits=ServingLimits(max_waiting=1)) as app:
        wanted = asyncio.run(web_load.ask_alone(app.local_url, examples))
        assert [len(instances) for instances in wanted] == [1, 2]
        count, senseless = asyncio.run(
            web_load.ask_at_once(
                app.local_url, examples, wanted, clients=7, requests=2, others=[video]
            )
        )
        assert (count.right, count.failed, count.why) == (14, 0, set())
        assert count.told_to_wait > 0  # four run, one waits
        assert finder.most_running == 1
        assert (senseless.right, senseless.why) == (len(web_load.SENSELESS), set())
        assert finder.frames_seen < 16 + FRAMES  # who left did not wait for the end

        swapped = wanted[::-1]  # a wrong answer would be counted
        count, _ = asyncio.run(
            web_load.ask_at_once(app.local_url, examples, swapped, 1, 1)
        )
        assert (count.right, count.failed) == (0, 1)
    assert web_load.row_of('7', 14, count, (1.0, 2.0)).count('|') == 11


def test_memory_of_this_process_and_of_none():
    import os

    peak, now = web_load.memory_of(os.getpid())
    assert np.isnan(peak) or peak >= now > 50
    assert np.isnan(web_load.memory_of(2**30)).all()
