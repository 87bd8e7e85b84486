"""What the page does with videos, frame by frame; what it shows of a prediction."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.fake_finder import FakeFinder
from helpers.web_asking import (
    FPS,
    NUM_FRAMES,
    REQUEST,
    SIZE_HW,
    asked,
    fields,
    watching,
)
from uninext.apis import SourceError, read_frames
from uninext.apis.video import read_header
from uninext.web import sessions, videos
from uninext.web.prompts import read_prompts
from uninext.web.runs import video_files
from uninext.web.shared_inferencer import frame_of, plot_for_page
from uninext.web.uploads import Upload
from uninext.web.videos import first_frame_of


class TestVideo:
    def test_from_start_to_end(self, watch, video, tmp_path):
        events = watch.track(video, *fields(), REQUEST)
        started, shown = next(events), next(events)
        assert started.tab['selected'] == videos.LIVE
        assert started.stop['interactive']
        assert not started.ask['interactive'] and not started.correct['interactive']
        assert 'src="data:image/jpeg;base64,' in shown.live
        assert f'Frame 1 of {NUM_FRAMES}' in shown.status
        (*_, end) = list(self.with_copies(events, tmp_path))
        assert end.tab['selected'] == videos.WHOLE
        assert f'Done: {NUM_FRAMES} frames' in end.status
        assert '5 (0-4)' in end.table
        assert end.ask['interactive'] and end.correct['interactive']
        assert not end.stop['interactive']
        assert (end.frame['value'], end.frame['maximum']) == (0, NUM_FRAMES - 1)
        assert end.run.num_frames == NUM_FRAMES
        whole = tmp_path / 'uninext.mp4'
        assert len(list(read_frames(whole))) == NUM_FRAMES
        assert read_header(whole).fps == FPS
        content = json.loads((tmp_path / 'uninext.json').read_text())
        assert [f['frame'] for f in content['frames']] == list(range(NUM_FRAMES))
        assert content['fps'] == FPS

    def test_stopped_in_between_keeps_what_is_done(self, watch, video, tmp_path):
        events = watch.track(video, *fields(), REQUEST)
        next(events), next(events)
        watch.stop(SimpleNamespace(session_hash='nobody'))
        watch.stop(REQUEST)
        (end,) = self.with_copies(events, tmp_path)
        assert 'Stopped: 1 frames' in end.status
        assert end.frame['value'] == 0  # where it was stopped
        assert len(list(read_frames(tmp_path / 'uninext.mp4'))) == 1
        assert len(json.loads((tmp_path / 'uninext.json').read_text())['frames']) == 1
        watch.stop(REQUEST)  # of the next one nothing is known yet
        assert 'Done' in list(watch.track(video, *fields(), REQUEST))[-1].status

    def test_a_stop_is_for_the_own_video_only(self, watch, video):
        other = SimpleNamespace(session_hash='other')
        events = [watch.track(video, *fields(), who) for who in (REQUEST, other)]
        for one in events:
            next(one)
        watch.stop(other)
        ends = [list(one)[-1].status for one in events]
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

    def test_an_image_is_answered_between_two_frames(self, ask, watch, video, upload):
        events = watch.track(video, *fields(), REQUEST)
        next(events), next(events)
        assert 'star' in list(ask.image(upload, *fields(), REQUEST))[-1][2]
        assert f'Done: {NUM_FRAMES} frames' in list(events)[-1].status

    def test_frames_of_the_page_are_not_more_than_eyes_need(
        self, watch, video, monkeypatch
    ):
        monkeypatch.setattr(videos, 'SHOWN_EVERY', 1e9)
        assert len(list(watch.track(video, *fields(), REQUEST))) <= 3

    def test_the_first_frame(self, video, tmp_path):
        assert first_frame_of(None) is None
        assert first_frame_of(video).shape == (*SIZE_HW, 3)
        frames = list(read_frames(video.path))
        for number, frame in enumerate(frames):
            assert (frame_of(video.path, number) == frame[..., ::-1]).all()
        with pytest.raises(SourceError, match=f'has no frame {NUM_FRAMES}'):
            frame_of(video.path, NUM_FRAMES)
        with pytest.raises(SourceError, match=r'There is no video mine\.mp4\.'):
            first_frame_of(Upload(str(tmp_path / 'absent.mp4'), 'mine.mp4'))

    def test_a_visitor_who_has_left_frees_the_network(
        self, watch, find, video, visits, monkeypatch
    ):
        monkeypatch.setattr(sessions, 'PATIENCE', -1)
        with visits.connected('me'):
            events = watch.track(video, *fields(), REQUEST)
            next(events), next(events)
        assert list(events) == []
        assert find.frames_seen == 1

    @pytest.mark.parametrize('has_times, num_frames', [(True, 4), (False, 3)])
    def test_one_whose_header_does_not_tell_ends_at_the_limit(
        self, find, video, visits, tmp_path, has_times, num_frames
    ):
        find.has_times = has_times
        watch = watching(find, visits, max_video_seconds=2.5 / FPS)
        (*_, end) = self.with_copies(watch.track(video, *fields(), REQUEST), tmp_path)
        assert f'Stopped: {num_frames} frames' in end.status
        assert 'clip.mp4 is longer than 0.3125 s. (--max-video-seconds' in end.status

    def test_one_that_breaks_off_is_said_so(self, watch, video, tmp_path, monkeypatch):
        monkeypatch.setattr(videos, 'part_read', lambda path, count: f'{count} of 9')
        (*_, end) = watch.track(video, *fields(), REQUEST)
        assert 'clip.mp4 is damaged: 5 of 9 could be read.' in end.status

    @staticmethod
    def with_copies(events, folder):
        """The events; of files, which are gone later, copies are made."""
        for event in events:
            for button in (event.video, event.records):
                if path := button.get('value'):
                    (folder / Path(path).name).write_bytes(Path(path).read_bytes())
            yield event


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
