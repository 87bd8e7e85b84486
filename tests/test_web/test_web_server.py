"""The real server, asked through gradio_client; its launcher and its files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest

gr = pytest.importorskip('gradio')
warnings.filterwarnings('ignore', module='gradio')

from gradio_client import Client, handle_file

from helpers.fake_finder import FakeFinder
from uninext.apis import read_frames
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.web import build_app, serving
from uninext.web import server as server_module
from uninext.web.examples import FPS, NUM_FRAMES, SIZE_WH, write_examples
from uninext.web.shared_inferencer import FRAME_WH


@pytest.fixture(scope='module')
def examples(tmp_path_factory):
    return write_examples(tmp_path_factory.mktemp('examples'))


@pytest.fixture(scope='module')
def app() -> Iterator:
    with serving(FakeFinder(), 'fake <model>') as app:
        yield app


@pytest.fixture(scope='module')
def client(app) -> Client:
    return Client(app.local_url, verbose=False)


class TestExamples:
    def test_are_scenes_with_prompts_of_all_kinds(self, examples):
        images, videos = examples
        for example in images:
            assert cv2.imread(example.path).shape[1::-1] == SIZE_WH
        for example in videos:
            frames = list(read_frames(example.path))
            assert len(frames) == NUM_FRAMES
            assert frames[0].shape[1::-1] == SIZE_WH
        kinds = [[bool(part) for part in e[1:]] for e in images]
        assert kinds == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]
        assert videos[0].categories
        assert videos[1].boxes

    def test_nothing_else_is_left(self, examples):
        folder = Path(examples[0][0].path).parent
        assert len(list(folder.iterdir())) == 6


class TestServer:
    def test_an_image(self, client, examples):
        image, status, table, drawn, records = client.predict(
            handle_file(examples[0][0].path), 'star, ring', '', '', None, 0.3,
            api_name='/image',
        )  # fmt: skip
        assert cv2.imread(_path(image)).shape[0] == FRAME_WH[1]
        assert cv2.imread(_path(drawn)).shape[1::-1] == SIZE_WH
        assert 'Answered' in _value(status)
        assert 'star' in _value(table)
        instances = json.loads(Path(_path(records)).read_text())['instances']
        assert len(instances) == 2

    def test_a_video_frame_by_frame(self, client, examples):
        job = client.submit(
            handle_file(examples[1][1].path), '', '', '10 10 60 60', None,
            0.3, api_name='/video',
        )  # fmt: skip
        final = job.result(timeout=120)
        texts = [str(output) for output in job.outputs()]
        assert any('Frame 1 of' in text for text in texts)
        assert f'Done: {NUM_FRAMES} frames' in texts[-1]
        mp4 = next(_path(part) for part in final if str(part).count('.mp4'))
        capture = cv2.VideoCapture(mp4)
        assert capture.get(cv2.CAP_PROP_FPS) == FPS
        assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == NUM_FRAMES

    def test_a_painting_is_json(self, client, examples):
        painting = dict(strokes=[dict(color=1, width=9, points=[[50, 50], [90, 50]])])
        asked = handle_file(examples[0][0].path), '', '', ''
        for given in (painting, json.dumps(painting)):
            answer = client.predict(*asked, given, 0.3, api_name='/image')
            assert 'target' in _value(answer[2])
        with pytest.raises(Exception, match='A painting is JSON such as'):
            client.predict(*asked, 'red', 0.3, api_name='/image')

    def test_what_another_image_shows(self, client, examples, tmp_path):
        photo = cv2.resize(cv2.imread(examples[0][1].path), (640, 480))
        cv2.imwrite(str(tmp_path / 'photo.png'), photo)
        box = '400 300 600 460'  # outside of images and videos
        for kind, example in zip(
            ('/image', '/video'), (examples[0][0], examples[1][0])
        ):
            asked = handle_file(example.path), '', '', box, None, 0.3
            with pytest.raises(Exception, match='no area inside'):
                client.predict(*asked, api_name=kind)
            shown_in = handle_file(str(tmp_path / 'photo.png'))
            answer = client.predict(*asked, shown_in, api_name=kind)
            assert 'box (400, 300, 600, 460)' in str(answer)

    def test_a_track_is_corrected_and_others_cannot_correct_it(
        self, client, app, examples
    ):
        asked = handle_file(examples[1][1].path), '', '', '10 10 60 60', None, 0.3
        first = client.predict(*asked, api_name='/video')
        painting = dict(strokes=[dict(color=2, width=20, points=[[200, 90]])])
        for shown in (('100 100 180 200', None), ('', painting)):
            answer = client.predict(NUM_FRAMES - 3, 0, *shown, api_name='/correct')
            assert f'Done: {NUM_FRAMES} frames' in str(answer)
        *_, records = (_path(part) for part in answer if '.json' in str(part))
        frames = json.loads(Path(records).read_text())['frames']
        *_, records = (_path(part) for part in first if '.json' in str(part))
        before = json.loads(Path(records).read_text())['frames']
        assert frames[: NUM_FRAMES - 3] == before[: NUM_FRAMES - 3]
        for frame in frames[NUM_FRAMES - 3 :]:
            (one,) = frame['instances']
            assert one['track_id'] == 0
            assert one['box_xyxy'] == pytest.approx([190, 80, 210, 100], abs=1)
        for wrong, message in (
            ((NUM_FRAMES, 0, '1 1 9 9', None), 'maximum value'),
            ((0, 9, '1 1 9 9', None), 'no track 9'),
            ((0, None, '1 1 9 9', None), 'No track is chosen'),
        ):
            with pytest.raises(Exception, match=message):
                client.predict(*wrong, api_name='/correct')
        other = Client(app.local_url, verbose=False)
        with pytest.raises(Exception, match='Track a video first'):
            other.predict(0, 0, '1 1 9 9', None, api_name='/correct')

    def test_three_functions_are_public(self, client):
        named = client.view_api(return_format='dict')['named_endpoints']
        assert set(named) == {'/image', '/video', '/correct'}

    def test_nothing_is_loaded_from_elsewhere(self, app):
        config = app.get_config_file()
        assert config['analytics_enabled'] is False
        assert not [url for url in config.get('stylesheets', []) if '://' in url]
        assert 'fake &lt;model&gt;' in json.dumps(config, default=str)

    def test_files_are_gone_after(self):
        with serving(FakeFinder()) as app:
            folder = Path(os.environ['GRADIO_TEMP_DIR'])
            assert any(folder.rglob('*.jpg'))
            assert app.local_url
        assert not folder.exists()
        assert os.environ.get('GRADIO_TEMP_DIR') != str(folder)


class TestLaunch:
    @pytest.fixture
    def opened(self, monkeypatch) -> list:
        opened: list = []
        monkeypatch.setattr('webbrowser.open', opened.append)
        monkeypatch.setattr(
            server_module, 'UninextInferencer', lambda *_, **__: FakeFinder()
        )
        monkeypatch.setattr(
            'gradio.Blocks.block_thread', lambda self: opened.append('blocked')
        )
        return opened

    def test_opens_the_browser_and_waits(self, opened, capsys):
        server_module.launch('some/config.py', 'weights.pth')
        assert opened[0].startswith('http://127.0.0.1:')
        assert opened[1] == 'blocked'
        assert opened[0] in capsys.readouterr().out

    def test_a_port_that_is_taken(self, opened, app):
        port = int(app.local_url.rstrip('/').rsplit(':', 1)[1])
        with pytest.raises(OSError, match=f'Port {port} is taken.*--port'):
            server_module.launch(port=port, open_browser=False)
        assert opened == []

    @pytest.mark.parametrize('host', ['no-such-host.invalid', '203.0.113.9'])
    def test_a_host_that_is_not_here(self, opened, host):
        with pytest.raises(OSError, match=r'--host'):
            server_module.launch(host=host, open_browser=False)

    @pytest.mark.parametrize(
        'model, given, stored, begins',
        [
            (None, None, {}, 0.5),
            ('a/config.py', None, {}, SCORE_THRESHOLD),
            (None, 0.4, {}, 0.4),
            (None, None, {'category': 0.6}, 0.6),
            (None, 0.4, {'category': 0.6}, 0.4),
        ],
    )
    def test_where_the_threshold_begins(
        self, opened, monkeypatch, model, given, stored, begins
    ):
        pages, finder = [], FakeFinder()
        finder.thresholds = stored
        monkeypatch.setattr(server_module, 'UninextInferencer', lambda *_, **__: finder)

        @contextlib.contextmanager
        def fake(*arguments):
            sliders = build_app(FakeFinder(), score_thr=arguments[-1]).blocks.values()
            sliders = [s for s in sliders if isinstance(s, gr.Slider)]
            named = [s.value for s in sliders if s.label == 'Score threshold']
            pages.append(named)
            yield SimpleNamespace(local_url='', share_url='', block_thread=lambda: None)

        monkeypatch.setattr(server_module, 'serving', fake)
        server_module.launch(model, score_thr=given, open_browser=False)
        assert pages == [[begins] * 3]

    def test_no_threshold_is_refused_before_the_model_is_built(self, opened):
        with pytest.raises(ValueError, match='score_thr'):
            server_module.launch(score_thr=2, open_browser=False)

    def test_kill_ends_it_like_ctrl_c(self):
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit), server_module._ended_by_kill():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is before

    @pytest.mark.parametrize(
        'model, checkpoint, name',
        [
            (None, None, 'uninext_tiny'),
            ('uninext_tiny', None, 'uninext_tiny'),
            ('a/config.py', Path('b/weights.pth'), 'config.py + weights.pth'),
        ],
    )
    def test_name_in_the_header(self, model, checkpoint, name):
        assert server_module._name_of(model, checkpoint) == name


def _path(output) -> str:
    """The file of an output, however the client wraps it."""
    while isinstance(output, dict):
        output = output.get('video') or output.get('path') or output.get('value')
    return str(output)


def _value(output) -> str:
    return output['value'] if isinstance(output, dict) else str(output)
