"""Ctrl-C, as the commands that write files take it."""

from __future__ import annotations

import signal
import sys
import threading


class Interruption:
    """Ctrl-C as a flag, so that no file is left in the middle; twice is an exception.

    The second stops a camera that sends nothing, too. What asks a process to end
    (SIGTERM) is taken alike.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.came = self.window_closed = False

    @property
    def wanted(self) -> bool:
        """Whether the user wants no more."""
        return self.came or self.window_closed

    def __enter__(self) -> Interruption:
        is_main = threading.current_thread() is threading.main_thread()
        signals = self.SIGNALS if is_main else ()  # others may not take signals
        self._before = {s: signal.signal(s, self._note) for s in signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: object) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        print('\nstopping; Ctrl-C again to stop at once', file=sys.stderr)
