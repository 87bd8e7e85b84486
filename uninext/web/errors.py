"""Errors of the page as messages for people.

What was asked wrongly is said as it is; what broke is written to the terminal of the
server, and the visitor is told that, never a stack trace.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from html import escape

import gradio as gr
import torch

from uninext.utils.error_origin import is_for_users

LOGGER = logging.getLogger(__name__)
SHOWN_FOR = 12  # seconds
NO_MEMORY = (
    'There is not enough memory for this. Take a smaller image or video, or fewer '
    'prompts at once.'
)
BROKEN = (
    'This did not work, and it is not your fault. The terminal that the server runs '
    'in has the details; please report them.'
)


@contextlib.contextmanager
def for_people() -> Iterator[None]:
    """Turn what is raised in the block into a message on the page.

    Raises:
        gradio.Error: With the message.
    """
    try:
        yield
    except gr.Error:
        raise
    except (MemoryError, torch.OutOfMemoryError):
        raise message(NO_MEMORY) from None
    except Exception as error:
        if isinstance(error, (ValueError, ImportError)) and is_for_users(error):
            raise message(str(error)) from None
        LOGGER.exception('The web page could not answer.')
        raise message(BROKEN) from None


def message(text: str) -> gr.Error:
    """An error that the page shows as text, and the terminal does not."""
    return gr.Error(
        escape(text, quote=False), duration=SHOWN_FOR, print_exception=False
    )
