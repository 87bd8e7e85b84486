r"""Ask the web page by many clients at once, and count what came of it.

Starts ``uninext demo``, asks each example alone, and then lets clients ask them over
HTTP, all at once: an answer is right if it equals the one that was given alone. Who is
told that the queue is full waits half a second and asks again. In the last row others
send what makes no sense, and begin videos and leave.

Example:
    python tools/analysis_tools/web_load.py --clients 1 50 --requests 4
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np

from uninext.cli.common import run_tool

API = '/gradio_api'
AGAIN_AFTER = 0.5  # seconds
PATIENCE = 600.0  # seconds
READY = 'answers at '
COLUMNS = (
    *('clients', 'requests', 'right', 'told to wait', 'failed', 'median s', '95 % s'),
    *('max s', 'peak MB', 'MB after'),
)
# What makes no sense: path, body. All of it is to be answered by a status of 4xx.
SENSELESS = (
    ('/queue/join', b'{'),
    ('/queue/join', b'{"data": [], "fn_index": 99999, "session_hash": "a"}'),
    ('/queue/join', b'{"data": "x", "fn_index": [], "session_hash": 5}'),
    ('/queue/join', b'[' * 100_000),
    ('/call/image', b'x' * 20_000_000),
    ('/call/image', b'{"data": 5}'),
    ('/call/nothing', b'{"data": []}'),
    ('/upload', b'no form'),
    ('/file=/etc/passwd', b''),
    ('/nothing/at/all', b'{}'),
)


@dataclass
class Count:
    """What came of requests."""

    right: int = 0
    told_to_wait: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    why: set[str] = field(default_factory=set)  # of failures

    def fails(self, why: str) -> None:
        """Count a failure."""
        self.failed += 1
        self.why.add(why[:200])


class Client:
    """One visitor that asks over HTTP.

    Args:
        address: Of the page.
        count: Is told what came of each request.
    """

    def __init__(self, address: str, count: Count) -> None:
        import httpx  # --help need not wait for it

        self.count = count
        self._broken = httpx.HTTPError
        self._http = httpx.AsyncClient(
            base_url=address.rstrip('/') + API,
            timeout=PATIENCE,
            verify=False,  # of http there is nothing to verify; certificates take long
        )

    async def asks(self, example: Any, wanted: Any = None) -> Any:
        """Ask an image, until it is answered; what was found.

        Args:
            example: Of :mod:`uninext.web.examples`.
            wanted: What is to be found; None: anything.
        """
        start = time.perf_counter()
        try:
            answer = await self._answer('image', await self._fields(example))
            found = await self._http.get(f'/file={answer[4]["value"]["path"]}')
            instances = found.json()['instances']
        except (self._broken, ValueError, LookupError, TypeError) as error:
            self.count.fails(repr(error))
            return None
        self.count.seconds.append(time.perf_counter() - start)
        if wanted is None or instances == wanted:
            self.count.right += 1
        else:
            self.count.fails('another answer than alone')
        return instances

    async def leaves(self, example: Any) -> None:
        """Begin a video, and close the connection after its first frames."""
        event = await self._begin('video', await self._fields(example))
        async with self._http.stream('GET', f'/call/video/{event}') as stream:
            async for number, _ in _numbered(stream.aiter_lines()):
                if number > 6:
                    return

    async def makes_no_sense(self) -> None:
        """Send all of what makes no sense; right is a refusal."""
        for path, body in SENSELESS:
            start = time.perf_counter()
            head = {'content-type': 'application/json'}
            try:
                method = 'POST' if body else 'GET'
                said = await self._http.request(
                    method, path, content=body, headers=head
                )
            except self._broken as error:
                self.count.fails(f'{path}: {error!r}')
                continue
            self.count.seconds.append(time.perf_counter() - start)
            if said.is_client_error:
                self.count.right += 1
            else:
                self.count.fails(f'{path}: status {said.status_code}')

    async def close(self) -> None:
        """End its connections."""
        await self._http.aclose()

    async def _fields(self, example: Any) -> list[Any]:
        path = Path(example.path)
        sent = await self._http.post(
            '/upload', files={'files': (path.name, path.read_bytes())}
        )
        sent.raise_for_status()
        file = dict(path=sent.json()[0], orig_name=path.name)
        file['meta'] = {'_type': 'gradio.FileData'}
        return [file, *example[1:], None, 0.3, None]

    async def _begin(self, kind: str, fields: list[Any]) -> str:
        while True:
            asked = await self._http.post(f'/call/{kind}', json=dict(data=fields))
            if asked.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                asked.raise_for_status()
                return asked.json()['event_id']
            self.count.told_to_wait += 1
            await asyncio.sleep(AGAIN_AFTER)

    async def _answer(self, kind: str, fields: list[Any]) -> Any:
        event, data = await self._begin(kind, fields), 'null'
        async with self._http.stream('GET', f'/call/{kind}/{event}') as stream:
            async for line in stream.aiter_lines():
                if line.startswith('data:'):
                    data = line.removeprefix('data:')
        return json.loads(data)


async def _numbered(lines: Any) -> Any:
    number = 0
    async for line in lines:
        number += 1
        yield number, line


async def ask_alone(address: str, examples: Sequence[Any]) -> list[Any]:
    """What is found in each example while nobody else asks.

    Raises:
        RuntimeError: If one is not answered.
    """
    client = Client(address, Count())
    found = [await client.asks(example) for example in examples]
    await client.close()
    if client.count.failed:
        raise RuntimeError(f'Not answered: {client.count.why}')
    return found


async def ask_at_once(
    address: str,
    examples: Sequence[Any],
    wanted: Sequence[Any],
    clients: int,
    requests: int,
    others: Sequence[Any] = (),
) -> tuple[Count, Count]:
    """Let clients ask, each ``requests`` times, all of them at once.

    Args:
        address: Of the page.
        examples: Are asked in turn.
        wanted: What is found in each.
        clients: Number of them.
        requests: Of each.
        others: Videos, one for each further client that leaves in the middle of it,
            after it has sent what makes no sense.

    Returns:
        What came of the questions; of what makes no sense.
    """
    count, senseless = Count(), Count()

    async def visit(number: int) -> None:
        client = Client(address, count)
        for i in range(number, number + requests):
            i %= len(examples)
            await client.asks(examples[i], wanted[i])
        await client.close()

    async def disturb(video: Any) -> None:
        client = Client(address, senseless)
        await client.makes_no_sense()
        await client.leaves(video)
        await client.close()

    await asyncio.gather(*map(visit, range(clients)), *map(disturb, others))
    return count, senseless


# ----------------------------------------------------------------------------- server


@contextlib.contextmanager
def server(arguments: Sequence[str]) -> Iterator[tuple[str, int]]:
    """``uninext demo`` in a process of its own; yields address and process id.

    Raises:
        RuntimeError: If it does not start.
    """
    command = [sys.executable, '-m', 'uninext', 'demo', '--no-browser', *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if READY in line:
                    yield line.partition(READY)[2].split()[0], process.pid
                    break
            else:
                raise RuntimeError(f'{" ".join(command)} did not start.')
        finally:
            process.terminate()


def memory_of(pid: int) -> tuple[float, float]:
    """Peak since the last call and memory now, in MB; nan where Linux is not."""
    folder = Path('/proc', str(pid))
    try:
        lines = (folder / 'status').read_text().splitlines()
        (folder / 'clear_refs').write_text('5')  # the peak begins anew
    except OSError:
        return float('nan'), float('nan')
    values = dict(line.split(':', 1) for line in lines)
    return tuple(int(values[key].split()[0]) / 1000 for key in ('VmHWM', 'VmRSS'))


def row_of(name: str, requests: int, count: Count, memory: tuple[float, float]) -> str:
    """One line of the table."""
    times = count.seconds or [float('nan')]
    quantiles = (f'{np.quantile(times, share):.2f}' for share in (0.5, 0.95, 1))
    cells = name, requests, count.right, count.told_to_wait, count.failed, *quantiles
    return _line((*cells, *(f'{value:.0f}' for value in memory)))


def _line(cells: Sequence[object]) -> str:
    return f'| {" | ".join(map(str, cells))} |'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        '--clients', nargs='+', type=int, default=[1, 50], help='a row each'
    )
    parser.add_argument('--requests', type=int, default=4, help='of each client')
    parser.add_argument(
        '--others',
        type=int,
        default=10,
        help='clients of the last row that disturb; default %(default)s',
    )
    parser.add_argument(
        '--demo',
        nargs=argparse.REMAINDER,
        default=[],
        help='what follows are options of uninext demo, such as --device cpu',
    )


def run(args: argparse.Namespace) -> None:
    """Start the page, ask, print the table.

    Raises:
        RuntimeError: If a request failed.
    """
    from uninext.web.examples import write_examples

    with (
        tempfile.TemporaryDirectory() as folder,
        server(args.demo) as (address, pid),
    ):
        images, videos = write_examples(Path(folder))
        wanted = asyncio.run(ask_alone(address, images))
        memory_of(pid)
        print(_line(COLUMNS), _line(['---', *['---:'] * (len(COLUMNS) - 1)]), sep='\n')
        rows = [(clients, 0) for clients in args.clients]
        if args.others:
            rows.append((args.clients[-1], args.others))
        failures: set[str] = set()
        for clients, others in rows:
            counts = asyncio.run(
                ask_at_once(
                    *(address, images, wanted, clients, args.requests),
                    [videos[i % len(videos)] for i in range(others)],
                )
            )
            time.sleep(2)
            memory = memory_of(pid)
            total = clients * args.requests
            name = f'{clients} and {others} that disturb' if others else str(clients)
            print(row_of(name, total, counts[0], memory), flush=True)
            if others:
                total = others * len(SENSELESS)
                print(row_of('of these: no sense', total, counts[1], memory))
            failures.update(*(count.why for count in counts))
    if failures:
        raise RuntimeError(f'Requests failed: {"; ".join(sorted(failures))}')


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
