"""Ctrl-C that waits until it does no harm.

It becomes a ``KeyboardInterrupt`` at once, or when an iteration is whole.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from mmengine.dist import is_main_process

_STANDARD_ERROR = 2  # file descriptor: a signal handler may write to nothing buffered
_NOTICE = b'\nCtrl-C: stops after this iteration (again: at once)\n'
# A launcher hands on what the terminal sent to all processes already.
_SECONDS_OF_ONE_PRESS = 1.0


class PatientInterrupt:
    """A context in which Ctrl-C does not break off what is :meth:`deferred`.

    The first Ctrl-C inside a deferred block is noted in :attr:`requested`, and nothing
    else; another, a second later, raises ``KeyboardInterrupt``, as any outside such a
    block does. Of several processes the main one decides, the others go on until it
    ends: all wait for each other in every iteration. Worker processes of data loaders
    leave it to theirs.

    Nothing is changed outside of the main thread, or where somebody handles the signal
    already.
    """

    def __init__(self) -> None:
        self._pressed_at: float | None = None
        self._is_deferred = False
        self._owner = os.getpid()
        self._decides = is_main_process()
        self._is_installed = False

    def __enter__(self) -> PatientInterrupt:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            self._is_installed = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._is_installed = False

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first Ctrl-C inside the block wait; ask :attr:`requested` after."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False

    @property
    def is_left_behind(self) -> bool:
        """Whether Ctrl-C was pressed, and another process ends the run by it."""
        return not self._decides and self._pressed_at is not None

    @property
    def requested(self) -> bool:
        """Whether Ctrl-C was pressed, and this process is to end by it."""
        return self._decides and self._pressed_at is not None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            return
        is_first = self._pressed_at is None
        if is_first:
            self._pressed_at = time.monotonic()
        is_later = time.monotonic() - self._pressed_at > _SECONDS_OF_ONE_PRESS
        if is_later or (self._decides and not self._is_deferred):
            raise KeyboardInterrupt
        if is_first and self._decides:
            os.write(_STANDARD_ERROR, _NOTICE)
