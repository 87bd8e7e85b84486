"""What every request passes: sizes, paths, who is connected, words of refusals.

An ASGI middleware between the server and Gradio. Gradio itself reads bodies of any
size, redirects to any address, and answers requests that make no sense with status 500.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio

from uninext.utils.serving_limits import ServingLimits, where_to_change
from uninext.web.sessions import Sessions

LOGGER = logging.getLogger(__name__)
MEGA = 1_000_000
MAX_QUESTION_MB = 16  # of JSON: a painting, a frame of a camera
MAX_UNHEARD = 1000  # questions that are kept though nobody asked for their answer
OVERHEAD = 100_000  # bytes of an upload besides the file
HEAD_BYTES = 4096  # of an upload: the name of the file is among them
DRAIN_SECONDS = 30.0  # browsers read no answer before they have sent all
API = '/gradio_api'
# What the page and its clients ask for. Not among it: addresses that are fetched for
# others (proxy=), recordings, links into sessions, editors, monitoring, and routes that
# ask past the queue but run/predict, where Gradio answers what needs no network.
OPEN = re.compile(
    r'/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon)(/.*)?'
    r'|/(assets|static|svelte)/.*'
    rf'|{API}/(info|openapi\.json|app_id|token|user|login_check|startup-events)/?'
    rf'|{API}/(upload|upload_progress|cancel|reset|run/predict)/?'
    rf'|{API}/(queue/(join|data|status)|theme\.css)/?'
    rf'|{API}/(file=|heartbeat/|call/|stream/).*'
)
FILE = f'{API}/file='
_LISTENING = re.compile(rf'{API}/(?:heartbeat/|call/(?:v2/)?[^/]+/)([^/]+)/?')
_FILE_NAME = re.compile(rb'filename="((?:[^"\\\r\n]|\\.)*)"')
NO_PAGE = 'There is no such page here.'
NO_FILE = 'There is no such file here.'
NO_SENSE = 'This request cannot be understood: it does not fit what it asks for.'
Message = dict[str, Any]


class Gate:
    """Lets requests of the page through, and refuses others with a message.

    Args:
        app: The ASGI application behind it.
        sessions: Are told who is connected.
        limits: Of uploads, and of the queue.
    """

    def __init__(self, app: Any, sessions: Sessions, limits: ServingLimits) -> None:
        self._app, self._sessions, self._limits = app, sessions, limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or let the application do it."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        path = scope['path']
        if not OPEN.fullmatch(path):
            await _refuse(send, 404, NO_PAGE)
        elif path.startswith(FILE) and not self._has(path.removeprefix(FILE)):
            await _refuse(send, 403, NO_FILE)
        else:
            name = _listener(scope)
            if name is None:
                await self._answer(scope, receive, send)
                return
            with self._sessions.connected(name):
                await self._answer(scope, receive, send)
            if not path.startswith(f'{API}/heartbeat/'):
                _let_go(scope['app'], name, is_once=path.startswith(f'{API}/call/'))

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        is_upload = scope['path'].startswith(f'{API}/upload')
        limit = self._limits.max_upload_mb if is_upload else MAX_QUESTION_MB
        body = _Body(receive, limit * MEGA + OVERHEAD)
        answer = _Answer(send, body, self._words(body, is_upload), is_upload)
        if _declared(scope) > body.limit:
            await body.drain()
            await answer.refuse(413)
            return
        try:
            await self._app(scope, body.receive, answer.send)
        except Exception as error:  # noqa: BLE001
            if not body.is_too_large:
                LOGGER.warning('%s: %r', scope['path'], error)
            if answer.is_begun:
                await answer.end()
            else:
                await answer.refuse(413 if body.is_too_large else 400)

    def _words(self, body: _Body, is_upload: bool) -> Any:
        """From a status to a message; None: the application's own."""

        def words(status: int) -> str | None:
            if status == 413 and is_upload:
                return (
                    f'{body.file_name or "The file"} is too large; '
                    f'{self._limits.max_upload_mb:g} MB are the limit. '
                    f'{where_to_change("max_upload_mb")}'
                )
            if status == 413:
                return f'A question may have {MAX_QUESTION_MB} MB.'
            if status == 503:
                return (
                    f'{self._limits.max_waiting} questions wait already. Ask again in '
                    f'a while. {where_to_change("max_waiting")}'
                )
            return NO_SENSE if status in (400, 500) else None

        return words

    def _has(self, given: str) -> bool:
        """Whether a path is that of a file of the page."""
        try:
            path = Path(given).resolve()
            return path.is_relative_to(self._sessions.root) and path.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, a zero byte, a loop
            return False


