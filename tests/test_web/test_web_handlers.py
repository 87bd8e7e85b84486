"""What buttons, clicks and cameras of the page do, without a page."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

gr = pytest.importorskip('gradio')


from helpers.fake_finder import FakeFinder
from helpers.small_uninext import build, small_video_config
from uninext.apis import SourceError, UninextInferencer, read_frames
from uninext.apis.video import read_header
from uninext.utils.video_writer import VideoWriter
from uninext.web import errors, handlers
from uninext.web.handlers import AskHandlers, MarkHandlers
from uninext.web.pages import instance_table
from uninext.web.prompts import read_prompts
from uninext.web.shared_inferencer import (
    SharedInferencer,
    first_frame,
    plot_for_page,
    video_files,
)
from uninext.web.strokes import image_key

SIZE_HW = (64, 96)
NUM_FRAMES = 5
FPS = 8
REQUEST = SimpleNamespace(session_hash='me')


@pytest.fixture
def image() -> np.ndarray:
    """RGB: red everywhere."""
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[..., 0] = 200
    return image


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('video') / 'clip.mp4'
    with VideoWriter(path, FPS) as writer:
        for i in range(NUM_FRAMES):
            writer.write(np.full((*SIZE_HW, 3), 40 * i, np.uint8))
    return str(path)


@pytest.fixture
def find() -> FakeFinder:
    return FakeFinder()


@pytest.fixture
def ask(find) -> AskHandlers:
    return AskHandlers(SharedInferencer(find))


def fields(categories='star, ring', expressions='', boxes='', painting=None, thr=0.3):
    """Of the page, as image and video take them."""
    return categories, expressions, boxes, painting, thr


def asked(*texts):
    return read_prompts(*texts, None, SIZE_HW)


class TestImage:
    def test_says_that_it_looks_then_answers(self, ask, image):
        events = ask.image(image, *fields())
        assert 'Looking' in next(events)[1]
        shown, note, table, *buttons = next(events)
        assert tuple(shown[-1, -1]) == (200, 0, 0)  # still RGB
        assert 'Answered in' in note
        assert 'star' in table
        assert [button['interactive'] for button in buttons] == [True, True]
        drawn, records = (Path(button['value']) for button in buttons)
        assert cv2.imread(str(drawn)).shape == (*SIZE_HW, 3)
        instances = json.loads(records.read_text())['instances']
        assert [i['label'] for i in instances] == ['star', 'ring']
        assert list(events) == []
        assert not drawn.parent.exists()  # it was sent

    def test_threshold_and_prompts_arrive(self, ask, find, image):
        list(ask.image(image, *fields('', 'it', '1 1 9 9', thr=0.7)))
        (call,) = find.calls
        assert call['score_thr'] == 0.7
        assert call['categories'] is None
        assert call['expression'] == ['it']

    def test_users_take_turns(self, image):
        find = FakeFinder(seconds=0.02)
        given = image, asked('star', '', ''), 0.3
        shared = SharedInferencer(find)
        threads = [threading.Thread(target=shared.image, args=given) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(find.calls) == 4
        assert find.most_running == 1

    @pytest.mark.parametrize('threshold', [2, -1, float('nan'), '0.5'])
    def test_thresholds_that_are_none_are_refused(self, image, threshold):
        find = UninextInferencer(build(small_video_config()), scale=None)
        with pytest.raises(gr.Error, match='score_thr must be a number in 0..1'):
            list(
                AskHandlers(SharedInferencer(find)).image(image, *fields(thr=threshold))
            )

    def test_a_painting_over_another_image_does_not_count(self, ask, find, image):
        for other in (image, image + 1):
            painting = dict(
                image=image_key(other),
                strokes=[dict(color=0, width=9, points=[[20, 20]])],
            )
            list(ask.image(image, *fields(painting=painting)))
        masks = [call['mask'] for call in find.calls]
        assert masks[0][0, 20, 20]
        assert masks[1] is None

    def test_a_painting_that_is_none_is_explained(self, ask, image):
        with pytest.raises(gr.Error, match='A painting is JSON'):
            list(ask.image(image, *fields(painting='[[')))


def test_no_image_no_video_no_prompt(ask, image, video):
    for events, message in (
        (ask.image(None, *fields()), 'no image yet'),
        (ask.image(image, *fields('')), 'Nothing is asked'),
        (ask.video(None, *fields(), REQUEST), 'no video yet'),
        (ask.video(video, *fields(''), REQUEST), 'Nothing is asked'),
    ):
        with pytest.raises(gr.Error, match=message):
            list(events)


@pytest.mark.parametrize(
    ('categories', 'note'),
    [('star, Star', 'asked for once: star.'), ('star, \u0e01', '\u0e01 is unknown')],
)
def test_notes_of_what_was_typed(ask, image, video, categories, note):
    *_, last = ask.image(image, *fields(categories))
    assert note in last[1]
    _, shown, *_, end = ask.video(video, *fields(categories), REQUEST)
    assert note in shown[3]
    assert note in end[3]
    visit = None
    for _ in range(2):  # in every frame
        _, said, _, visit = ask.frame(image, categories, '', 0.3, visit)
        assert note in said


class TestPlotForPage:
    def plotted(self, size_hw, masks=True):
        image = np.zeros((*size_hw, 3), np.uint8)
        box = read_prompts('', '', '10 20 40 40', None, size_hw).arguments
        (result,) = FakeFinder()(image, **box, score_thr=0.3)
        if not masks:
            result.masks = None
        return result, plot_for_page(result)

    @pytest.mark.parametrize('size_hw', [(400, 420), (60, 540), (720, 1280)])
    def test_what_fills_the_frame_is_drawn_as_it_is(self, size_hw):
        result, shown = self.plotted(size_hw)
        assert (shown == result.plot()).all()

    @pytest.mark.parametrize('masks', [True, False])
    @pytest.mark.parametrize(
        'size_hw, shown_hw',
        [((320, 180), (400, 225)), ((240, 320), (400, 533)), ((50, 200), (135, 540))],
    )
    def test_small_ones_are_enlarged_with_what_was_found(
        self, size_hw, shown_hw, masks
    ):
        result, shown = self.plotted(size_hw, masks)
        assert shown.shape[:2] == shown_hw
        assert result.image.shape[:2] == size_hw  # is left alone
        times = shown_hw[0] / size_hw[0]
        x, right, y, bottom = (round(times * side) for side in (20, 40, 30, 40))
        line = 2  # pixels, however much the box was enlarged
        assert shown[y, x].any() == masks
        assert shown[y, right - line : right + line].any()
        assert not shown[y, right + line :].any()
        assert shown[bottom - line : bottom + line, x].any()
        assert not shown[bottom + line :].any()

    def test_nothing_found(self, image):
        (result,) = FakeFinder()(
            image, **asked('star', '', '').arguments, score_thr=1.0
        )
        assert (plot_for_page(result) == image[0, 0]).all()


class TestVideo:
    def test_from_start_to_end(self, ask, video, tmp_path):
        events = ask.video(video, *fields(), REQUEST)
        started, shown = next(events), next(events)
        assert started[0]['selected'] == handlers.LIVE
        assert started[-1]['interactive']  # the button to stop
        assert 'src="data:image/jpeg;base64,' in shown[1]
        assert f'Frame 1 of {NUM_FRAMES}' in shown[3]
        (*_, end) = frames = list(self.with_copies(events, tmp_path))
        assert {len(event) for event in (started, shown, *frames)} == {9}
        assert end[0]['selected'] == handlers.WHOLE
        assert f'Done: {NUM_FRAMES} frames' in end[3]
        assert '5 (0-4)' in end[4]
        assert not end[-1]['interactive']
        whole = tmp_path / 'uninext.mp4'
        assert len(list(read_frames(whole))) == NUM_FRAMES
        assert read_header(whole).fps == FPS
        content = json.loads((tmp_path / 'uninext.json').read_text())
        assert [f['frame'] for f in content['frames']] == list(range(NUM_FRAMES))
        assert content['fps'] == FPS

    def test_stopped_in_between_keeps_what_is_done(self, ask, video, tmp_path):
        events = ask.video(video, *fields(), REQUEST)
        next(events), next(events)
        ask.stop(SimpleNamespace(session_hash='nobody'))
        ask.stop(REQUEST)
        (end,) = self.with_copies(events, tmp_path)
        assert 'Stopped: 1 frames' in end[3]
        assert len(list(read_frames(tmp_path / 'uninext.mp4'))) == 1
        assert len(json.loads((tmp_path / 'uninext.json').read_text())['frames']) == 1
        ask.stop(REQUEST)  # of the next one nothing is known yet
        assert 'Done' in list(ask.video(video, *fields(), REQUEST))[-1][3]

    def test_a_stop_is_for_the_own_video_only(self, ask, video):
        other = SimpleNamespace(session_hash='other')
        events = [ask.video(video, *fields(), who) for who in (REQUEST, other)]
        for one in events:
            next(one)
        ask.stop(other)
        ends = [list(one)[-1][3] for one in events]
        assert ['Done' in ends[0], 'Stopped' in ends[1]] == [True, True]

    def test_a_visitor_who_leaves_leaves_no_video(self, tmp_path):
        (result,) = FakeFinder()(
            np.zeros((*SIZE_HW, 3), np.uint8),
            **asked('star', '', '').arguments,
            score_thr=0,
        )
        files = tmp_path / 'a.mp4', tmp_path / 'a.json'
        with pytest.raises(GeneratorExit), video_files(*files, FPS) as write:
            write(result)
            raise GeneratorExit
        assert not list(tmp_path.glob('*.mp4*'))

    def test_an_image_is_answered_between_two_frames(self, ask, video, image):
        events = ask.video(video, *fields(), REQUEST)
        next(events), next(events)
        assert 'star' in list(ask.image(image, *fields()))[-1][2]
        assert f'Done: {NUM_FRAMES} frames' in list(events)[-1][3]

    def test_frames_of_the_page_are_not_more_than_eyes_need(
        self, ask, video, monkeypatch
    ):
        monkeypatch.setattr(handlers, 'SHOWN_EVERY', 1e9)
        assert len(list(ask.video(video, *fields(), REQUEST))) <= 3

    def test_the_first_frame(self, video, tmp_path):
        assert first_frame(None) is None
        assert first_frame(video).shape == (*SIZE_HW, 3)
        with pytest.raises(ValueError, match='There is no video'):
            first_frame(str(tmp_path / 'absent.mp4'))

    @staticmethod
    def with_copies(events, folder):
        """The events; of files, which are gone later, copies are made."""
        for event in events:
            for button in event[5:7]:
                if path := button.get('value'):
                    (folder / Path(path).name).write_bytes(Path(path).read_bytes())
            yield event


class TestCamera:
    def test_no_frame_changes_nothing(self, ask):
        *shown, visit = ask.frame(None, 'star', '', 0.3, None)
        assert visit is None
        assert not any('value' in update for update in shown)

    @pytest.mark.parametrize('nothing', ['', None, ' \n'])
    def test_nothing_asked_shows_the_camera_and_says_so(
        self, ask, find, image, nothing
    ):
        seen, note, table, visit = ask.frame(image, nothing, nothing, 0.3, None)
        assert '<img' in seen
        assert 'Nothing is asked for yet.' in note
        assert (table, visit) == ('', None)
        assert find.tracked == []

    def test_one_session_while_the_question_is_the_same(self, ask, find, image):
        visit = None
        for number in (1, 2, 3):
            seen, note, table, visit = ask.frame(image, 'star', 'it', 0.3, visit)
            assert f'Frame {number}, answered in' in note
            assert all(word in table for word in ('star', 'it', '#0'))
        (tracked,) = find.tracked
        assert tracked == dict(
            categories=['star'], expression=['it'], box=None, mask=None
        )
        *_, note, table, _ = ask.frame(image, 'ring', 'it', 0.3, visit)
        assert 'Frame 1,' in note
        assert 'ring' in table
        assert len(find.tracked) == 2

    def test_the_threshold_is_for_names_and_may_move(self, ask, find, image):
        table, visit = ask.frame(image, 'star, ring', 'it', 0.0, None)[2:]
        assert 'What was found: 3' in table
        table, visit = ask.frame(image, 'star, ring', 'it', 0.95, visit)[2:]
        assert 'What was found: 1' in table
        assert len(find.tracked) == 1

    def test_what_cannot_be_tracked_is_said(self, ask, find, image):
        find.fail = SourceError('Videos need a UNINEXTVideo')
        with pytest.raises(gr.Error, match='Videos need a UNINEXTVideo'):
            ask.frame(image, 'star', '', 0.3, None)

    def test_a_real_network_sees_the_colours_of_the_camera(self):
        torch.manual_seed(0)
        find = UninextInferencer(build(small_video_config()).eval(), scale=None)
        ask = AskHandlers(SharedInferencer(find))
        frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
        asked = dict(categories='star, ring', expression='it')
        bgr = list(frames[..., ::-1])
        video = find(bgr, **asked, score_thr=0.1, as_video=True)
        visit = None
        for image, wanted in zip(frames, video):
            *_, table, visit = ask.frame(image, 'star, ring', 'it', 0.1, visit)
            assert len(wanted) > 0
            assert table.split('>', 1)[1] == instance_table(wanted).split('>', 1)[1]


class TestMarkHandlers:
    MARKS = MarkHandlers(lambda image: image)

    def test_clicks_make_a_box_and_are_taken_back(self, image):
        state = '', None
        for point in ([5, 6], [50, 40]):
            event = SimpleNamespace(index=point)
            *state, drawn = self.MARKS.click(image, *state, event)
            assert (drawn != image).any()
        assert state == ['5 6 50 40', None]
        boxes, corner, drawn = self.MARKS.undo(image, *state)
        assert (boxes, corner) == ('', None)
        assert (drawn == image).all()
        assert self.MARKS.clear(image)[:2] == ('', None)
        assert self.MARKS.clear(None)[2] is None

    def test_typed_boxes_are_drawn(self, image):
        corner, drawn = self.MARKS.redraw(image, '5 6 50 40\n1 2')
        assert corner is None
        assert (drawn != image).any()

    def test_what_is_looked_at_is_put_under_the_brush(self, image):
        shown = self.MARKS.under_brush(image)['image']
        assert shown['key'] == image_key(image)
        assert self.MARKS.under_brush(None)['image'] == {}


class OurImportError(ImportError):
    """As the package raises it."""

    __module__ = 'uninext.utils'


class TestErrors:
    @pytest.mark.parametrize(
        'error, text',
        [
            (SourceError('<b>what</b> to do'), '&lt;b&gt;what&lt;/b&gt; to do'),
            (OurImportError('pip install it'), 'pip install it'),
            (MemoryError(), 'smaller image'),
            (ValueError('secret of another package'), 'not your fault'),
            (RuntimeError('secret shape (3, 4)'), 'not your fault'),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_messages(self, error, text):
        with pytest.raises(gr.Error) as caught, errors.for_people():
            raise error
        assert text in caught.value.message
        assert 'secret' not in caught.value.message
        assert not caught.value.print_exception

    def test_what_broke_is_logged(self, caplog):
        with pytest.raises(gr.Error), errors.for_people():
            raise RuntimeError('where it broke')
        assert 'where it broke' in caplog.text

    def test_messages_pass_and_nothing_is_nothing(self):
        with errors.for_people():
            pass
        with pytest.raises(gr.Error, match='already'), errors.for_people():
            raise gr.Error('already')
