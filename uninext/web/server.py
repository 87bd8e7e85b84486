"""Start the page; its server runs until it is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from uninext.apis import UninextInferencer
from uninext.web.app import build_app
from uninext.web.examples import write_examples
from uninext.web.style import CSS, theme

DEFAULT_NAME = 'uninext_tiny'
MAX_UPLOAD = '512mb'
_TEMP_VARIABLE = 'GRADIO_TEMP_DIR'


def launch(
    model: Any = None,
    checkpoint: str | Path | None = None,
    device: str = 'auto',
    host: str = '127.0.0.1',
    port: int | None = None,
    share: bool = False,
    open_browser: bool = True,
    precision: str | None = None,
    num_queries: int | None = None,
    compile: bool | None = None,
) -> None:
    """Serve the page until Ctrl-C; nothing of it stays on the disk.

    Args:
        model: As of :class:`uninext.apis.UninextInferencer`; None: the model that
            comes with the package.
        checkpoint: Its weights.
        device: 'auto', 'cpu', 'cuda', ...
        host: Address to listen at; '0.0.0.0' lets other machines in.
        port: Of the server; None: the first free one from 7860.
        share: Ask Gradio for a public address. This alone uses the internet.
        open_browser: Open the page.
        precision: As of the inferencer; with the next two faster, for other results.
        num_queries: As of the inferencer.
        compile: As of the inferencer.

    Raises:
        ValueError: If the model cannot be used.
        OSError: If the port is taken.
    """
    inferencer = UninextInferencer(
        model,
        checkpoint,
        device,
        precision=precision,
        num_queries=num_queries,
        compile=compile,
    )
    with (
        _ended_by_kill(),
        serving(inferencer, _name_of(model, checkpoint), host, port, share) as app,
    ):
        if open_browser:
            import webbrowser

            webbrowser.open(app.local_url)
        print(f'uninext answers at {app.local_url} (Ctrl-C ends it)', flush=True)
        if app.share_url:
            print(f'and, for everybody, at {app.share_url}', flush=True)
        app.block_thread()


@contextlib.contextmanager
def serving(
    inferencer: UninextInferencer,
    name: str = '',
    host: str = '127.0.0.1',
    port: int | None = None,
    share: bool = False,
) -> Iterator[gr.Blocks]:
    """Serve the page while the block runs; arguments as of :func:`launch`.

    Yields:
        The app, with ``local_url`` and ``share_url``.

    Raises:
        OSError: If the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix='uninext_web_') as folder:
        examples = Path(folder) / 'examples'
        examples.mkdir()
        with _environment(_TEMP_VARIABLE, folder):
            app = build_app(inferencer, name, *write_examples(examples))
            try:
                app.launch(
                    server_name=host,
                    server_port=port,
                    share=share,
                    prevent_thread_lock=True,
                    quiet=True,
                    show_error=True,
                    ssr_mode=False,  # needs node
                    enable_monitoring=False,
                    footer_links=['api', 'settings'],
                    max_file_size=MAX_UPLOAD,
                    theme=theme(),
                    css=CSS,
                )
                yield app
            finally:
                app.close(verbose=False)


@contextlib.contextmanager
def _ended_by_kill() -> Iterator[None]:
    """Let ``kill`` end the block as Ctrl-C does, so that files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable while the block runs: Gradio asks it whenever it writes a file."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _name_of(model: Any, checkpoint: str | Path | None) -> str:
    """What people call the model: a name, or the names of its files."""
    given = [model, checkpoint]
    names = [Path(part).name for part in given if isinstance(part, (str, Path))]
    return ' + '.join(names) or DEFAULT_NAME
