"""What is said beside an answer, and who it is said to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from uninext.apis import Result
from uninext.web.pages import status
from uninext.web.sessions import Sessions
from uninext.web.uploads import Upload


# Components are enabled and disabled, never hidden: two buttons that appear together
# send Gradio 6.17's page into an endless loop.
def file_button(path: Path) -> Any:
    """A button to download a file, which can be pressed from now on."""
    return gr.update(value=str(path), interactive=True)


def absent(result: Result) -> tuple[str, ...]:
    """The expressions and targets that are not in an image."""
    return (f'Not there: {", ".join(result.absent)}.',) if result.absent else ()


def noted(text: str, notes: tuple[str, ...]) -> str:
    """A line that says how it went, with notes behind it."""
    return status(' '.join((text, *notes)))


def note_use(sessions: Sessions, request: gr.Request, *sources: Upload | None) -> str:
    """Tell who asks, and of which files; returns the name of the session."""
    session = request.session_hash or ''
    sessions.uses(session, *(source.path for source in sources if source is not None))
    return session
