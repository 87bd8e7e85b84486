"""Runs of videos: states by frame, what was found, and what is corrected in them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('gradio')

from helpers.made_up_results import make_video
from helpers.web_asking import asked
from uninext.web import runs
from uninext.web.runs import Run, SavedStates, video_files
from uninext.web.uploads import Upload


def states_of(folder, numbers, **given) -> SavedStates:
    folder.mkdir(exist_ok=True)
    states = SavedStates(folder, **given)
    for number in numbers:
        states.keep(number, lambda number=number: dict(number=number, of=folder.name))
    return states


class TestSavedStates:
    def test_none(self, tmp_path):
        assert SavedStates(tmp_path).newest(7) == (0, None)

    def test_the_newest_up_to_a_frame(self, tmp_path):
        states = states_of(tmp_path / 'a', range(1, 4))
        assert states.newest(0) == (0, None)
        assert states.newest(2) == (2, dict(number=2, of='a'))
        assert states.newest(9) == (3, dict(number=3, of='a'))

    def test_a_long_video_has_no_more_of_them(self, tmp_path, monkeypatch):
        monkeypatch.setattr(runs, 'MOST_STATES', 4)
        states = states_of(tmp_path / 'a', range(100))
        assert len(list((tmp_path / 'a').iterdir())) <= 4
        for frame in range(100):
            number, state = states.newest(frame)
            assert frame - 32 < number <= frame
            assert state == dict(number=number, of='a')

    def test_a_later_run_has_those_before_its_correction(self, tmp_path, monkeypatch):
        monkeypatch.setattr(runs, 'MOST_STATES', 4)
        earlier = states_of(tmp_path / 'a', range(4))
        given = dict(earlier=earlier, until=2)
        states = states_of(tmp_path / 'b', range(2, 9), **given)
        assert states.newest(2) == (0, dict(number=0, of='a'))  # thinned out
        assert states.newest(8) == (8, dict(number=8, of='b'))
        assert earlier.newest(3) == (3, dict(number=3, of='a'))

    def test_one_that_cannot_be_saved_is_left_out(self, tmp_path):
        def refuse():
            raise ValueError('The session cannot be saved')

        states = SavedStates(tmp_path)
        states.keep(0, refuse)
        assert states.newest(5) == (0, None)

    def test_files_that_went_are_an_error_that_says_what_to_do(self, tmp_path):
        states = states_of(tmp_path / 'a', [0])
        (tmp_path / 'a' / 'state_0.pt').unlink()
        with pytest.raises(ValueError, match='Track the video again'):
            states.newest(0)


class TestRun:
    @pytest.fixture
    def results(self):
        return make_video()

    @pytest.fixture
    def run(self, results, tmp_path) -> Run:
        files = tmp_path / 'a.mp4', tmp_path / 'a.json'
        with video_files(*files, 8) as write:
            for result in results:
                write(result)
        return Run(
            *(Upload('v.mp4', 'v.mp4'), asked('star', '', ''), 0.3, files[1]),
            states=states_of(tmp_path, range(4)),
            asked=results[0].prompts,
            num_frames=len(results),
        )

    def test_what_was_found_is_read_back(self, run, results):
        contents = list(run.read())
        assert len(contents) == len(results)
        for content, wanted in zip(contents, results):
            found = run.result(content, wanted.image)
            assert found.to_dict() == wanted.to_dict() == content
            assert np.array_equal(found.masks, wanted.masks)

    def test_the_file_went(self, run):
        run.records.unlink()
        with pytest.raises(ValueError, match='no longer here'):
            list(run.read())

    def test_corrections_of_later_frames_are_forgotten(self, run, tmp_path):
        folder = tmp_path / 'b'
        box, other = dict(box=np.arange(4)), dict(box=np.ones(4))
        for frame, track in ((1, 0), (2, 1), (2, 0), (3, 1)):
            run = run.corrected(frame, track, box, folder)
        again = run.corrected(2, 0, other, folder)
        assert again.corrections == {1: {0: box}, 2: {1: box, 0: other}}
        assert run.corrections[3] == {1: box}
        assert (again.since, again.num_frames) == (2, 0)
        assert again.records == folder / 'a.json'
        assert again.states.newest(3)[0] == 1  # as the first correction left them
