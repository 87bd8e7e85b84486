"""What goes to the log file alone: details that would bury the first screen."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


def screens(logger: logging.Logger) -> list[logging.Handler]:
    """Return the handlers of ``logger`` that write to no file."""
    return [h for h in logger.handlers if not isinstance(h, logging.FileHandler)]


@contextlib.contextmanager
def file_only(logger: logging.Logger) -> Iterator[None]:
    """Keep the screen silent below errors inside the block; the file gets all."""
    levels = {handler: handler.level for handler in screens(logger)}
    for handler in levels:
        handler.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for handler, level in levels.items():
            handler.setLevel(level)
