"""A camera, frame by frame, without a browser."""

from __future__ import annotations

import numpy as np
import pytest
import torch

gr = pytest.importorskip('gradio')


from helpers.fake_finder import FakeFinder
from helpers.small_uninext import build, small_video_config
from uninext.apis import UninextInferencer
from uninext.web.answers import Answering
from uninext.web.live import LiveHandlers
from uninext.web.pages import instance_table

IMAGE = np.zeros((64, 96, 3), np.uint8)
IMAGE[..., 0] = 200  # RGB


@pytest.fixture
def find() -> FakeFinder:
    return FakeFinder()


@pytest.fixture
def frame(find):
    return LiveHandlers(Answering(find)).frame


class TestFrame:
    def test_no_frame_changes_nothing(self, frame):
        *shown, visit = frame(None, 'star', '', 0.3, None)
        assert visit is None
        assert not any('value' in update for update in shown)

    @pytest.mark.parametrize('nothing', ['', None, ' \n'])
    def test_nothing_asked_shows_the_camera_and_says_so(self, frame, find, nothing):
        seen, note, table, visit = frame(IMAGE, nothing, nothing, 0.3, None)
        assert '<img' in seen
        assert 'Nothing is asked for yet.' in note
        assert (table, visit) == ('', None)
        assert find.tracked == []

    def test_one_session_while_the_question_is_the_same(self, frame, find):
        visit = None
        for number in (1, 2, 3):
            seen, note, table, visit = frame(IMAGE, 'star', 'it', 0.3, visit)
            assert f'Frame {number}, answered in' in note
            assert 'star' in table
            assert 'it' in table
            assert '#0' in table
        assert len(find.tracked) == 1
        *_, note, table, _ = frame(IMAGE, 'ring', 'it', 0.3, visit)
        assert 'Frame 1,' in note
        assert 'ring' in table
        assert len(find.tracked) == 2

    def test_a_name_that_is_typed_twice_is_told_in_every_frame(self, frame):
        visit = None
        for _ in range(2):
            _, note, _, visit = frame(IMAGE, 'star, Star', '', 0.3, visit)
            assert 'asked for once: star.' in note

    def test_what_the_model_does_not_understand_is_told(self, frame):
        _, note, _, _ = frame(IMAGE, '\u0e01', 'it', 0.3, None)
        assert '\u0e01 is unknown' in note

    def test_the_threshold_is_for_names_and_may_move(self, frame, find):
        table, visit = frame(IMAGE, 'star, ring', 'it', 0.0, None)[2:]
        assert 'What was found: 3' in table
        table, visit = frame(IMAGE, 'star, ring', 'it', 0.95, visit)[2:]
        assert 'What was found: 1' in table
        assert len(find.tracked) == 1

    def test_the_frame_is_asked_as_an_image_is(self, frame, find):
        frame(IMAGE, 'star, ring', 'it', 0.3, None)
        (asked,) = find.tracked
        assert list(asked['categories']) == ['star', 'ring']
        assert list(asked['expression']) == ['it']
        assert asked['box'] is asked['mask'] is None

    def test_what_cannot_be_tracked_is_said(self, find):
        find.fail = ValueError('Videos need a UNINEXTVideo')
        with pytest.raises(gr.Error, match='Videos need a UNINEXTVideo'):
            LiveHandlers(Answering(find)).frame(IMAGE, 'star', '', 0.3, None)

    def test_a_real_network_sees_the_colours_of_the_camera(self):
        torch.manual_seed(0)
        find = UninextInferencer(build(small_video_config()).eval(), scale=None)
        frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
        asked = dict(categories='star, ring', expression='it')
        bgr = list(frames[..., ::-1])
        video = find(bgr, **asked, score_thr=0.1, as_video=True)
        visit = None
        for image, wanted in zip(frames, video):
            *_, table, visit = LiveHandlers(Answering(find)).frame(
                image, 'star, ring', 'it', 0.1, visit
            )
            assert len(wanted) > 0
            assert table.split('>', 1)[1] == instance_table(wanted).split('>', 1)[1]
