"""Files that are written while something else goes on."""

from __future__ import annotations

import threading

import pytest

from uninext.checkpoint.background import BackgroundWriter
from uninext.utils.files import FileError


def full() -> None:
    raise FileError('no room')


def test_nothing_to_wait_for():
    writer = BackgroundWriter()
    writer.check()
    writer.wait()


def test_one_file_at_a_time_in_their_order():
    writer, go, written = BackgroundWriter(), threading.Event(), []
    writer.start(lambda: written.append(go.wait(10)))
    writer.check()
    assert written == []
    threading.Timer(0.05, go.set).start()
    writer.start(lambda: written.append('second'))
    assert written[0] is True
    writer.wait()
    assert written == [True, 'second']


@pytest.mark.parametrize('ask', ['wait', 'check', 'start'])
def test_what_fails_is_raised_once(ask):
    writer = BackgroundWriter()
    writer.start(full)
    while not writer._pending.done():
        pass
    with pytest.raises(FileError, match='no room'):
        getattr(writer, ask)(*[full] * (ask == 'start'))
    writer.wait()
