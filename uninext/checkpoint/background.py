"""Write files while a training goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class BackgroundWriter:
    """A thread that writes one file at a time; what fails there is raised here.

    A process that ends waits for the thread; one that is killed does not.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, 'checkpoint')
        self._pending: Future[None] | None = None

    def start(self, write: Callable[[], None]) -> None:
        """Call ``write`` in the thread, after what was started before.

        Raises:
            Exception: What that has raised.
        """
        self.wait()
        self._pending = self._thread.submit(write)

    def check(self) -> None:
        """Raise what was raised by now; wait for nothing."""
        if self._pending is not None and self._pending.done():
            self.wait()

    def wait(self) -> None:
        """Wait until all is written; raise what was raised."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()
