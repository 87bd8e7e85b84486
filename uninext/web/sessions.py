"""Who is on the page, and the files that are theirs.

A session is a visit: a page that is open, or a program that asks. It is there while a
connection of it is open; a while later it has ended, and its files are removed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 10.0  # seconds that somebody who asked may take to listen
GRACE = 120.0  # seconds between the last connection and the end: pages reconnect
SWEEP_EVERY = 30.0  # seconds
OWN_FOLDERS = 'visits'


@dataclass
class _Session:
    used: float  # when it last asked
    quiet: float  # when its last connection was closed
    connections: int = 0
    uploads: set[Path] = field(default_factory=set)
    folder: Path | None = None


class Sessions:
    """Notes connections and files of sessions, and removes files nobody has a use for.

    Args:
        folder: Of all files; uploads come to lie somewhere in it.
        idle: Seconds that a session, and any file, lasts without being used.
        keep: A folder inside, whose files stay.
        clock: Tells seconds.
    """

    def __init__(
        self,
        folder: str | Path,
        idle: float,
        keep: str | Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.root = Path(folder).resolve()
        self.idle = idle
        self._keep = None if keep is None else Path(keep).resolve()
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    @contextlib.contextmanager
    def connected(self, name: str) -> Iterator[None]:
        """A connection of a session is open while the block runs."""
        with self._lock:
            self._of(name).connections += 1
        try:
            yield
        finally:
            with self._lock:
                session = self._of(name)
                session.connections -= 1
                session.quiet = self._clock()

    def is_there(self, name: str) -> bool:
        """Whether anybody listens, or asked so recently that they may begin to."""
        with self._lock:
            session = self._of(name)
            return bool(session.connections) or self._since(session.quiet) < PATIENCE

    def uses(self, name: str, *uploads: str | Path) -> None:
        """A session asks, of these files."""
        with self._lock:
            session = self._of(name)
            session.used = self._clock()
            for upload in uploads:
                path = Path(upload).resolve()
                if self._may_remove(path):
                    session.uploads.add(path)
                    with contextlib.suppress(OSError):
                        os.utime(path)  # its age is counted from now

    def new_folder(self, name: str) -> Path:
        """A folder for a result of a session; its path cannot be guessed."""
        with self._lock:
            session = self._of(name)
            if session.folder is None or not session.folder.is_dir():
                session.folder = self.root / OWN_FOLDERS / secrets.token_hex(16)
            folder = session.folder / secrets.token_hex(4)
            folder.mkdir(parents=True)
            return folder

    def sweep(self) -> None:
        """Remove files of sessions that have ended, and those that have grown old."""
        with self._lock:
            for name, session in list(self._sessions.items()):
                is_gone = not session.connections and self._since(
                    max(session.quiet, session.used)
                ) > min(GRACE, self.idle)
                if is_gone or self._since(session.used) > self.idle:
                    self._remove_files(session)
                if is_gone:
                    del self._sessions[name]
        self._remove_old()

    def _of(self, name: str) -> _Session:
        now = self._clock()
        return self._sessions.setdefault(name, _Session(now, now))

    def _since(self, moment: float) -> float:
        return self._clock() - moment

    def _may_remove(self, path: Path) -> bool:
        inside = path.is_relative_to(self.root)
        kept = self._keep is not None and path.is_relative_to(self._keep)
        return inside and not kept

    def _remove_files(self, session: _Session) -> None:
        uploads, session.uploads = session.uploads, set()
        for path in uploads:  # of equal files that several uploaded there is one
            if not any(path in other.uploads for other in self._sessions.values()):
                path.unlink(missing_ok=True)
        if session.folder is not None:
            shutil.rmtree(session.folder, ignore_errors=True)
            session.folder = None

    def _remove_old(self) -> None:
        for place, _, names in os.walk(self.root, topdown=False):
            folder = Path(place)
            if not self._may_remove(folder):
                continue
            for path in map(folder.joinpath, names):
                with contextlib.suppress(OSError):  # it went in the meantime
                    if self._since(path.stat().st_mtime) > self.idle:
                        path.unlink()
            if folder != self.root and self._since(folder.stat().st_mtime) > GRACE:
                with contextlib.suppress(OSError):  # it is not empty
                    folder.rmdir()


@contextlib.contextmanager
def swept(sessions: Sessions, every: float = SWEEP_EVERY) -> Iterator[None]:
    """Sweep again and again while the block runs."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(every):
            sessions.sweep()

    thread = threading.Thread(target=work, name='sweeper', daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
