"""A camera, frame by frame, without a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

gr = pytest.importorskip('gradio')

MODELS_TESTS = Path(__file__).resolve().parents[1] / 'test_models'
sys.path.append(str(MODELS_TESTS / 'test_detectors'))

from fake_finder import FakeFinder  # noqa: E402
from small_uninext import build, small_video_config  # noqa: E402

from uninext.apis import UninextInferencer  # noqa: E402
from uninext.web.answers import Answering  # noqa: E402
from uninext.web.live import LiveHandlers, LiveSession  # noqa: E402

PICTURE = np.zeros((64, 96, 3), np.uint8)
PICTURE[..., 0] = 200  # RGB


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
        seen, note, table, visit = frame(PICTURE, nothing, nothing, 0.3, None)
        assert '<img' in seen
        assert 'Nothing is asked for yet.' in note
        assert (table, visit) == ('', None)
        assert find.model.opened == 0

    def test_one_session_while_the_question_is_the_same(self, frame, find):
        visit = None
        for number in (1, 2, 3):
            seen, note, table, visit = frame(PICTURE, 'star', 'it', 0.3, visit)
            assert f'Frame {number}, answered in' in note
            assert 'star' in table
            assert 'it' in table
            assert '#0' in table
        assert find.model.opened == 1
        *_, note, table, _ = frame(PICTURE, 'ring', 'it', 0.3, visit)
        assert 'Frame 1,' in note
        assert 'ring' in table
        assert find.model.opened == 2

    def test_the_threshold_is_for_names_and_may_move(self, frame, find):
        table, visit = frame(PICTURE, 'star, ring', 'it', 0.0, None)[2:]
        assert 'What was found: 3' in table
        table, visit = frame(PICTURE, 'star, ring', 'it', 0.95, visit)[2:]
        assert 'What was found: 1' in table
        assert find.model.opened == 1

    def test_a_model_of_pictures_says_so(self, frame, find):
        find.model = object()
        with pytest.raises(gr.Error, match='answers pictures only'):
            frame(PICTURE, 'star', '', 0.3, None)


class TestLiveSession:
    def test_nothing_asked(self, find):
        with pytest.raises(ValueError, match='Nothing is asked'):
            LiveSession(Answering(find), '', '')

    def test_results_are_as_of_videos(self, find):
        session = LiveSession(Answering(find), 'star, ring', 'it\nthat')
        session.look(PICTURE, 0.3)
        result = session.look(PICTURE, 0.85)
        assert result.frame == 1
        assert result.labels == ['star', 'it', 'that']
        assert result.prompt_texts == ['star, ring', 'it', 'that']
        assert tuple(result.image[0, 0]) == (0, 0, 200)  # BGR
        assert result.masks.shape == (3, 64, 96)
        assert len(result.track_ids) == 3

    def test_a_real_network_answers_as_in_a_video(self):
        torch.manual_seed(0)
        find = UninextInferencer(build(small_video_config()).eval(), scale=None)
        frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
        video = find(
            list(frames[..., ::-1]),
            categories='star, ring',
            expression='it',
            score_thr=0.1,
            as_video=True,
        )
        session = LiveSession(Answering(find), 'star, ring', 'it')
        for picture, wanted in zip(frames, video):
            found = session.look(picture, 0.1)
            assert len(found) > 0
            assert found.to_dict() == wanted.to_dict()
            assert (found.plot() == wanted.plot()).all()
