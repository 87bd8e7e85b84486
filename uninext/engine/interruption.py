"""Signals that wait until they do no harm: Ctrl-C, SIGTERM, SIGUSR1.

They end a training between two iterations, in all of its processes after the same one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import torch.distributed
from mmengine.dist import get_world_size, is_main_process

EXIT_REQUEUE = 85  # after SIGUSR1: the job is to be queued again
_EXITS = {signal.SIGINT: 130, signal.SIGTERM: 0, signal.SIGUSR1: EXIT_REQUEUE}
_NAMES = {signal.SIGINT: 'Ctrl-C'}
_STANDARD_ERROR = 2  # file descriptor: a signal handler may write to nothing buffered
# A launcher hands on what the terminal sent to all processes already.
_SECONDS_OF_ONE_PRESS = 1.0
_STOP = 'uninext/stop_after_iteration'
_trainings = itertools.count()  # of this process: the same number in all


class TrainingStopped(KeyboardInterrupt):
    """A signal ended the training; what was trained is saved.

    Attributes:
        exit_status: 130 after Ctrl-C, 0 after SIGTERM, 85 after SIGUSR1.
    """

    def __init__(self, number: int, *args: object) -> None:
        super().__init__(*args)
        self.number = number
        self.exit_status = _EXITS[signal.Signals(number)]


class AgreedStop:
    """After which iteration all processes stop.

    A process that is signalled names the iteration after the one it has done: no other
    can have done that one, since all wait for each other's gradients in each.
    """

    def __init__(self) -> None:
        self._key = f'{_STOP}/{next(_trainings)}'
        self._store = None
        if get_world_size() > 1:
            self._store = torch.distributed.distributed_c10d._get_default_store()

    def is_now(self, done: int, number: int | None) -> int | None:
        """Ask after each iteration, in each process.

        Args:
            done: Iterations that are done.
            number: Of the signal that this process got, if it did.

        Returns:
            The signal by which all stop now; None: train on.
        """
        if self._store is None:
            return number
        if number is not None:
            self._store.compare_set(self._key, '', f'{done + 1} {int(number)}')
        if not self._store.check([self._key]):
            return None
        last, agreed = map(int, self._store.get(self._key).split())
        return agreed if done >= last else None


class PatientInterrupt:
    """A context in which signals do not break off what is :meth:`deferred`.

    The first Ctrl-C, SIGTERM or SIGUSR1 inside a deferred block is noted in
    :attr:`requested`, and nothing else; another Ctrl-C, a second later, raises
    :class:`TrainingStopped`, as any outside such a block does. Of several processes
    the main one alone does that for Ctrl-C, and none for the others, whatever the
    block: all wait for each other in every iteration. Worker processes of data loaders
    leave it to theirs.

    Nothing is changed outside of the main thread, or for signals that somebody handles
    already.
    """

    def __init__(self) -> None:
        self.requested: int | None = None  # number of the first signal
        self._pressed_at = 0.0
        self._is_deferred = False
        self._owner = os.getpid()
        self._decides = is_main_process()
        self._is_alone = get_world_size() == 1
        self._before: dict[int, object] = {}

    def __enter__(self) -> PatientInterrupt:
        if threading.current_thread() is threading.main_thread():
            for number in _EXITS:
                handler = signal.getsignal(number)
                if handler in (signal.default_int_handler, signal.SIG_DFL):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first signal inside the block wait; ask :attr:`requested` after."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False

    @property
    def is_left_behind(self) -> bool:
        """Whether a signal came, and another process ends the run by it."""
        return not self._decides and self.requested is not None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            if number != signal.SIGINT:  # a worker: as if nobody had changed it
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        is_first = self.requested is None
        if is_first:
            self.requested, self._pressed_at = number, time.monotonic()
        # a cluster repeats itself, a person insists
        is_insisted = (
            number == signal.SIGINT
            and time.monotonic() - self._pressed_at > _SECONDS_OF_ONE_PRESS
        )
        waits = self._is_deferred or not self._decides
        if number != signal.SIGINT and not self._is_alone:
            waits = True
        if is_insisted or not waits:
            raise TrainingStopped(number)
        if is_first and self._decides:
            name = _NAMES.get(number) or signal.Signals(number).name
            again = ' (again: at once)' if number == signal.SIGINT else ''
            notice = f'\n{name}: stops after this iteration{again}\n'
            os.write(_STANDARD_ERROR, notice.encode())


def start_worker(worker_id: int, init: Callable[[int], None] | None = None) -> None:
    """Begin a worker process of a data loader, which ends when its training does.

    What ends a job is sent to all of its processes (``timeout``, Slurm, ``kill`` of a
    group). A worker that ended by it would take the training with it, unsaved; so
    SIGTERM counts from the process that started the worker alone, and SIGUSR1 never.

    Args:
        worker_id: Of the data loader.
        init: Its own ``worker_init_fn``.
    """
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(
            target=_end_by_parent, args=(os.getppid(),), daemon=True
        ).start()
    if init is not None:
        init(worker_id)


def _end_by_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
