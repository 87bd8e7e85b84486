"""Images and videos answered without a page: files, progress, turns, stopping."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

gr = pytest.importorskip('gradio')


from helpers.fake_finder import FakeFinder
from helpers.small_uninext import build, small_video_config
from uninext.apis import UninextInferencer, read_frames
from uninext.utils.video_writer import VideoWriter
from uninext.web import errors, handlers
from uninext.web.answers import (
    Answering,
    FrameAnswer,
    Stops,
    VideoAnswer,
    first_frame,
    plot_for_page,
    read_header,
)
from uninext.web.handlers import AskHandlers, MarkHandlers
from uninext.web.prompts import read_prompts
from uninext.web.strokes import image_key

SIZE_HW = (64, 96)
NUM_FRAMES = 5
FPS = 8


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


def asked(categories='star, ring', expressions='', boxes=''):
    return read_prompts(categories, expressions, boxes, None, SIZE_HW)


class TestImage:
    def test_files_and_table(self, image, tmp_path):
        answer = Answering(FakeFinder()).image(image, asked(), 0.3, tmp_path)
        assert tuple(answer.image[-1, -1]) == (200, 0, 0)  # still RGB
        drawn, records = answer.files
        assert cv2.imread(str(drawn)).shape == (*SIZE_HW, 3)
        instances = json.loads(records.read_text())['instances']
        assert [i['label'] for i in instances] == ['star', 'ring']
        assert 'star' in answer.table

    def test_threshold_and_prompts_arrive(self, image, tmp_path):
        find = FakeFinder()
        Answering(find).image(image, asked('', 'it', '1 1 9 9'), 0.7, tmp_path)
        (call,) = find.calls
        assert call['score_thr'] == 0.7
        assert call['categories'] is None
        assert call['expression'] == ['it']

    def test_users_take_turns(self, image, tmp_path):
        find = FakeFinder(seconds=0.02)
        answering = Answering(find)
        threads = []
        for i in range(4):
            folder = tmp_path / str(i)
            folder.mkdir()
            given = image, asked(), 0.3, folder
            threads.append(threading.Thread(target=answering.image, args=given))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(find.calls) == 4
        assert find.most_running == 1


class TestPlotForPage:
    def plotted(self, size_hw, masks=True):
        image = np.zeros((*size_hw, 3), np.uint8)
        box = read_prompts('', '', '10 20 40 40', None, size_hw).arguments()
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
        (result,) = FakeFinder()(image, **asked('star').arguments(), score_thr=1.0)
        assert (plot_for_page(result) == image[0, 0]).all()


class TestVideo:
    def test_every_frame_is_in_the_files(self, video, tmp_path):
        events = self.track(FakeFinder(), video, tmp_path)
        *frames, answer = events
        assert frames
        assert all(isinstance(f, FrameAnswer) for f in frames)
        assert frames[0].done == 1
        assert frames[0].total == NUM_FRAMES
        assert frames[0].fps > 0
        assert isinstance(answer, VideoAnswer)
        assert (answer.done, answer.stopped) == (NUM_FRAMES, False)
        assert '5 (0-4)' in answer.table
        assert len(list(read_frames(answer.files[0]))) == NUM_FRAMES
        assert read_header(answer.files[0]).fps == FPS
        content = json.loads(answer.files[1].read_text())
        assert [f['frame'] for f in content['frames']] == list(range(NUM_FRAMES))
        assert content['fps'] == FPS

    def test_stopped_in_between_keeps_what_is_done(self, video, tmp_path):
        stop = threading.Event()
        stop.set()
        answer = self.track(FakeFinder(), video, tmp_path, stop)[-1]
        assert (answer.done, answer.stopped) == (1, True)
        assert len(list(read_frames(answer.files[0]))) == 1
        assert len(json.loads(answer.files[1].read_text())['frames']) == 1

    def test_a_visitor_who_leaves_leaves_no_video(self, video, tmp_path):
        given = video, asked(), 0.3, tmp_path, threading.Event()
        events = Answering(FakeFinder()).video(*given)
        next(events)
        events.close()
        assert not list(tmp_path.glob('*.mp4*'))

    def test_an_image_is_answered_between_two_frames(self, video, image, tmp_path):
        answering = Answering(FakeFinder())
        given = video, asked(), 0.3, tmp_path, threading.Event()
        events = answering.video(*given)
        next(events)
        assert answering.image(image, asked(), 0.3, tmp_path).table
        assert list(events)[-1].done == NUM_FRAMES

    def test_frames_of_the_page_are_not_more_than_eyes_need(
        self, video, tmp_path, monkeypatch
    ):
        monkeypatch.setattr('uninext.web.answers.SHOWN_EVERY', 100.0)
        assert len(self.track(FakeFinder(), video, tmp_path)) <= 2

    def test_header_and_first_frame(self, video, tmp_path):
        assert read_header(video) == (FPS, NUM_FRAMES)
        assert read_header(tmp_path / 'absent.mp4') == (None, None)
        assert first_frame(None) is None
        assert first_frame(video).shape == (*SIZE_HW, 3)
        with pytest.raises(ValueError, match='There is no video'):
            first_frame(str(tmp_path / 'absent.mp4'))

    @staticmethod
    def track(find, video, folder, stop=None):
        stop = stop or threading.Event()
        return list(Answering(find).video(video, asked(), 0.3, folder, stop))


class TestStops:
    def test_only_the_own_video_stops(self):
        stops = Stops()
        stops.ask('nobody')
        mine, yours = stops.begin('me'), stops.begin('you')
        stops.ask('me')
        assert mine.is_set()
        assert not yours.is_set()
        stops.end('you')
        stops.ask('you')
        assert not yours.is_set()
        assert not stops.begin('me').is_set()


class TestAskHandlers:
    REQUEST = SimpleNamespace(session_hash='me')

    def ask(self, find=None):
        return AskHandlers(Answering(find or FakeFinder()))

    def test_image_says_that_it_looks_then_answers(self, image):
        first, last = self.ask().image(image, 'star', '', '', None, 0.3)
        assert 'Looking' in first[1]
        assert last[0].shape[2] == 3
        assert 'Answered in' in last[1]
        assert [button['interactive'] for button in last[3:]] == [True, True]

    def test_a_name_that_is_typed_twice_is_asked_once_and_told(self, image, video):
        find = FakeFinder()
        *_, last = self.ask(find).image(image, 'star, Star', '', '', None, 0.3)
        assert 'asked for once: star.' in last[1]
        events = self.ask(find).video(
            *(video, 'star, Star', '', '', None, 0.3, self.REQUEST)
        )
        _, shown, *_, end = events
        assert 'asked for once: star.' in shown[3]
        assert 'asked for once: star.' in end[3]
        assert [call['categories'] for call in find.calls] == [['star']] * 2

    def test_what_the_model_does_not_understand_is_told(self, image, video):
        asked = ('star, \u0e01', '', '', None, 0.3)
        *_, last = self.ask().image(image, *asked)
        assert '\u0e01 is unknown' in last[1]
        *_, end = self.ask().video(video, *asked, self.REQUEST)
        assert '\u0e01 is unknown' in end[3]

    @pytest.mark.parametrize('threshold', [2, -1, float('nan'), '0.5'])
    def test_thresholds_that_are_none_are_refused(self, image, threshold):
        find = UninextInferencer(build(small_video_config()), scale=None)
        with pytest.raises(gr.Error, match='score_thr must be a number in 0..1'):
            list(self.ask(find).image(image, 'star', '', '', None, threshold))

    def test_files_are_there_while_sent_and_gone_after(self, image):
        answers = self.ask().image(image, 'star', '', '', None, 0.3)
        next(answers)
        paths = [Path(button['value']) for button in next(answers)[3:]]
        assert all(path.is_file() for path in paths)
        assert list(answers) == []
        assert not any(path.parent.exists() for path in paths)

    def test_no_image_no_video_no_prompt(self, image, video):
        ask = self.ask()
        with pytest.raises(gr.Error, match='no image yet'):
            list(ask.image(None, 'star', '', '', None, 0.3))
        with pytest.raises(gr.Error, match='Nothing is asked'):
            list(ask.image(image, '', '', '', None, 0.3))
        with pytest.raises(gr.Error, match='no video yet'):
            list(ask.video(None, 'star', '', '', None, 0.3, self.REQUEST))
        with pytest.raises(gr.Error, match='Nothing is asked'):
            list(ask.video(video, '', '', '', None, 0.3, self.REQUEST))

    def test_a_painting_over_another_image_does_not_count(self, image):
        find = FakeFinder()
        for other in (image, image + 1):
            painting = dict(
                image=image_key(other),
                strokes=[dict(color=0, width=9, points=[[20, 20]])],
            )
            list(self.ask(find).image(image, 'a', '', '', painting, 0.3))
        masks = [call['mask'] for call in find.calls]
        assert masks[0][0, 20, 20]
        assert masks[1] is None

    def test_a_painting_that_is_none_is_explained(self, image):
        with pytest.raises(gr.Error, match='A painting is JSON'):
            list(self.ask().image(image, 'a', '', '', '[[', 0.3))

    def test_video_from_start_to_end(self, video):
        ask = self.ask()
        events = list(ask.video(video, 'a', '', '', None, 0.3, self.REQUEST))
        started, shown, end = events[0], events[1], events[-1]
        assert started[0]['selected'] == handlers.LIVE
        assert started[-1]['interactive']  # the button to stop
        assert 'src="data:image/jpeg;base64,' in shown[1]
        assert 'Frame 1 of 5' in shown[3]
        assert end[0]['selected'] == handlers.WHOLE
        assert 'Done: 5 frames' in end[3]
        assert not end[-1]['interactive']
        assert {len(event) for event in events} == {9}

    def test_stop_while_it_runs(self, video):
        ask = self.ask()
        events = ask.video(video, 'a', '', '', None, 0.3, self.REQUEST)
        next(events), next(events)
        ask.stop(self.REQUEST)
        assert 'Stopped: 1 frames' in list(events)[-1][3]


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


class TestErrors:
    @pytest.mark.parametrize(
        'error, text',
        [
            (ValueError('<b>what</b> to do'), '&lt;b&gt;what&lt;/b&gt; to do'),
            (ImportError('pip install it'), 'pip install it'),
            (MemoryError(), 'smaller image'),
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
