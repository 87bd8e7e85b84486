"""Uploads are checked by their headers, and called by the name they had."""

from __future__ import annotations

import base64
import io
import zlib
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from PIL import Image

gr = pytest.importorskip('gradio')

from helpers.tools import ROOT
from uninext.apis import SourceError
from uninext.utils.serving_limits import ServingLimits, all_limits, option_of
from uninext.utils.video_writer import VideoWriter
from uninext.web.uploads import (
    MAX_RATE,
    Upload,
    called,
    check_image,
    check_video,
    fields_of,
    is_too_long,
    read_camera,
    read_upload,
)

SIZE_HW = (48, 64)
FPS = 10
LIMITS = ServingLimits()


@pytest.fixture
def image(tmp_path) -> Upload:
    pixels = np.random.default_rng(0).integers(0, 255, (*SIZE_HW, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a1b2.png')
    return Upload(str(tmp_path / 'a1b2.png'), 'mine.png')


@pytest.fixture
def video(tmp_path) -> Upload:
    with VideoWriter(tmp_path / 'a1b2.mp4', FPS) as writer:
        for _ in range(2 * FPS):
            writer.write(np.zeros((*SIZE_HW, 3), np.uint8))
    return Upload(str(tmp_path / 'a1b2.mp4'), 'mine.mp4')


def message(check, upload: Upload, **limits) -> str:
    """Of the error; it names the upload, and not where it lies."""
    with pytest.raises(SourceError) as caught:
        check(upload, ServingLimits(**limits))
    assert upload.name in str(caught.value)
    assert upload.path not in str(caught.value)
    return str(caught.value)


class TestLimits:
    def test_each_is_an_option_with_a_meaning(self):
        names = [option_of(name) for name, *_ in all_limits()]
        assert '--max-upload-mb' in names
        assert len(set(names)) == len(names) == len(vars(LIMITS))
        assert all(about for *_, about in all_limits())

    @pytest.mark.parametrize('wrong', [0, -1, float('nan'), float('inf')])
    def test_none_is_no_limit(self, wrong):
        with pytest.raises(ValueError, match='--max-video-mp must be above 0, got'):
            ServingLimits(max_video_mp=wrong)


class TestImages:
    def test_pixels_are_read_from_the_header(self, image):
        mp = SIZE_HW[0] * SIZE_HW[1] / 1e6
        check_image(image, ServingLimits(max_image_mp=mp))
        said = message(check_image, image, max_image_mp=0.99 * mp)
        assert 'has 64 x 48 pixels' in said
        assert '--max-image-mp' in said

    @pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
    @pytest.mark.parametrize('side', [12_000, 60_000])
    def test_a_bomb_is_refused_before_it_is_decoded(self, image, side):
        """A header of 12000 x 12000, or more than Pillow opens; no pixel follows."""
        content = bytearray(Path(image.path).read_bytes())
        content[16:24] = 2 * side.to_bytes(4, 'big')
        content[29:33] = checksum(content[12:29])
        Path(image.path).write_bytes(content)
        assert 'megapixels are the limit' in message(check_image, image)

    @pytest.mark.parametrize('content', [b'', b'<svg/>', b'%!PS-Adobe-3.0 EPSF-3.0\n'])
    def test_what_is_no_image_is_said_so(self, image, content):
        Path(image.path).write_bytes(content)
        assert message(check_image, image) == (
            'Cannot read mine.png: it is damaged, or no image.'
        )

    @pytest.mark.parametrize('suffix', ['png', 'webp', 'gif', 'ppm', 'tiff', 'jp2'])
    def test_read_rgb_of_each_format(self, image, tmp_path, suffix):
        pixels = np.zeros((*SIZE_HW, 3), np.uint8)
        pixels[:, :32] = 255, 0, 0
        upload = Upload(str(tmp_path / f'c3.{suffix}'), f'mine.{suffix}')
        Image.fromarray(pixels).save(upload.path)
        check_image(upload, LIMITS)
        read = read_upload(upload)
        assert read.shape == (*SIZE_HW, 3)
        assert (cv2.absdiff(read, pixels)[:, :24] < 16).all()

    def test_errors_while_reading_say_the_name(self, image):
        assert read_upload(None) is None
        content = Path(image.path).read_bytes()
        Path(image.path).write_bytes(content[:60])
        with pytest.raises(SourceError, match=r'mine\.png') as caught:
            read_upload(image)
        assert image.path not in str(caught.value)

    def test_other_errors_pass_as_they_are(self, image):
        with pytest.raises(ValueError, match='^of something else$'), called(image):
            raise ValueError('of something else')


def checksum(chunk: bytes) -> bytes:
    """Of a chunk of PNG."""
    return zlib.crc32(bytes(chunk)).to_bytes(4, 'big')


class TestVideos:
    def test_duration_and_pixels_are_read_from_the_header(self, video):
        check_video(video, ServingLimits(max_video_seconds=2, max_video_mp=0.003072))
        said = message(check_video, video, max_video_seconds=1.9)
        assert 'lasts 2.0 s and has 20 frames' in said
        assert '--max-video-seconds' in said
        said = message(check_video, video, max_video_mp=0.003)
        assert '64 x 48 pixels' in said
        assert '--max-video-mp' in said

    def test_many_frames_are_long_however_fast_they_run(self):
        assert not is_too_long(0, 10 * MAX_RATE, ServingLimits(max_video_seconds=10))
        assert is_too_long(0, 10 * MAX_RATE + 1, ServingLimits(max_video_seconds=10))

    @pytest.mark.parametrize('content', [b'', b'no video', b'\x89PNG\r\n\x1a\n'])
    def test_what_is_no_video_is_said_so(self, video, content):
        Path(video.path).write_bytes(content)
        assert message(check_video, video) == (
            'Cannot read mine.mp4: it is damaged, or no video.'
        )

    def test_sound_alone_is_no_video(self, video):
        with av.open(video.path, 'w') as container:
            stream = container.add_stream('aac', rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), 'fltp')
            frame.rate = 8000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
        assert 'no video' in message(check_video, video)

    @pytest.mark.parametrize('name', ['list.m3u8', 'list.mp4', 'list.avi'])
    @pytest.mark.parametrize(
        'text',
        [
            '#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n',
            "ffconcat version 1.0\nfile '{}'\n",
        ],
        ids=['hls', 'concat'],
    )
    def test_a_list_of_other_files_opens_none_of_them(
        self, video, tmp_path, name, text
    ):
        """FFmpeg follows both; a visitor would see videos of the server."""
        for address in (video.path, f'file://{video.path}', 'a1b2.mp4'):
            (tmp_path / name).write_text(text.format(address))
            assert 'no video' in message(
                check_video, Upload(str(tmp_path / name), name)
            )


class TestCamera:
    def sent(self, pixels, mode='JPEG', head='data:image/jpeg;base64,'):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, mode)
        return SimpleNamespace(url=head + base64.b64encode(file.getvalue()).decode())

    def test_no_frame_and_a_frame(self):
        assert read_camera(None, LIMITS) is None
        pixels = np.full((*SIZE_HW, 3), (200, 0, 0), np.uint8)
        assert (read_camera(self.sent(pixels, 'PNG'), LIMITS) == pixels).all()

    def test_pixels_are_limited(self):
        with pytest.raises(SourceError, match='camera has 64 x 48 pixels'):
            read_camera(
                self.sent(np.zeros((*SIZE_HW, 3), np.uint8)),
                ServingLimits(max_video_mp=0.001),
            )

    @pytest.mark.parametrize(
        'url',
        [None, 'http://127.0.0.1/a.jpg', 'data:image/png;base64,%%', 'data:image/a,'],
    )
    def test_anything_else_is_refused(self, url):
        with pytest.raises(SourceError, match='frame of a|frame of the camera'):
            read_camera(SimpleNamespace(url=url), LIMITS)


class TestFields:
    def test_are_gradios_in_the_browser_and_leave_no_file_here(self):
        names = [field().get_block_name() for field in fields_of(LIMITS)]
        assert names == ['image', 'video', 'image']
        assert not list((ROOT / 'uninext').rglob('*.pyi'))

    def test_give_what_was_checked(self, image):
        field = fields_of(LIMITS)[0]()
        assert field.preprocess(None) is None
        payload = SimpleNamespace(path=image.path, orig_name='C:/x/../mine.png')
        assert field.preprocess(payload) == image
        with pytest.raises(gr.Error, match='fetched from addresses'):
            field.preprocess(SimpleNamespace(path=None, orig_name=None))
        small = fields_of(ServingLimits(max_image_mp=0.001))[0]()
        with pytest.raises(gr.Error, match=r'mine\.png has 64 x 48 pixels'):
            small.preprocess(payload)
