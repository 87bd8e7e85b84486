"""Tables and progress as HTML; parsed back by an independent reader."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

pytest.importorskip('gradio')

from helpers.fake_finder import FakeFinder
from uninext.apis.exports import VideoTracks
from uninext.visualization.palette import instance_color, track_color
from uninext.web.marks import draw_marks
from uninext.web.pages import (
    MAX_ROWS,
    instance_table,
    live_image,
    progress_bar,
    status,
    track_table,
)
from uninext.web.prompts import read_prompts

IMAGE = np.zeros((60, 100, 3), np.uint8)


def found(categories='', expressions='', boxes='', frame=None, score_thr=0.0):
    asked = read_prompts(categories, expressions, boxes, None, (60, 100)).arguments
    return FakeFinder()._prediction(IMAGE, dict(asked, score_thr=score_thr), frame)


def rows_of(page: str) -> list[list[str]]:
    """The cells of a table's body."""
    root = ElementTree.fromstring(f'<p>{page.replace("&nbsp;", " ")}</p>')
    return [[''.join(c.itertext()) for c in row] for row in root.iter('tr')][1:]


class TestInstanceTable:
    def test_nothing_found_says_what_to_do(self):
        page = instance_table(found('star', score_thr=0.95))
        assert '<table' not in page
        assert 'Lower the score threshold' in page

    def test_rows_are_instances_the_surest_first(self):
        rows = rows_of(instance_table(found('star, ring', 'the left one')))
        assert [row[1] for row in rows] == ['star', 'ring', 'the left one']
        assert [row[2] for row in rows] == ['0.90', '0.80', '0.50']
        assert rows[1][3] == '20 0 40 20'
        assert [row[4] for row in rows] == ['star, ring'] * 2 + ['the left one']

    def test_colours_are_those_of_the_image(self):
        page = instance_table(found('star, ring'))
        assert f'rgb{instance_color(0)}' in page
        assert f'rgb{instance_color(1)}' in page

    def test_a_frame_has_tracks(self):
        result = found('star, ring', frame=3)
        result.track_ids = np.array([7, -1])
        page = instance_table(result)
        assert [row[1] for row in rows_of(page)] == ['#7', 'not sure yet']
        assert f'rgb{track_color(7)}' in page

    def test_what_people_typed_is_text(self):
        page = instance_table(found('<img src=x onerror=alert(1)>'))
        assert '<img' not in page
        assert rows_of(page)[0][1] == '<img src=x onerror=alert(1)>'

    def test_crowds_are_cut(self):
        page = instance_table(
            found(expressions='\n'.join(map(str, range(MAX_ROWS + 3))))
        )
        assert len(rows_of(page)) == MAX_ROWS
        assert 'and 3 more' in page


class TestTrackTable:
    def test_no_frame(self):
        assert 'No track' in track_table(VideoTracks())

    def test_tracks_over_frames(self):
        results = [found('star, ring', frame=frame) for frame in range(3)]
        for frame, result in enumerate(results):
            result.track_ids = np.array([5, -1 if frame == 0 else 2])
            result.scores = np.array([0.3 * (frame + 1), 0.5], np.float32)
        assert [row[1:] for row in rows_of(track_table(VideoTracks(results)))] == [
            ['#2', 'ring', '0.50', '2 (1-2)', '20 0 40 20', 'star, ring'],
            ['#5', 'star', '0.60', '3 (0-2)', '0 0 20 20', 'star, ring'],
        ]

    def test_a_track_has_the_name_of_the_highest_sum(self):
        results = [found('star, ring', frame=frame) for frame in range(3)]
        for label, result in zip((0, 1, 1), results):
            result.label_ids[0], result.track_ids = label, np.array([0, -1])
        assert rows_of(track_table(VideoTracks(results)))[0][2] == 'ring'


class TestProgress:
    @pytest.mark.parametrize('total, width', [(8, '25.0%'), (None, '0.0%'), (1, '100')])
    def test_share_of_frames(self, total, width):
        assert f'width:{width}' in progress_bar(2, total, 3.14)

    def test_text_for_eyes_and_readers(self):
        page = progress_bar(2, 8, 3.14, 'almost <there>')
        assert 'Frame 2 of 8, 3.1 frames a second. almost &lt;there&gt;' in page
        assert 'aria-valuenow="2"' in page
        assert '<b>' not in status('<b>')
        assert status('same') != status('same')


class TestMarks:
    def test_no_image(self):
        assert draw_marks(None, '1 2 30 40', (3, 3)) is None

    def test_nothing_to_draw_is_the_image_and_a_copy(self):
        drawn = draw_marks(IMAGE, '', None)
        assert (drawn == IMAGE).all()
        assert drawn is not IMAGE

    def test_boxes_and_corner_have_their_colours(self):
        drawn = draw_marks(IMAGE, '10 10 50 40', (80, 30))
        assert tuple(drawn[10, 30]) == instance_color(0)
        assert tuple(drawn[30, 80]) == instance_color(1)
        assert not IMAGE.any()


class TestLiveImage:
    def test_before_the_first_frame(self):
        assert '<img' not in live_image(None)

    @pytest.mark.parametrize(
        'size_hw, shown_hw', [((60, 100), (60, 100)), ((1080, 1920), (540, 960))]
    )
    def test_is_inside_of_the_page_and_never_large(self, size_hw, shown_hw):
        frame = np.zeros((*size_hw, 3), np.uint8)
        frame[..., 2] = 200  # BGR
        data = live_image(frame).split('base64,')[1].split('"')[0]
        read = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1)
        assert read.shape[:2] == shown_hw
        assert read[5, 5] == pytest.approx([0, 0, 200], abs=8)
