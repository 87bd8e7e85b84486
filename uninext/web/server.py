"""Start the page; its server runs until it is interrupted."""

from __future__ import annotations

import contextlib
import errno
import functools
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import route_utils
from starlette.middleware import Middleware

from uninext.apis import UninextInferencer
from uninext.apis.thresholds import checked_score_thr
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.utils.environment import environment
from uninext.utils.serving_limits import ServingLimits
from uninext.web.app import build_app
from uninext.web.examples import write_examples
from uninext.web.gate import MEGA, Gate
from uninext.web.sessions import Sessions, swept
from uninext.web.style import CSS, theme

DEFAULT_NAME = 'uninext_tiny'
# Where the score threshold begins, of models it was measured with. Of 326 objects in 60
# generated scenes uninext_tiny finds 324 at 0.3, with 219 second boxes and 93 wrong
# ones (F1 0.67); at 0.5 it finds 320, with 13 and 13 (F1 0.95).
THRESHOLDS = {DEFAULT_NAME: 0.5}
MAX_SESSIONS = 200  # that Gradio remembers the fields of; 0.3 MB each
# Of Gradio's own line, with Starlette 1.x, at each question.
_NOISE = "'HTTP_422_UNPROCESSABLE_ENTITY' is deprecated"
_TEMP_VARIABLE = 'GRADIO_TEMP_DIR'  # is asked whenever Gradio writes a file


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
    limits: ServingLimits | None = None,
    score_thr: float | None = None,
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
        limits: What visitors may ask for; None: the defaults.
        score_thr: Where the score threshold of categories begins, in 0..1; None: what
            suits the model that comes along, or was stored by ``uninext calibrate``.

    Raises:
        ValueError: If the model cannot be used, or ``score_thr`` is none.
        OSError: If the port is taken, or there is no such host here.
    """
    warnings.filterwarnings('ignore', _NOISE)
    check_address(host, port)  # before seconds are spent on the model
    name = _name_of(model, checkpoint)
    if score_thr is not None:
        score_thr = checked_score_thr(score_thr)
    inferencer = UninextInferencer(
        model,
        checkpoint,
        device,
        precision=precision,
        num_queries=num_queries,
        compile=compile,
    )
    if score_thr is None:
        usual = THRESHOLDS.get(name, SCORE_THRESHOLD)
        score_thr = inferencer.thresholds.get('category', usual)
    with (
        _ended_by_kill(),
        serving(*(inferencer, name, host, port, share, limits, score_thr)) as app,
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
    limits: ServingLimits | None = None,
    score_thr: float = SCORE_THRESHOLD,
) -> Iterator[gr.Blocks]:
    """Serve the page while the block runs; arguments as of :func:`launch`.

    Yields:
        The app, with ``local_url`` and ``share_url``.

    Raises:
        OSError: If the port is taken, or there is no such host here.
    """
    limits = limits or ServingLimits()
    check_address(host, port)
    with tempfile.TemporaryDirectory(prefix='uninext_web_') as folder:
        examples = Path(folder) / 'examples'
        examples.mkdir()
        sessions = Sessions(folder, limits.idle_minutes * 60, keep=examples)
        with environment(_TEMP_VARIABLE, folder), _parts_in(folder), swept(sessions):
            drawn = write_examples(examples)
            app = build_app(inferencer, name, *drawn, limits, sessions, score_thr)
            gate = Middleware(Gate, sessions=sessions, limits=limits)
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
                    max_file_size=int(limits.max_upload_mb * MEGA),
                    allowed_paths=[],
                    app_kwargs=dict(middleware=[gate]),
                    state_session_capacity=MAX_SESSIONS,
                    theme=theme(),
                    css=CSS,
                )
                yield app
            finally:
                app.close(verbose=False)


def check_address(host: str, port: int | None) -> None:
    """See whether the page can be served there.

    Raises:
        OSError: If not; it says which option to change.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port or 0))
    except socket.gaierror as error:
        raise OSError(
            f'There is no host {host!r} (--host): {error.strerror}.'
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(
                f'Port {port} is taken. Give another one with --port, or none: then '
                'the first free one from 7860 is taken.'
            ) from None
        if error.errno == errno.EACCES:
            raise OSError(
                f'Port {port} may not be used: give one from 1024 with --port.'
            ) from None
        raise OSError(
            f'The page cannot be served at {host} (--host): {error.strerror}. '
            "'127.0.0.1' is this machine alone, '0.0.0.0' its network."
        ) from None


@contextlib.contextmanager
def _parts_in(folder: str) -> Iterator[None]:
    """Let Gradio write uploads that are on their way into the folder.

    Of one that breaks off it leaves a file, in the folder for all programs.
    """
    before = route_utils.NamedTemporaryFile
    route_utils.NamedTemporaryFile = functools.partial(before, dir=folder)
    try:
        yield
    finally:
        route_utils.NamedTemporaryFile = before


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


def _name_of(model: Any, checkpoint: str | Path | None) -> str:
    """What people call the model: a name, or the names of its files."""
    given = [model, checkpoint]
    names = [Path(part).name for part in given if isinstance(part, (str, Path))]
    return ' + '.join(names) or DEFAULT_NAME
