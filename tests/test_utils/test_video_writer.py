"""Videos written here are read back by OpenCV, which brings its own ffmpeg."""

from __future__ import annotations

import sys
from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from uninext.utils.files import FileError
from uninext.utils.video_writer import ENCODERS, VideoWriter


def gradient(height: int, width: int, step: int = 0) -> np.ndarray:
    """A smooth image that moves with ``step``: chroma is halved in the file."""
    y, x = np.mgrid[:height, :width]
    blue, green = 255 * x / width, 255 * y / height
    return np.stack([blue, green, np.full_like(blue, 20 * step)], -1).astype(np.uint8)


def read(path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (found := capture.read())[0]:
        frames.append(found[1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


def test_no_frame_writes_no_file(tmp_path):
    with VideoWriter(tmp_path / 'new' / 'a.mp4', 25):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('height', 'width', 'fps', 'expected'),
    [
        (48, 64, 10, 10),
        (49, 64, 12.5, 12.5),
        (48, 63, Fraction(30000, 1001), 29.97003),
        (33, 35, 29.97002997, 29.97003),
        (32, 16, 0.5, 0.5),
        (1, 1, 60, 60),
    ],
)
def test_frames_come_back(tmp_path, height, width, fps, expected):
    frames = [gradient(height, width, step) for step in range(7)]
    with VideoWriter(tmp_path / 'a.mp4', fps) as video:
        for frame in frames:
            video.write(frame)
    assert video.num_frames == 7
    found, found_fps = read(tmp_path / 'a.mp4')
    assert found_fps == pytest.approx(expected, rel=1e-5)
    assert len(found) == 7
    assert found[0].shape == (height + height % 2, width + width % 2, 3)
    for frame, seen in zip(frames, found):
        difference = np.abs(seen[:height, :width].astype(int) - frame)
        assert difference.mean() < 6
    assert [path.name for path in tmp_path.iterdir()] == ['a.mp4']


def times_of(path) -> tuple[list[float], float]:
    """When frames are shown, and how long the video lasts."""
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
        return times, container.duration / av.time_base


@pytest.mark.parametrize('start', [0, 1.4])
def test_frames_are_shown_at_their_times(tmp_path, start):
    times = [0, 0.1, 0.2, 1.0, 2.5, 4.0]
    with VideoWriter(tmp_path / 'a.mp4', 2) as video:
        for step, time in enumerate(times):
            video.write(gradient(32, 32, step), start + time)
    found, seconds = times_of(tmp_path / 'a.mp4')
    np.testing.assert_allclose(found, times, atol=1e-4)
    assert seconds == pytest.approx(4.5, abs=1e-3)  # the last lasts as fps says


@pytest.mark.parametrize('fps', [12.5, Fraction(30000, 1001), 60])
def test_equal_times_are_a_frame_rate(tmp_path, fps):
    with VideoWriter(tmp_path / 'a.mp4', fps) as video:
        for step in range(7):
            video.write(gradient(32, 32, step), step / float(fps))
    frames, found = read(tmp_path / 'a.mp4')
    assert len(frames) == 7
    assert found == pytest.approx(float(fps), rel=1e-3)


def test_times_that_stand_still_or_are_absent_go_on(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4', 10) as video:
        for step, time in enumerate([0.5, 0.5, None, 0.4, 2.0]):
            video.write(gradient(32, 32, step), time)
    found, _ = times_of(tmp_path / 'a.mp4')
    np.testing.assert_allclose(found, [0, 0, 0.1, 0.1, 1.5], atol=1e-4)
    assert sorted(set(found)) == found


def test_times_after_a_frame_without_one_are_not_kept(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4', 10) as video:
        for time in (None, 7.0):
            video.write(gradient(32, 32), time)
    np.testing.assert_allclose(times_of(tmp_path / 'a.mp4')[0], [0, 0.1], atol=1e-4)


@pytest.mark.parametrize(
    'color', [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (255, 255, 255)]
)
def test_colours(tmp_path, color):
    with VideoWriter(tmp_path / 'a.mp4', 25) as video:
        video.write(np.full((32, 32, 3), color, np.uint8))
    (frame,), _ = read(tmp_path / 'a.mp4')
    assert np.abs(frame[16, 16].astype(int) - color).max() <= 6


def test_browsers_can_play_it(tmp_path):
    """H.264 in yuv420p with its colours named, and the index before the data."""
    with VideoWriter(tmp_path / 'a.mp4', 25) as video:
        video.write(gradient(32, 32))
    with av.open(str(tmp_path / 'a.mp4')) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ('h264', 'yuv420p')
        assert (context.colorspace, context.color_range) == (6, 1)
    content = (tmp_path / 'a.mp4').read_bytes()
    assert 0 < content.index(b'moov') < content.index(b'mdat')


@pytest.mark.parametrize('num_frames', [0, 1])
def test_after_an_exception_nothing_is_left(tmp_path, num_frames):
    path = tmp_path / 'a.mp4'
    path.write_bytes(b'before')
    with pytest.raises(ZeroDivisionError), VideoWriter(path, 25) as video:
        for _ in range(num_frames):
            video.write(gradient(32, 32))
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ['a.mp4']
    assert path.read_bytes() == b'before'


def test_a_full_disk_is_a_message(tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    with pytest.raises(FileError, match='No space left'):  # noqa: SIM117
        with VideoWriter(tmp_path / 'a.mp4', 25) as video:
            video.write(gradient(32, 32))
            monkeypatch.setattr(video, '_stream', SimpleNamespace(encode=fails))
    assert not list(tmp_path.iterdir())


def test_frames_must_be_of_one_size(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4', 25) as video:
        video.write(gradient(32, 64))
        with pytest.raises(ValueError, match='frame 1 is 66 x 32 .* first was 64 x 32'):
            video.write(gradient(32, 66))


@pytest.mark.parametrize(
    'frame',
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), 'u1')],
)
def test_frames_must_be_bgr(tmp_path, frame):
    with (
        VideoWriter(tmp_path / 'a.mp4', 25) as video,
        pytest.raises(ValueError, match='uint8 BGR, got'),
    ):
        video.write(frame)


@pytest.mark.parametrize('fps', [0, -1, float('nan'), float('inf'), 2000])
def test_fps_must_be_possible(tmp_path, fps):
    with pytest.raises(ValueError, match='fps must be above 0'):
        VideoWriter(tmp_path / 'a.mp4', fps)


def test_very_slow_videos(tmp_path):
    assert VideoWriter(tmp_path / 'a.mp4', 1e-6).fps == Fraction(1, 1001)


def test_the_suffix_names_the_format(tmp_path):
    with pytest.raises(ValueError, match=r'ends in \.mp4'):
        VideoWriter(tmp_path / 'a.avi', 25)


def test_without_pyav_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(ImportError, match='pip install av'):
        VideoWriter(tmp_path / 'a.mp4', 25)


def test_without_an_encoder(tmp_path, monkeypatch):
    others = frozenset(av.codecs_available) - set(ENCODERS)
    monkeypatch.setattr(av, 'codecs_available', others)
    with pytest.raises(ImportError, match=r'no encoder of H\.264'):
        VideoWriter(tmp_path / 'a.mp4', 25)
