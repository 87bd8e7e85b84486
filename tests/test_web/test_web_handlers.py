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


from helpers.fake_finder import NOWHERE, FakeFinder
from helpers.small_uninext import build, small_video_config
from helpers.web_asking import REQUEST, SIZE_HW, asked, asking, fields
from uninext.apis import SourceError, UninextInferencer
from uninext.apis.images import SourceWarning
from uninext.web import errors, sessions
from uninext.web.handlers import MarkHandlers
from uninext.web.pages import instance_table
from uninext.web.shared_inferencer import (
    SharedInferencer,
)
from uninext.web.strokes import image_key
from uninext.web.uploads import Upload, read_upload


class TestImage:
    def test_says_that_it_looks_then_answers(self, ask, upload):
        events = ask.image(upload, *fields(), REQUEST)
        assert 'Looking' in next(events)[1]
        shown, note, table, *buttons = next(events)
        assert tuple(cv2.imread(shown)[-1, -1]) == (0, 0, 200)  # still red
        assert 'Answered in' in note
        assert 'star' in table
        assert [button['interactive'] for button in buttons] == [True, True]
        drawn, records = (Path(button['value']) for button in buttons)
        assert cv2.imread(str(drawn)).shape == (*SIZE_HW, 3)
        instances = json.loads(records.read_text())['instances']
        assert [i['label'] for i in instances] == ['star', 'ring']
        assert list(events) == []

    def test_says_what_is_not_there(self, ask, upload):
        *_, (_, note, table, *_) = ask.image(upload, *fields('star', NOWHERE), REQUEST)
        assert f'Not there: {NOWHERE}.' in note
        assert 'star' in table

    def test_threshold_and_prompts_arrive(self, ask, find, upload):
        list(ask.image(upload, *fields('', 'it', '1 1 9 9', thr=0.7), REQUEST))
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
    def test_thresholds_that_are_none_are_refused(self, upload, visits, threshold):
        find = UninextInferencer(build(small_video_config()), scale=None)
        ask = asking(find, visits)
        with pytest.raises(gr.Error, match='score_thr must be a number in 0..1'):
            list(ask.image(upload, *fields(thr=threshold), REQUEST))

    def test_a_painting_over_another_image_does_not_count(
        self, ask, find, image, upload
    ):
        for other in (image, image + 1):
            painting = dict(
                image=image_key(other),
                strokes=[dict(color=0, width=9, points=[[20, 20]])],
            )
            list(ask.image(upload, *fields(painting=painting), REQUEST))
        masks = [call['mask'] for call in find.calls]
        assert masks[0][0, 20, 20]
        assert masks[1] is None

    def test_a_painting_that_is_none_is_explained(self, ask, upload):
        with pytest.raises(gr.Error, match='A painting is JSON'):
            list(ask.image(upload, *fields(painting='[['), REQUEST))

    def test_a_cut_one_is_answered_and_said_so(self, ask, image, tmp_path):
        path = tmp_path / 'cut.jpg'
        noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
        content = cv2.imencode('.jpg', noise)[1].tobytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.warns(SourceWarning, match='is damaged'):
            (*_, last) = ask.image(Upload(str(path), 'mine.jpg'), *fields(), REQUEST)
        assert 'mine.jpg is damaged: its end is missing' in last[1]
        assert 'cut.jpg' not in last[1]

    def test_files_are_gone_when_the_session_has_ended(
        self, ask, upload, visits, monkeypatch
    ):
        (*_, last) = ask.image(upload, *fields(), REQUEST)
        files = [last[0], last[3]['value'], last[4]['value'], upload.path]
        visits.sweep()
        assert all(Path(file).is_file() for file in files)
        monkeypatch.setattr(sessions, 'GRACE', -1)
        visits.sweep()
        assert not any(Path(file).exists() for file in files)


