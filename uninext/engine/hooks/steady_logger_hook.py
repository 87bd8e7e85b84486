"""A log that cannot be written ends no training."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import LoggerHook
from mmengine.runner import Runner

from uninext.registry import HOOKS


@HOOKS.register_module()
class SteadyLoggerHook(LoggerHook):
    """mmengine's hook, except that training goes on where it cannot write its logs.

    The screen says so, once for the text and once for the numbers; lines are lost until
    there is room. Arguments are those of ``LoggerHook``.
    """

    def before_run(self, runner: Runner) -> None:
        """Take over what Python's logging prints of each line that fails."""
        super().before_run(runner)
        self._told: set[str] = set()
        for handler in runner.logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handleError = lambda _: self._tell(
                    runner, 'text', sys.exc_info()[1]
                )

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Log losses, if it is time to."""
        with self._going_on(runner):
            super().after_train_iter(runner, *args, **kwargs)

    def after_val_epoch(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Log metrics."""
        with self._going_on(runner):
            super().after_val_epoch(runner, *args, **kwargs)

    @contextlib.contextmanager
    def _going_on(self, runner: Runner) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._tell(runner, 'numbers', error)

    def _tell(self, runner: Runner, what: str, error: BaseException | None) -> None:
        if what not in self._told:
            self._told.add(what)
            runner.logger.warning(
                f'The {what} of the log in {runner.log_dir} cannot be written: '
                f'{error}. Training goes on; lines are lost until there is '
                'room, which the next checkpoint needs too.'
            )
