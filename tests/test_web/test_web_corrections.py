"""A track of a video is corrected: clicked, typed, painted, and tracked on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

gr = pytest.importorskip('gradio')

from helpers.fake_finder import FakeFinder
from helpers.painted_inferencer import BLUE, GREEN, RED, PaintedVideos, moved, movie
from helpers.painted_world import HEIGHT, WIDTH
from helpers.web_asking import REQUEST, fields, watching
from uninext.apis import UninextInferencer
from uninext.web import runs, sessions
from uninext.web.corrections import (
    NO_VIDEO_YET,
    CorrectionHandlers,
    shown_by,
    track_at,
)
from uninext.web.marks import draw_correction
from uninext.web.prompts import box_text
from uninext.web.shared_inferencer import SharedInferencer, enlargement, frame_of
from uninext.web.strokes import image_key
from uninext.web.uploads import Upload

NUM_FRAMES = 4


@pytest.fixture
def film(tmp_path) -> Upload:
    path = str(tmp_path / 'a1b2.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'png '), 5, (WIDTH, HEIGHT))
    for one in movie(NUM_FRAMES):
        writer.write(one)
    writer.release()
    return Upload(path, 'film.avi')


@pytest.fixture
def find() -> UninextInferencer:
    """Follows colours."""
    model = PaintedVideos()
    model.prompt_generator = SimpleNamespace(remarks=lambda prompt: [])
    return UninextInferencer(model, scale=None)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """The visitor stays, however slow the machine is."""
    monkeypatch.setattr(sessions, 'PATIENCE', float('inf'))


@pytest.fixture
def run(watch, film) -> runs.Run:
    """The red one is followed as track 0, the blue one as track 1."""
    boxes = f'{box_text(RED)}\n{box_text(BLUE)}'
    return list(watch.track(film, *fields('', '', boxes), REQUEST))[-1].run


@pytest.fixture
def corrections(find, visits) -> CorrectionHandlers:
    return CorrectionHandlers(SharedInferencer(find), visits)


def frames_of(run) -> list[dict]:
    return json.loads(run.records.read_text())['frames']


def places(run) -> dict[int, list]:
    """Track -> its boxes in whole pixels."""
    found: dict[int, list] = {}
    for frame in frames_of(run):
        for one in frame['instances']:
            box = tuple(np.rint(one['box_xyxy']).astype(int).tolist())
            found.setdefault(one['track_id'], []).append(box)
    return found


def stroke_over(box, image) -> dict:
    x1, y1, x2, y2 = box
    middle = (y1 + y2) / 2
    stroke = dict(color=1, width=y2 - y1, points=[[x1 + 9, middle], [x2 - 9, middle]])
    return dict(image=image_key(image), strokes=[stroke])


class TestCorrect:
    @pytest.mark.parametrize('frame', [0, 1, 3])
    def test_the_id_stays_and_the_rest_follows(self, watch, run, film, frame):
        event = box_text(moved(GREEN, frame))
        *_, end = watch.correct(run, frame, 0, event, None, REQUEST)
        red = [moved(RED, i) for i in range(frame)]
        green = [moved(GREEN, i) for i in range(frame, NUM_FRAMES)]
        assert places(end.run) == {0: red + green, 1: [BLUE] * NUM_FRAMES}
        assert frames_of(end.run)[frame]['instances'][0]['score'] == 1
        assert frames_of(end.run)[:frame] == frames_of(run)[:frame]
        assert f'Done: {NUM_FRAMES} frames' in end.status
        assert end.frame['value'] == frame
        assert end.run.records != run.records

    def test_as_python_does(self, watch, run, film, find):
        shown = list(moved(GREEN, 2))
        *_, end = watch.correct(run, 2, 0, box_text(shown), None, REQUEST)
        steps = [
            dict(box=[list(RED), list(BLUE)]),
            dict(frame=2, correct=0, box=shown),
        ]
        wanted = [one.to_dict() for one in find(film.path, prompts=steps)]
        assert frames_of(end.run) == json.loads(json.dumps(wanted))

    def test_by_a_painting(self, watch, run, film):
        painting = stroke_over(moved(GREEN, 1), frame_of(film.path, 1))
        *_, end = watch.correct(run, 1, 0, '', painting, REQUEST)
        assert places(end.run)[0][2:] == [moved(GREEN, 2), moved(GREEN, 3)]
        *_, end = watch.correct(
            run, 1, 0, box_text(BLUE), dict(painting, image='x'), REQUEST
        )
        assert places(end.run)[0][1:] == [BLUE] * 3  # painted over something else

    def test_again_and_another_track(self, watch, run):
        *_, end = watch.correct(run, 1, 0, box_text(moved(GREEN, 1)), None, REQUEST)
        *_, end = watch.correct(end.run, 1, 1, box_text(moved(RED, 1)), None, REQUEST)
        green, red = ([moved(box, i) for i in range(4)] for box in (GREEN, RED))
        assert places(end.run) == {0: [RED, *green[1:]], 1: [BLUE, *red[1:]]}
        *_, end = watch.correct(end.run, 2, 0, box_text(BLUE), None, REQUEST)
        assert places(end.run) == {0: [RED, green[1], BLUE, BLUE], 1: [BLUE, *red[1:]]}
        *_, end = watch.correct(end.run, 1, 0, box_text(red[1]), None, REQUEST)
        assert places(end.run)[0] == red  # the correction of frame 2 is forgotten
        assert 'later frames are gone: #0 in frame 2. Make them again' in end.status
        *_, end = watch.correct(end.run, 3, 0, box_text(red[3]), None, REQUEST)
        assert 'are gone' not in end.status

    @pytest.mark.parametrize('most', [1, 2])
    def test_a_long_video_is_tracked_from_the_last_saved_state(
        self, watch, film, monkeypatch, most
    ):
        monkeypatch.setattr(runs, 'MOST_STATES', most)
        (*_, end) = watch.track(film, *fields('', '', box_text(RED)), REQUEST)
        for frame in (3, 1, 2):
            (*_, end) = watch.correct(
                end.run, frame, 0, box_text(moved(GREEN, frame)), None, REQUEST
            )
        red, green = ([moved(box, i) for i in range(4)] for box in (RED, GREEN))
        assert places(end.run)[0] == [red[0], *green[1:]]

    def test_only_what_follows_goes_through_the_network(self, watch, run, find):
        seen = []
        extract = find.model.extract_feat
        find.model.extract_feat = lambda images: seen.append(1) or extract(images)
        list(watch.correct(run, 3, 0, box_text(moved(GREEN, 3)), None, REQUEST))
        assert len(seen) <= 1

    def test_one_that_was_stopped_goes_on_to_its_end(self, watch, film):
        events = watch.track(film, *fields('', '', box_text(RED)), REQUEST)
        next(events), next(events)
        watch.stop(REQUEST)
        (end,) = events
        assert end.run.num_frames == 1
        (*_, end) = watch.correct(end.run, 0, 0, box_text(GREEN), None, REQUEST)
        assert places(end.run) == {0: [moved(GREEN, i) for i in range(NUM_FRAMES)]}

    def test_categories_and_what_another_image_shows(self, watch, film, tmp_path):
        photo = str(tmp_path / 'photo.png')
        cv2.imwrite(photo, movie(1)[0])
        asked = *fields('blue', 'green', box_text(RED)), REQUEST, Upload(photo, 'p.png')
        (*_, end) = watch.track(film, *asked)
        found = frames_of(end.run)[0]['instances']
        ids = {one['label']: one['track_id'] for one in found}
        assert ids.keys() == {'blue', 'green', 'target'}
        shown = moved(GREEN, 2)
        (*_, end) = watch.correct(
            end.run, 2, ids['target'], box_text(shown), None, REQUEST
        )
        assert places(end.run)[ids['target']][2:] == [shown, moved(GREEN, 3)]
        assert places(end.run)[ids['blue']] == [BLUE] * NUM_FRAMES

    @pytest.mark.parametrize(
        ('frame', 'track', 'box', 'message'),
        [
            (1, None, '1 1 9 9', 'No track is chosen'),
            (1, 0, '', 'Show where the track is: by one box, or by a painting'),
            (1, 0, '1 1 9 9\n2 2 9 9', 'by one box'),
            (1, 0, 'here', 'a box is four numbers'),
            (1, 7, '1 1 9 9', r'no track 7; there are \[0, 1\].*anew, by its box'),
            (4, 0, '1 1 9 9', 'Frame 4 is none of 0 to 3'),
            (1, 0, '500 1 900 9', 'no area inside'),
        ],
    )
    def test_what_is_wrong_is_said_and_can_be_tried_again(
        self, watch, run, frame, track, box, message
    ):
        with pytest.raises(gr.Error, match=message):
            list(watch.correct(run, frame, track, box, None, REQUEST))
        *_, end = watch.correct(run, 3, 0, box_text(moved(GREEN, 3)), None, REQUEST)
        assert places(end.run)[0][2:] == [moved(RED, 2), moved(GREEN, 3)]

    def test_a_box_and_a_painting_are_refused(self, watch, run, film):
        painting = stroke_over(BLUE, frame_of(film.path, 1))
        with pytest.raises(gr.Error, match='not by both'):
            list(watch.correct(run, 1, 0, '1 1 9 9', painting, REQUEST))

    def test_nothing_was_tracked(self, watch):
        with pytest.raises(gr.Error, match='Track a video first'):
            list(watch.correct(None, 0, 0, '1 1 9 9', None, REQUEST))

    def test_files_that_went(self, watch, run):
        run.records.unlink()
        with pytest.raises(gr.Error, match='Track the video again'):
            list(watch.correct(run, 1, 0, '1 1 9 9', None, REQUEST))


class TestClicks:
    def test_nothing_was_tracked(self, corrections):
        shown = corrections.show(None, 0, REQUEST)
        assert (shown.view, shown.note, shown.draft) == (None, NO_VIDEO_YET, None)
        clicked = corrections.click(None, None, None, '', SimpleNamespace(), REQUEST)
        assert 'value' not in clicked.view

    def test_a_click_chooses_a_track_another_says_where_it_is(
        self, corrections, run, film, watch
    ):
        shown = corrections.show(run, 1, REQUEST)
        assert shown.painting['image']['key'] == image_key(frame_of(film.path, 1))
        assert (shown.track, shown.box) == (None, '')
        assert 'Click on the track that is wrong' in shown.note
        state = shown.draft, None, ''

        def click(x, y):
            nonlocal state
            image = state[0].read()
            times = enlargement(image)
            event = SimpleNamespace(index=[round(x * times), round(y * times)])
            done = corrections.click(run, *state, event, REQUEST)
            state = done.draft, done.track, done.box
            return done

        assert click(2, 70).track is None  # nothing is there
        done = click(20, 20)
        assert (done.track, done.box) == (0, '')
        assert 'Track #0: click on where it is' in done.note
        done = click(80, 40)  # the green one; the box is that of what is there
        assert done.track == 0
        assert done.box == box_text(moved(GREEN, 1))
        assert 'white box' in done.note
        assert click(80, 40).box == done.box  # a double click
        assert click(90, 50).box == '80 40 90 50'  # corners
        done = click(80, 40)  # and once more
        (*_, end) = watch.correct(run, 1, done.track, done.box, None, REQUEST)
        assert places(end.run)[0][1:] == [moved(GREEN, i) for i in (1, 2, 3)]

    def test_where_nothing_is_found_the_box_is_as_large_as_the_track(
        self, corrections, run
    ):
        draft = corrections.show(run, 3, REQUEST).draft
        event = SimpleNamespace(index=[0, 0])
        width, height = BLUE[2] - BLUE[0], BLUE[3] - BLUE[1]
        box = corrections.click(run, draft, 1, '', event, REQUEST).box
        assert box == f'0 0 {width // 2} {height // 2}'  # what is inside

    def test_a_frame_whose_file_went(self, corrections, run):
        draft = corrections.show(run, 0, REQUEST).draft
        Path(draft.image).unlink()
        event = SimpleNamespace(index=[0, 0])
        with pytest.raises(gr.Error, match='Track the video again'):
            corrections.click(run, draft, None, '', event, REQUEST)

    def test_typed_ones_are_drawn(self, corrections, run):
        shown = corrections.show(run, 2, REQUEST)
        typed = corrections.typed(run, shown.draft, 1, '10 60 40 78', REQUEST)
        assert 'Track #1 is put where the white box is' in typed.note
        assert 'value' not in typed.box
        before, after = cv2.imread(shown.view), cv2.imread(typed.view)
        assert (cv2.absdiff(before, after) > 60).any()
        assert Path(typed.view).parent != Path(shown.view).parent

    def test_another_frame_forgets_what_was_clicked(self, corrections, run):
        shown = corrections.show(run, 99, REQUEST)  # the run before was longer
        assert shown.draft.frame == NUM_FRAMES - 1
        assert (shown.track, shown.box, shown.draft.corner) == (None, '', None)


class TestTrackAt:
    def test_the_smallest_that_is_seen_there(self, run):
        content, image = list(run.read())[0], movie(1)[0]
        found = run.result(content, image)
        assert track_at(found, (10, 10)) == 0
        assert track_at(found, (50, 5)) == 1
        assert track_at(found, (0, 0)) is None
        assert track_at(found.only(np.array([], int)), (10, 10)) is None
        found.masks = None
        found.boxes_xyxy[1] = 9, 9, 12, 12
        assert track_at(found, (10, 10)) == 1
        found.track_ids[1] = -1  # a tracker that is not sure yet
        assert track_at(found, (10, 10)) == 0


def test_the_track_that_is_chosen_is_drawn_alone(run):
    content, image = list(run.read())[0], movie(1)[0]
    found = run.result(content, image)
    nothing = np.zeros((0, 4))
    both = draw_correction(found, None, nothing, None)
    one = draw_correction(found, 0, nothing, None)
    lost = draw_correction(found, 9, nothing, None)
    x, y = (round(value * enlargement(image)) for value in (54, 6))  # of the blue one
    assert (both[y, x] != one[y, x]).any()
    assert (lost[y, x] == one[y, x]).all()
    boxed = draw_correction(found, 9, np.array([[10.0, 50, 40, 70]]), (60, 60))
    assert (boxed != lost).any(-1).sum() > 100


def test_shown_by_joins_the_colours_of_a_painting(run, film):
    image = frame_of(film.path, 0)
    strokes = [stroke_over(box, image)['strokes'][0] for box in (RED, GREEN)]
    strokes[1]['color'] = 2
    shown = shown_by(run, 0, None, dict(strokes=strokes))
    assert shown.keys() == {'mask'}
    assert shown['mask'].shape == (HEIGHT, WIDTH)
    assert shown['mask'][20, 20] and shown['mask'][30, 90]


def test_one_that_cannot_be_saved_is_tracked_from_the_first_frame(
    visits, upload, video
):
    find = FakeFinder()
    find.can_be_saved = False
    watch = watching(find, visits)
    (*_, end) = watch.track(video, *fields('star'), REQUEST)
    seen = find.frames_seen
    (*_, end) = watch.correct(end.run, 3, 0, '30 30 50 50', None, REQUEST)
    assert find.frames_seen == 2 * seen
    assert places(end.run)[0] == [(0, 0, 20, 20)] * 3 + [(30, 30, 50, 50)] * 2
