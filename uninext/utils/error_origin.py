"""Tell what a user can mend from what is a bug of ours, by where an error was raised.

Where messages are shown (the command line, the web page), bugs keep their traceback.
"""

from __future__ import annotations

import dis
from types import TracebackType

_PACKAGE = __name__.partition('.')[0]
# Of what the package raises by a statement; others (KeyError, IndexError) are for code.
_OUR_KINDS = (ValueError, OSError, ImportError, RuntimeError)
# Of what others say about a config while parts are built from it.
_CONFIG_KINDS = (ValueError, KeyError, TypeError, ImportError, AssertionError)
_REGISTRY = 'mmengine.registry'
_RAISE = dis.opmap['RAISE_VARARGS']


def is_for_users(error: BaseException) -> bool:
    """Whether an error is the user's to mend, and its message says how.

    It is where the message was written for people:

    * an error class of this package, such as ``DatasetError``, wherever it arrives;
    * a ``ValueError``, ``OSError``, ``ImportError`` or ``RuntimeError`` that a
      ``raise`` statement of this package, or of the script that runs, has raised;
    * an ``OSError`` of the system, with a file name or an error number; memory that
      was not enough;
    * a wrong config: a complaint of the registry, or one that a constructor raised by
      a statement while the registry called it.

    A ``KeyError`` of ours, ``int('x')`` and an ``AttributeError`` are bugs.
    """
    if type(error).__module__.partition('.')[0] == _PACKAGE:
        return isinstance(error, Exception)
    if isinstance(error, OSError) and (error.filename or error.errno):
        return True
    frames = _frames(error)
    if not frames or not _has_words(error):
        return False
    if isinstance(error, MemoryError) or type(error).__name__ == 'OutOfMemoryError':
        return True
    is_raised = frames[-1].tb_frame.f_code.co_code[frames[-1].tb_lasti] == _RAISE
    if _is_ours(frames[-1]):
        return is_raised and isinstance(error, _OUR_KINDS)
    return _is_of_config(error, frames, is_raised)


def message_of(error: BaseException) -> str:
    """The words of an error: a KeyError's without quotes, a worker's without its trace.

    Loading processes of PyTorch send their traceback as the text of the error.
    """
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    text = str(error)
    name = f'{type(error).__module__}.{type(error).__qualname__}: '
    if text.startswith('Caught ') and f'\n{name}' in text:
        text = text.rpartition(f'\n{name}')[2].rstrip()
    return text or type(error).__name__


def _is_of_config(
    error: BaseException, frames: list[TracebackType], is_raised: bool
) -> bool:
    """Whether the registry complains, or a constructor that it called."""
    modules = [str(f.tb_frame.f_globals.get('__name__')) for f in frames]
    is_inside = any(name.startswith(_REGISTRY) for name in modules)
    # An unknown argument is refused by Python before the constructor begins.
    is_call = isinstance(error, TypeError) and modules[-1].startswith(_REGISTRY)
    is_complaint = is_raised and isinstance(error, _CONFIG_KINDS)
    return is_inside and (is_call or is_complaint)


def _frames(error: BaseException) -> list[TracebackType]:
    """Outermost first."""
    frames, frame = [], error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    return frames


def _has_words(error: BaseException) -> bool:
    """A bare word, as of a key that is missing, tells a user nothing."""
    return len(message_of(error).split()) > 1


def _is_ours(frame: TracebackType) -> bool:
    """Whether a line of a traceback is in this package or in the script that runs."""
    name = str(frame.tb_frame.f_globals.get('__name__'))
    return name == '__main__' or name.partition('.')[0] == _PACKAGE
