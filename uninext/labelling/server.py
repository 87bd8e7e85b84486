"""The server that Label Studio calls: ``/health``, ``/setup``, ``/predict``, ...

Needs Starlette and uvicorn, which the extra ``web`` brings.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from uninext.labelling.backend import Backend
from uninext.utils.error_origin import is_for_users, message_of

if TYPE_CHECKING:
    from starlette.applications import Starlette

MAX_BYTES = 16 << 20  # of a request
NOT_TRAINED = (
    'this server does not train: export the project, and give the export to '
    '`uninext train --data`'
)


def build_app(backend: Backend) -> Starlette:
    """The application.

    Raises:
        ImportError: If Starlette is not installed; says how to.
    """
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.requests import Request
        from starlette.responses import JSONResponse
        from starlette.routing import Route
    except ImportError as error:
        raise ImportError(
            f'The backend of Label Studio needs Starlette and uvicorn ({error}): '
            'pip install -r requirements/web.txt'
        ) from error

    Answer = Callable[[Mapping[str, Any]], dict[str, Any]]

    def endpoint(answer: Answer) -> Callable[[Request], Any]:
        async def run(request: Request) -> JSONResponse:
            try:
                body = b''
                async for part in request.stream():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise ValueError(f'A request has {MAX_BYTES} bytes at most.')
                content = _object(body)
                return JSONResponse(await run_in_threadpool(answer, content))
            except ValueError as error:
                if not is_for_users(error):
                    raise
                print(f'warning: {message_of(error)}', file=sys.stderr)
                return JSONResponse({'error': message_of(error)}, status_code=400)

        return run

    def health(_: Mapping[str, Any]) -> dict[str, Any]:
        return dict(status='UP', model_class='uninext')

    def webhook(request: Mapping[str, Any]) -> dict[str, Any]:
        if request.get('action') == 'START_TRAINING':
            raise ValueError(f'Got START_TRAINING, and {NOT_TRAINED}.')
        return dict(status='ok')

    answers: dict[str, tuple[Answer, list[str]]] = {
        '/': (health, ['GET']),
        '/health': (health, ['GET']),
        '/setup': (backend.setup, ['POST']),
        '/predict': (backend.predict, ['POST']),
        '/webhook': (webhook, ['POST']),
    }
    return Starlette(
        routes=[
            Route(path, endpoint(answer), methods=methods)
            for path, (answer, methods) in answers.items()
        ]
    )


def serve(backend: Backend, host: str, port: int) -> None:
    """Serve until Ctrl-C.

    Raises:
        ImportError: If Starlette or uvicorn is not installed.
    """
    app = build_app(backend)
    import uvicorn

    uvicorn.run(app, host=host, port=port, log_level='warning')


def _object(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a request; empty where it has none.

    Raises:
        ValueError: If it is something else.
    """
    try:
        content = json.loads(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f'The request is no JSON: {error}.') from None
    if not isinstance(content, dict):
        raise ValueError('The request must be a JSON object.')
    return content
