"""The server over HTTP: paths, sizes, requests without sense, and who leaves."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pytest

pytest.importorskip('gradio')

from helpers.fake_finder import FakeFinder
from helpers.web_requests import (
    API,
    ask,
    events,
    file_data,
    listened,
    post,
    raw,
    upload,
    wait_until,
)
from uninext.utils.serving_limits import ServingLimits
from uninext.utils.video_writer import VideoWriter
from uninext.web import gate, serving, sessions
from uninext.web import server as server_module
from uninext.web.app import AT_ONCE

SECRET = 'the secret of the machine'
UPLOAD_MB = 0.5
FIELDS = 'star', '', '', None, 0.3, None
OUTSIDE = '.uninext-secret.txt'
PREFIXES = ('file=', 'file/', 'file=/', 'file=//', 'file=file://', 'proxy=', 'stream/')
WALKS = ('static/', 'assets/', 'svelte/', 'gradio_api/custom_component/', 'gradio_api/')


@pytest.fixture(scope='module')
def finder() -> FakeFinder:
    return FakeFinder()


@pytest.fixture(scope='module')
def app(finder) -> Iterator:
    limits = ServingLimits(max_upload_mb=UPLOAD_MB, max_waiting=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_module, 'write_examples', lambda folder: ([], []))
        with serving(finder, limits=limits) as app:
            yield app


@pytest.fixture(scope='module')
def address(app) -> str:
    return app.local_url


@pytest.fixture
def folder(address) -> Path:
    """Of the files of the page."""
    return Path(os.environ['GRADIO_TEMP_DIR'])


@pytest.fixture(scope='module')
def image(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('mine') / 'mine.png'
    cv2.imwrite(str(path), np.zeros((40, 60, 3), np.uint8))
    return path


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('mine') / 'mine.mp4'
    with VideoWriter(path, 10) as writer:
        for _ in range(300):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return path


@pytest.fixture
def secret(folder) -> Iterator[Path]:
    path = folder.parent / f'{folder.name}{OUTSIDE}'
    path.write_text(SECRET)
    yield path
    path.unlink()


def error_of(text: str) -> str:
    return json.loads(text)['error']


class TestPaths:
    def test_files_of_the_page_are_served(self, address, image):
        given = upload(address, image)
        served = raw(address, f'{API}/file={given["path"]}')
        assert served.status == 200
        answered = ask(address, 'image', given, *FIELDS).text
        paths = [part['value']['path'] for part in json.loads(answered)[3:]]
        for path in paths:
            assert raw(address, f'{API}/file={path}').status == 200

    def test_nothing_else_is(self, address, folder, secret):
        inside = f'{folder}/../{secret.name}'
        up = '../' * 12
        given = [str(secret), inside, f'{up}{secret}', f'./{inside}', secret.name]
        link = folder / 'link'
        link.symlink_to(secret)
        paths = [f'{API}/{pre}{path}' for path in given for pre in PREFIXES]
        paths += [f'/{walk}{up}{str(secret)[1:]}' for walk in WALKS]
        paths += [f'{API}/file={link}', f'/{up}{str(secret)[1:]}', str(secret)]
        for path in list(paths):
            paths += [quote(path, safe='/='), path.replace('../', '..%2f')]
            paths += [path.replace('.', '%2e'), quote(quote(path, safe='='), safe='=')]
            paths += [path.replace('../', '..\\'), path.replace('../', '....//')]
        paths += [f'{API}/file={folder}', f'{API}/file=', f'{API}/file=a%00{secret}']
        paths += [f'{API}/file={"a" * 5000}']
        assert len(set(paths)) > 200
        seen = {path: raw(address, path) for path in dict.fromkeys(paths)}
        link.unlink()
        assert not [path for path, got in seen.items() if SECRET in got.text]
        assert {got.status for got in seen.values()} <= {400, 403, 404, 405}

    @pytest.mark.parametrize(
        'url', ['http://127.0.0.1:1/a.jpg', 'https://example.com/a.jpg', 'ftp://a/b']
    )
    def test_no_address_is_fetched_or_pointed_to(self, address, url):
        assert raw(address, f'{API}/file={url}').status == 403
        assert raw(address, f'{API}/proxy={url}').status == 404
        for kind in ('image', 'video'):
            said = ask(address, kind, file_data(url), *FIELDS)
            assert 'fetched from addresses' in said.text or 'not uploaded' in said.text

    def test_questions_take_files_of_the_page_alone(self, address, image, folder):
        given = upload(address, image)['path']
        for path in (image, f'{folder}/../{image}', f'{given}/../../../{image}'):
            for kind in ('image', 'video'):
                said = error_of(ask(address, kind, file_data(path), *FIELDS).text)
                assert 'was not uploaded by a user' in said or 'no longer here' in said

    def test_a_file_that_is_gone_is_said_so(self, address, image):
        given = upload(address, image)
        Path(given['path']).unlink()
        said = error_of(ask(address, 'image', given, *FIELDS).text)
        assert 'uploads go after 60 minutes' in said

    @pytest.mark.parametrize(
        'path', ['/monitoring', f'{API}/run/image', f'{API}/api/image', '/login']
    )
    def test_what_the_page_has_no_use_for_is_closed(self, address, path):
        assert raw(address, path, 'POST', b'{}').status in (404, 405)
        assert raw(address, path).status == 404

    def test_nobody_asks_past_the_queue(self, address, image):
        functions = json.loads(raw(address, '/config').text)['dependencies']
        (asks,) = (f['id'] for f in functions if f['api_name'] == 'image')
        data = [upload(address, image), *FIELDS]
        asked = dict(data=data, fn_index=asks, session_hash='me')
        assert post(address, '/run/predict', asked).status == 404


class TestSizes:
    @pytest.mark.parametrize('is_declared', [True, False])
    def test_an_upload_that_is_too_large(self, address, folder, is_declared):
        before = set(folder.rglob('*'))
        head = b'--x\r\nContent-Disposition: form-data; name="files"; '
        head += b'filename="holiday.mp4"\r\n\r\n'
        parts = [head, *[b'a' * 100_000] * 8, b'\r\n--x--\r\n']
        body = b''.join(parts) if is_declared else iter(chunked(parts))
        headers = {} if is_declared else {'Transfer-Encoding': 'chunked'}
        kind = 'multipart/form-data; boundary=x'
        said = raw(
            *(address, f'{API}/upload', 'POST', body), Content_Type=kind, **headers
        )
        assert said.status == 413
        assert said.text == (
            'holiday.mp4 is too large; 0.5 MB are the limit. (--max-upload-mb of '
            'uninext demo sets the limit.)'
        )
        leftover = [path for path in set(folder.rglob('*')) - before if path.is_file()]
        assert sum(path.stat().st_size for path in leftover) <= 600_000

    def test_a_question_that_is_too_large(self, address):
        said = post(address, '/call/image', dict(data=['x' * 17_000_000]))
        assert said.status == 413
        assert '16 MB' in said.text

    def test_who_stops_sending_is_not_waited_for(self, monkeypatch):
        monkeypatch.setattr(gate, 'DRAIN_SECONDS', 0.05)

        async def receive() -> dict:
            if sent.pop(0):
                return {'type': 'http.request', 'body': b'a', 'more_body': True}
            return await asyncio.Event().wait()

        sent = [True, True, False]
        asyncio.run(asyncio.wait_for(gate._Body(receive, 1).drain(), 10))
        assert sent == []

    def test_gradio_tells_browsers_the_limit(self, address):
        config = json.loads(raw(address, '/config').text)
        assert config['max_file_size'] == UPLOAD_MB * 1e6


def chunked(parts: list[bytes]) -> list[bytes]:
    return [*(b'%x\r\n%s\r\n' % (len(p), p) for p in parts), b'0\r\n\r\n']


WRONG_BODIES = [
    b'',
    b'{',
    b'null',
    b'[]',
    b'{"data": 5}',
    b'{"data": [], "fn_index": 99999, "session_hash": "a"}',
    b'{"data": [], "fn_index": "x", "session_hash": "a"}',
    b'{"data": null, "fn_index": -1, "session_hash": {}}',
    b'\xff\xfe',
    b'[' * 100_000,
    b'{"data": [' + b'9' * 5000 + b']}',
]
WRONG_PATHS = ['/call/nothing', '/call/image/unknown', '/queue/nothing', '/stream/a/b']


class TestNoSense:
    @pytest.mark.parametrize('path', ['/queue/join', '/call/image', '/cancel'])
    def test_bodies(self, address, path):
        for body in WRONG_BODIES:
            said = raw(
                *(address, API + path, 'POST', body), Content_Type='application/json'
            )
            if said.status == 200 and path == '/call/image':  # fields are wanting
                event = json.loads(said.text)['event_id']
                assert 'found:' not in list(events(address, 'image', event))[-1]
                continue
            assert said.status in (400, 404, 422), body[:40]
            assert 'Traceback' not in said.text

    @pytest.mark.parametrize('path', WRONG_PATHS)
    def test_paths(self, address, path):
        for method in ('POST', 'GET', 'PUT', 'DELETE'):
            said = raw(
                *(address, API + path, method, b'{"data": []}'),
                Content_Type='application/json',
            )
            assert (
                said.status in (400, 404, 405, 422) or 'not found' in said.text.lower()
            )

    @pytest.mark.parametrize(
        'kind', ['text/plain', 'multipart/form-data', 'multipart/form-data; boundary=x']
    )
    def test_uploads(self, address, kind):
        said = raw(address, f'{API}/upload', 'POST', b'nothing', Content_Type=kind)
        assert said.status in (400, 422)

    @pytest.mark.parametrize('kind', ['image', 'video'])
    def test_fields_of_wrong_types(self, address, image, kind):
        given = upload(address, image)
        for data in (
            [],
            [given],
            ['text', *FIELDS],
            [5, *FIELDS],
            [[given], *FIELDS],
            [dict(given, path=None), *FIELDS],
            [dict(given, path=5), *FIELDS],
            [given, '', '', '', [[]], 0.3, None],
            [given, 'star', '', '', None, 'high', None],
            [given, '', '', '1 1 9 9', None, 0.3, 'photo'],
            [given, 'star', '', 'a b c d', None, 0.3, None],
            [given, *FIELDS, 'more', 'than', 'there', 'is'],
        ):
            said = ask(address, kind, *data)
            if said.status == 200 and kind == 'image' and len(data) > 7:
                continue  # what is too much is left out
            assert said.status != 200 or error_of(said.text), data

    def test_the_next_question_is_answered(self, address, image):
        answered = ask(address, 'image', upload(address, image), *FIELDS)
        assert 'What was found: 1' in answered.text


class TestLeaving:
    def test_closing_the_connection_ends_the_video(
        self, address, finder, video, monkeypatch
    ):
        monkeypatch.setattr(finder, 'seconds', 0.05)
        given = upload(address, video)
        event = begun(address, given)
        assert len(list(events(address, 'video', event, most=3))) == 3
        assert_stands_still(finder)

    def test_so_does_never_listening(self, address, finder, video, monkeypatch):
        monkeypatch.setattr(finder, 'seconds', 0.05)
        monkeypatch.setattr(sessions, 'PATIENCE', 0.5)
        before = finder.frames_seen
        begun(address, upload(address, video))
        assert wait_until(lambda: finder.frames_seen > before)
        assert_stands_still(finder)

    def test_cameras_that_leave_make_room_for_others(self, address, image):
        """Four run at once; Gradio alone would wait for each for half an hour."""
        functions = json.loads(raw(address, '/config').text)['dependencies']
        (camera,) = (f['id'] for f in functions if f['connection'] == 'stream')
        content = base64.b64encode(image.read_bytes()).decode()
        frame = dict(url=f'data:image/png;base64,{content}')
        for number in range(AT_ONCE + 1):
            session = f'camera{number}'
            asked = dict(data=[frame, 'star', '', 0.3, None], fn_index=camera)
            assert (
                post(address, '/queue/join', asked | {'session_hash': session})[0]
                == 200
            )
            stream = listened(address, f'/queue/data?session_hash={session}')
            assert any('What was found: 1' in event for event in stream)
            stream.close()

    def test_nothing_is_remembered_of_those_who_have_left(self, app, image):
        def remembered() -> list[set[str]]:
            queue = app._queue.event_ids_to_events, app._queue.pending_event_ids_session
            return [set(kept) for kept in (*queue, app.state_holder.session_data)]

        before = remembered()
        ask(app.local_url, 'image', upload(app.local_url, image), *FIELDS)
        assert wait_until(lambda: all(map(set.__le__, remembered(), before)), 5)

    def test_beyond_the_queue_one_is_told_to_wait(
        self, address, finder, image, video, monkeypatch
    ):
        monkeypatch.setattr(finder, 'seconds', 0.05)
        given, still = upload(address, video), upload(address, image)
        listening = []
        for _ in range(AT_ONCE):
            event = begun(address, given)
            stream = events(address, 'video', event)
            next(stream)
            listening.append(stream)
        asked = [
            post(address, '/call/image', dict(data=[still, *FIELDS])) for _ in '123'
        ]
        assert [answer.status for answer in asked] == [200, 503, 503]
        assert 'wait already' in asked[-1].text
        assert '--max-waiting' in asked[-1].text
        for stream in listening:
            stream.close()
        waited = json.loads(asked[0].text)['event_id']
        assert 'What was found' in list(events(address, 'image', waited))[-1]


def begun(address: str, video: dict) -> str:
    return json.loads(post(address, '/call/video', dict(data=[video, *FIELDS])).text)[
        'event_id'
    ]


def assert_stands_still(finder: FakeFinder) -> None:
    def is_still() -> bool:
        seen = finder.frames_seen
        threading.Event().wait(0.4)
        return finder.frames_seen == seen

    assert wait_until(is_still, 10)
    assert finder.frames_seen % 300 or not finder.frames_seen
