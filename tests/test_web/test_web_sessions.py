"""Files go when the session ends, and when they are old; nobody else's do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip('gradio')

from uninext.web.sessions import GRACE, PATIENCE, Sessions, swept

IDLE = 1000.0
START = 1e9  # seconds; of the clock of the test and of the files


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path, clock) -> Sessions:
    (tmp_path / 'examples').mkdir()
    written(tmp_path / 'examples' / 'scene.jpg')
    return Sessions(tmp_path, IDLE, tmp_path / 'examples', clock)


def written(path: Path, at: float = START) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'x')
    os.utime(path, (at, at))
    return path


def test_nothing_is_swept_of_nobody(sessions, tmp_path):
    sessions.sweep()
    assert len(sessions) == 0
    assert (tmp_path / 'examples' / 'scene.jpg').exists()


def test_files_go_a_while_after_the_last_connection(sessions, clock, tmp_path):
    upload = written(tmp_path / 'hash' / 'a.jpg')
    with sessions.connected('me'):
        sessions.uses('me', upload)
        result = written(sessions.new_folder('me') / 'uninext.png')
        clock.now += GRACE + 1
        sessions.sweep()
        assert upload.exists()
        assert result.exists()
    clock.now += GRACE - 1
    with sessions.connected('me'):  # the page came back
        clock.now += GRACE + 1
        sessions.sweep()
        assert upload.exists()
    clock.now += GRACE + 1
    sessions.sweep()
    assert not upload.exists()
    assert not result.exists()
    assert len(sessions) == 0


def test_a_file_of_two_sessions_stays_for_the_other(sessions, clock, tmp_path):
    upload = written(tmp_path / 'hash' / 'a.jpg')
    with sessions.connected('one'):
        with sessions.connected('two'):
            sessions.uses('one', upload)
            sessions.uses('two', upload)
        clock.now += GRACE + 1
        sessions.sweep()
        assert upload.exists()
    clock.now += GRACE + 1
    sessions.sweep()
    assert not upload.exists()


def test_a_session_that_does_nothing_ends_though_it_is_connected(
    sessions, clock, tmp_path
):
    upload = written(tmp_path / 'hash' / 'a.jpg')
    with sessions.connected('me'):
        sessions.uses('me', upload)
        clock.now += IDLE - 1
        sessions.uses('me', upload)  # counts from now
        clock.now += IDLE - 1
        sessions.sweep()
        assert upload.exists()
        clock.now += 2
        sessions.sweep()
        assert not upload.exists()
        assert sessions.is_there('me')
        assert sessions.new_folder('me').is_dir()


def test_files_of_nobody_go_by_age_and_examples_stay(sessions, clock, tmp_path):
    old, new = written(tmp_path / 'hash' / 'a'), written(tmp_path / 'tmp1', START + 9)
    clock.now += IDLE + 5
    sessions.sweep()
    assert not old.exists()
    assert new.exists()
    assert (tmp_path / 'examples' / 'scene.jpg').exists()
    assert tmp_path.exists()


def test_examples_and_files_elsewhere_belong_to_nobody(sessions, clock, tmp_path):
    other = written(tmp_path.parent / 'mine.jpg')
    sessions.uses('me', tmp_path / 'examples' / 'scene.jpg', other)
    clock.now += 10 * IDLE
    sessions.sweep()
    assert other.exists()
    assert (tmp_path / 'examples' / 'scene.jpg').exists()


def test_who_does_not_listen_is_gone_after_a_while(sessions, clock):
    assert sessions.is_there('me')  # it may still begin
    clock.now += PATIENCE
    assert not sessions.is_there('me')
    with sessions.connected('me'), sessions.connected('me'):
        clock.now += PATIENCE
        assert sessions.is_there('me')
    assert sessions.is_there('me')
    clock.now += PATIENCE
    assert not sessions.is_there('me')


def test_folders_cannot_be_guessed(sessions):
    folders = {sessions.new_folder(name) for name in ('me', 'me', 'you')}
    assert len(folders) == 3
    assert all(len(folder.parent.name) == 32 for folder in folders)


def test_it_is_swept_while_the_block_runs(sessions, monkeypatch):
    import threading

    done = threading.Event()
    monkeypatch.setattr(sessions, 'sweep', done.set)
    with swept(sessions, every=0.01):
        assert done.wait(5)
    assert not [t for t in threading.enumerate() if t.name == 'sweeper']
