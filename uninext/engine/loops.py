"""The training loop: signals wait, and a resumed run finds its place in the data."""

from __future__ import annotations

import re
import time
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import EMAHook
from mmengine.runner import IterBasedTrainLoop
from torch import nn

from uninext.checkpoint import SafeCheckpointHook
from uninext.engine.hanging import HangTimeout
from uninext.engine.interruption import (
    AgreedStop,
    PatientInterrupt,
    TrainingStopped,
)
from uninext.registry import LOOPS

_WORKER = re.compile(r'DataLoader worker \(pid.*\) (is killed|exited unexpectedly)')
_CONNECTION = re.compile(r'[Cc]onnection (closed|reset|was likely closed)|NCCL.*remote')


class ProcessGone(RuntimeError):
    """A process that this one worked with has ended."""


def explained(error: Exception, has_workers: bool) -> Exception:
    """Say who ended, where PyTorch only says that somebody did; else as it is."""
    text = str(error) or type(error).__name__
    # A pipe to a worker breaks as what is no RuntimeError; what was raised in a worker,
    # such as a lost connection to where the images are, comes as "Caught ...".
    is_pipe = isinstance(error, (ConnectionError, EOFError)) and has_workers
    if _WORKER.search(text) or (is_pipe and not text.startswith('Caught ')):
        return ProcessGone(
            f'A process that reads data was killed ({text.splitlines()[0]}). The '
            'system does that when memory runs out: give fewer '
            'train_dataloader.num_workers, or more memory. Checkpoints are intact; go '
            'on with --resume.'
        )
    if get_world_size() > 1 and _CONNECTION.search(text):
        return ProcessGone(
            'Another process of this training has ended, and this one with it. The '
            f'message of that one says why. ({text.splitlines()[0][:200]})'
        )
    return error


@LOOPS.register_module()
class ResumableIterTrainLoop(IterBasedTrainLoop):
    """mmengine's loop by iteration, whose batch sampler may say how to skip.

    When it resumes, mmengine moves samplers of single images, and otherwise reads and
    throws away every batch that was trained on. A batch sampler with a method
    ``skip(num_batches)`` is moved instead; no image is read.

    Args:
        args: As those of ``IterBasedTrainLoop``.
        hang_seconds: That an iteration may take, with reading its data and saving, but
            without validation; see :class:`HangTimeout`.

    Raises:
        ValueError: If ``hang_seconds`` is not positive.
    """

    def __init__(self, *args: Any, hang_seconds: float = 1800, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hang_timeout = HangTimeout(hang_seconds)

    def run(self) -> nn.Module:
        """Train until ``max_iters``, validating in between.

        Ctrl-C, SIGTERM and SIGUSR1 end it after the iteration that is under way (of
        several processes, after the next), with a checkpoint to resume from; see
        :class:`PatientInterrupt`.

        Raises:
            TrainingStopped: After such a signal.
            ProcessGone: If a process that this one worked with has ended.
        """
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if self._iter > 0:
            self._skip_batches()
        self._can_be_saved = False
        with PatientInterrupt() as signals, self._hang_timeout:
            try:
                self._train(signals)
            except KeyboardInterrupt:
                if self._can_be_saved:
                    with signals.deferred():
                        self._save()
                raise
            except (RuntimeError, ConnectionError, EOFError) as error:
                # the main process may have gone after Ctrl-C, and its connection
                if signals.is_left_behind:
                    raise TrainingStopped(signals.requested) from None
                told = explained(error, bool(self.dataloader.num_workers))
                raise told from (error if told is not error else error.__cause__)
            finally:
                for hook in self._hooks_of(SafeCheckpointHook):
                    hook.wait()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _train(self, signals: PatientInterrupt) -> None:
        self._can_be_saved, stop = True, AgreedStop()
        while self._iter < self._max_iters and not self.stop_training:
            self._hang_timeout.restart()
            self.runner.model.train()
            batch = self._next_batch()
            self._can_be_saved = False
            with signals.deferred():
                self.run_iter(batch)
            self._can_be_saved = True
            number = stop.is_now(self._iter, signals.requested)
            if number is not None:
                raise TrainingStopped(number)
            self._decide_current_val_interval()
            if self._is_time_to_validate():
                # their averages stand in for the weights meanwhile
                self._can_be_saved = not self._hooks_of(EMAHook)
                self._hang_timeout.pause()
                self.runner.val_loop.run()
                self._can_be_saved = True

    def _next_batch(self) -> Any:
        try:
            return next(self.dataloader_iterator)
        except (ConnectionError, EOFError):
            # The pipe of a killed worker breaks before the signal of its death comes,
            # at which PyTorch raises an error wherever this process stands by then.
            time.sleep(1 if self.dataloader.num_workers else 0)
            raise

    def _skip_batches(self) -> None:
        """Move the data to where they stood after the iterations that are done."""
        if getattr(self.dataloader_iterator, '_iterator', None) is not None:
            raise RuntimeError(
                'This mmengine has read batches before a resumed run could skip those '
                'that are done: others would be trained on. Install onedl-mmengine '
                '>= 0.10.12.'
            )
        skip = getattr(self.dataloader.batch_sampler, 'skip', None)
        (skip or self.dataloader_iterator.skip_iter)(self._iter)

    def _save(self) -> None:
        """Save what was trained by now, unless that is done."""
        for hook in self._hooks_of(SafeCheckpointHook):
            hook.save_unless_saved(self.runner, self._iter)

    def _hooks_of(self, kind: type) -> list:
        return [hook for hook in self.runner.hooks if isinstance(hook, kind)]

    def _is_time_to_validate(self) -> bool:
        if self.runner.val_loop is None or self._iter < self.val_begin:
            return False
        return self._iter % self.val_interval == 0 or self._iter == self._max_iters
