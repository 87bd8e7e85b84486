"""End a process that hangs, and say where it stands."""

from __future__ import annotations

import faulthandler
import sys


class HangTimeout:
    """A context that prints the stacks of all threads and exits with status 1.

    It does so when :meth:`restart` was not called for so long, also where Python code
    cannot run. One process that hangs lets all others wait for it; each of them prints
    where it stands ("Timeout (0:30:00)!").

    Args:
        seconds: To wait for.

    Raises:
        ValueError: If that is not positive.
    """

    def __init__(self, seconds: float) -> None:
        if seconds <= 0:
            raise ValueError(
                f'hang_seconds is {seconds}; expected the seconds that an iteration '
                'may take at most, with reading its data and saving.'
            )
        self.seconds = seconds

    def __enter__(self) -> HangTimeout:
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def restart(self) -> None:
        """Wait from now on."""
        faulthandler.dump_traceback_later(self.seconds, file=sys.__stderr__, exit=True)

    def pause(self) -> None:
        """Wait for ever, until the next restart."""
        faulthandler.cancel_dump_traceback_later()
