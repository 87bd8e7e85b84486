"""Requests to the page as a program makes them that nobody has tamed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

API = '/gradio_api'


class Answer(NamedTuple):
    """Status and body."""

    status: int
    text: str


def raw(
    address: str, path: str, method: str = 'GET', body: Any = None, **headers: str
) -> Answer:
    """A request whose path is sent as it is, with ``..`` and all."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=False)
        given = {name.replace('_', '-'): value for name, value in headers.items()}
        if isinstance(body, bytes):
            given.setdefault('Content-Length', str(len(body)))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode('utf-8', 'replace'))
    finally:
        connection.close()


def post(address: str, path: str, content: Any) -> Answer:
    """Post JSON."""
    body = json.dumps(content).encode()
    return raw(address, API + path, 'POST', body, Content_Type='application/json')


def upload(address: str, file: Path, name: str | None = None) -> Any:
    """Upload; what a question takes for the file, or the answer that refuses it."""
    with file.open('rb') as opened:
        files = {'files': (name or file.name, opened)}
        answer = httpx.post(
            f'{address.rstrip("/")}{API}/upload', files=files, verify=False
        )
    if answer.status_code != httpx.codes.OK:
        return Answer(answer.status_code, answer.text)
    return file_data(answer.json()[0], name or file.name)


def file_data(path: str | Path, name: str = 'a.jpg') -> dict[str, Any]:
    """A file as questions name it."""
    return dict(path=str(path), orig_name=name, meta={'_type': 'gradio.FileData'})


def ask(address: str, kind: str, *data: Any) -> Answer:
    """Ask ``/image`` or ``/video``, and wait for the last event."""
    asked = post(address, f'/call/{kind}', dict(data=data))
    if asked.status != httpx.codes.OK:
        return asked
    event = json.loads(asked.text)['event_id']
    return Answer(asked.status, list(events(address, kind, event))[-1])


def events(
    address: str, kind: str, event: str, most: int | None = None
) -> Iterator[str]:
    """What is answered, event by event; the connection is closed after ``most``."""
    yield from itertools.islice(listened(address, f'/call/{kind}/{event}'), most)


def listened(address: str, path: str) -> Iterator[str]:
    """Events of a connection, which is closed with the generator."""
    url = f'{address.rstrip("/")}{API}{path}'
    with httpx.stream('GET', url, timeout=30, verify=False) as stream:
        for line in stream.iter_lines():
            if line.startswith('data:'):
                yield line.removeprefix('data:').strip()


def wait_until(holds: Any, seconds: float = 15) -> bool:
    """Whether something comes to hold in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False