class TestShownIn:
    @pytest.fixture
    def ask_both(self, ask, watch):
        """Last of what image and video say, asked with fields and another image."""

        def both(upload, video, *fields, shown_in):
            given = *fields, REQUEST, shown_in
            return [
                list(ask.image(upload, *given))[-1],
                *list(watch.track(video, *given))[-1:],
            ]

        return both

    def test_boxes_and_painting_are_of_it(self, ask_both, find, upload, video, photo):
        shown = read_upload(photo)
        stroke = dict(color=0, width=9, points=[[110, 70]])
        painting = dict(image=image_key(shown), strokes=[stroke])
        box = '100 2 118 70'  # outside of the image and of the video
        ask_both(upload, video, *fields('', '', box, painting), shown_in=photo)
        assert (len(find.calls), len(find.tracked)) == (1, 1)
        for call in (*find.calls, *find.tracked):
            assert (call['shown_in'] == shown[..., ::-1]).all()
            assert call['box'].tolist() == [[100, 2, 118, 70]]
            assert call['mask'].shape == (1, *shown.shape[:2])

    def test_nothing_marked_in_it_is_an_error(self, ask, watch, upload, video, photo):
        given = *fields('star'), REQUEST, photo
        for events in (ask.image(upload, *given), watch.track(video, *given)):
            with pytest.raises(
                gr.Error, match=r'in &quot;Shown in&quot;|in "Shown in"'
            ):
                list(events)

    def test_a_cut_one_is_said_so(self, ask_both, upload, video, photo):
        content = Path(photo.path).read_bytes()
        Path(photo.path).write_bytes(content[: len(content) // 2])
        asked = (*fields('', '', '2 2 9 9'),)
        with pytest.warns(SourceWarning, match='is damaged'):
            ends = ask_both(upload, video, *asked, shown_in=photo)
        assert 'photo.jpg is damaged' in ends[0][1]
        assert 'photo.jpg is damaged' in ends[1][3]

    def test_a_real_network_finds_what_python_finds(self, upload, visits, photo):
        torch.manual_seed(0)
        find = UninextInferencer(build(small_video_config()).eval(), scale=None)
        ask = asking(find, visits)
        box = '10 10 60 50'
        *_, (_, _, table, *_) = ask.image(upload, *fields('', '', box), REQUEST, photo)
        asked = dict(box=[10, 10, 60, 50], shown_in=photo.path)
        (wanted,) = find(upload.path, **asked)
        assert table.split('>', 1)[1] == instance_table(wanted).split('>', 1)[1]
        (itself,) = find(upload.path, box=asked['box'])
        assert abs(itself.boxes_xyxy - wanted.boxes_xyxy).max() > 0.1


def test_no_image_no_video_no_prompt(ask, watch, upload, video):
    for events, message in (
        (ask.image(None, *fields(), REQUEST), 'no image yet'),
        (ask.image(upload, *fields(''), REQUEST), 'Nothing is asked'),
        (watch.track(None, *fields(), REQUEST), 'no video yet'),
        (watch.track(video, *fields(''), REQUEST), 'Nothing is asked'),
    ):
        with pytest.raises(gr.Error, match=message):
            list(events)


@pytest.mark.parametrize(
    ('categories', 'note'),
    [('star, Star', 'asked for once: star.'), ('star, \u0e01', '\u0e01 is unknown')],
)
def test_notes_of_what_was_typed(ask, watch, image, upload, video, categories, note):
    *_, last = ask.image(upload, *fields(categories), REQUEST)
    assert note in last[1]
    _, shown, *_, end = watch.track(video, *fields(categories), REQUEST)
    assert note in shown[3]
    assert note in end[3]
    visit = None
    for _ in range(2):  # in every frame
        _, said, _, visit = ask.frame(image, categories, '', 0.3, visit)
        assert note in said


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

    def test_a_real_network_sees_the_colours_of_the_camera(self, visits):
        torch.manual_seed(0)
        find = UninextInferencer(build(small_video_config()).eval(), scale=None)
        ask = asking(find, visits)
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
    @pytest.fixture
    def marks(self, visits) -> MarkHandlers:
        return MarkHandlers(read_upload, visits)

    def test_clicks_make_a_box_and_are_taken_back(self, marks, upload, image):
        state = '', None
        given = upload, None
        for point in ([5, 6], [50, 40]):
            event = SimpleNamespace(index=point)
            *state, drawn = marks.click(*given, *state, event, REQUEST)
            assert is_marked(drawn, image)
        assert state == ['5 6 50 40', None]
        boxes, corner, drawn = marks.undo(*given, *state, REQUEST)
        assert (boxes, corner) == ('', None)
        assert not is_marked(drawn, image)
        assert marks.clear(*given, REQUEST)[:2] == ('', None)
        assert marks.clear(None, None, REQUEST)[2] is None

    def test_typed_boxes_are_drawn(self, marks, upload, image):
        corner, drawn = marks.redraw(upload, None, '5 6 50 40\n1 2', REQUEST)
        assert corner is None
        assert is_marked(drawn, image)

    def test_what_is_looked_at_is_put_under_the_brush(self, marks, upload, image):
        shown = marks.under_brush(upload, None, REQUEST)['image']
        assert shown['key'] == image_key(image)
        assert marks.under_brush(None, None, REQUEST)['image'] == {}

    def test_another_image_is_marked_where_one_is_given(self, marks, upload, photo):
        event = SimpleNamespace(index=[100, 10])  # outside of the first image
        boxes, corner, drawn = marks.click(upload, photo, '', None, event, REQUEST)
        assert (boxes, corner) == ('', (100, 10))
        assert is_marked(drawn, read_upload(photo))
        brushed = marks.under_brush(upload, photo, REQUEST)['image']
        assert brushed['key'] == image_key(read_upload(photo))

    def test_another_source_leaves_what_another_image_shows(self, marks, upload, photo):
        kept = marks.new_source(upload, photo, REQUEST)
        assert not any('value' in update for update in kept)
        boxes, corner, drawn = marks.new_source(upload, None, REQUEST)
        assert (boxes, corner) == ('', None)
        assert not is_marked(drawn, read_upload(upload))

    def test_an_example_is_marked_itself(self, marks, upload, image):
        shown_in, corner, drawn = marks.example(upload, '5 6 50 40', REQUEST)
        assert (shown_in, corner) == (None, None)
        assert is_marked(drawn, image)


def is_marked(file: str, image: np.ndarray) -> bool:
    """Whether a JPEG file differs from an image by more than JPEG does."""
    return bool((cv2.absdiff(cv2.imread(file), image[..., ::-1]) > 40).any())


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