class _Body:
    """The body of a request, counted while it is read."""

    def __init__(self, receive: Any, limit: float) -> None:
        self._receive, self.limit = receive, limit
        self._count = 0
        self.file_name: str | None = None

    @property
    def is_too_large(self) -> bool:
        return self._count > self.limit

    async def receive(self) -> Message:
        """The next part of it.

        Raises:
            ValueError: If it is too large.
        """
        message = await self._next()
        if self.is_too_large:
            raise ValueError('The body is too large.')
        return message

    async def drain(self) -> None:
        """Throw away what is still sent, for a while."""
        with anyio.move_on_after(DRAIN_SECONDS):
            while (await self._next()).get('more_body', False):
                pass

    async def _next(self) -> Message:
        message = await self._receive()
        content = message.get('body', b'')
        if not self._count and (found := _FILE_NAME.search(content[:HEAD_BYTES])):
            self.file_name = found[1].decode('utf-8', 'replace')
        self._count += len(content)
        return message


class _Answer:
    """What is sent; answers that are no messages for people are replaced."""

    def __init__(self, send: Any, body: _Body, words: Any, is_text: bool) -> None:
        self._send, self._body, self._words = send, body, words
        self._is_text = is_text
        self.is_begun = self._is_replaced = False

    async def send(self, message: Message) -> None:
        if self._is_replaced:
            return
        if message['type'] == 'http.response.start':
            status = 413 if self._body.is_too_large else message['status']
            if self._words(status):
                await self.refuse(status)
                return
            self.is_begun = True
        await self._send(message)

    async def end(self) -> None:
        """End an answer that broke off."""
        self._is_replaced = True
        await self._send({'type': 'http.response.body', 'body': b''})

    async def refuse(self, status: int) -> None:
        """Answer with a message instead."""
        self._is_replaced = self.is_begun = True
        status, text = 400 if status == 500 else status, self._words(status)
        await _refuse(self._send, status, text, self._is_text)


async def _refuse(send: Any, status: int, text: str, is_text: bool = False) -> None:
    """Answer with a message; of uploads the page shows the body as it is."""
    body = (text if is_text else json.dumps({'detail': text})).encode()
    kind = b'text/plain; charset=utf-8' if is_text else b'application/json'
    headers = [
        (b'content-type', kind),
        (b'content-length', str(len(body)).encode()),
        (b'connection', b'close'),
    ]
    await send({'type': 'http.response.start', 'status': status, 'headers': headers})
    await send({'type': 'http.response.body', 'body': body})


def _let_go(app: Any, session: str, is_once: bool) -> None:
    """Nobody hears of the answers to a session; unless ``is_once``, it may ask again.

    Gradio 6.17 keeps each question, and the fields of each session, for good, and waits
    for the next frame of a camera for 30 minutes.
    """
    blocks = app.get_blocks()
    queue, holder = blocks._queue, blocks.state_holder
    for job in queue.active_jobs:
        for event in job or ():
            if event.session_hash == session and event.streaming:
                event.closed = True
                event.signal.set()
    waiting = queue.pending_event_ids_session.get(session, ())
    events = list(queue.event_ids_to_events.items())
    for place, (key, event) in enumerate(events, start=1):
        is_heard = event.session_hash == session and key not in waiting
        if is_heard or len(events) - place >= MAX_UNHEARD:
            del queue.event_ids_to_events[key]
    if not waiting:
        queue.pending_event_ids_session.pop(session, None)
    if is_once:
        holder.session_data.pop(session, None)
        holder.time_last_used.pop(session, None)


def _declared(scope: Any) -> int:
    """The size of the body as its sender says; 0 if it does not."""
    given = dict(scope['headers']).get(b'content-length', b'')
    return int(given) if given.isdigit() else 0


def _listener(scope: Any) -> str | None:
    """The session that keeps this connection open to hear of its answers."""
    if scope['method'] != 'GET':
        return None
    if scope['path'].rstrip('/') == f'{API}/queue/data':
        given = parse_qs(scope['query_string'].decode('latin-1'))
        return given.get('session_hash', [None])[0]
    found = _LISTENING.fullmatch(scope['path'])
    return found[1] if found else None
