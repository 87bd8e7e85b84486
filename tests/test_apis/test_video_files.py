"""Videos that break off are told of; whole ones are not."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from uninext.apis import read_frames
from uninext.apis.images import SourceWarning
from uninext.apis.video import read_header, read_timed_frames, warn_if_broken

TIMES = [0, 0.1, 0.2, 0.3, 1.0, 1.1, 2.5, 2.6, 2.7, 4.0, 4.1, 4.2]
CODECS = {'.mp4': 'libx264', '.mkv': 'libx264', '.webm': 'libvpx', '.ts': 'libx264'}
CLOCK = Fraction(1, 90000)


def write_video(path: Path, times=TIMES, key_frames=12) -> Path:
    """Noise at these times, in seconds."""
    draw = np.random.default_rng(0)
    options = {'movflags': '+faststart'} if path.suffix == '.mp4' else {}
    with av.open(str(path), 'w', options=options) as container:
        stream = container.add_stream(CODECS[path.suffix], 25)
        stream.width = stream.height = 64
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.time_base = CLOCK
        stream.codec_context.gop_size = key_frames
        for time in times:
            image = draw.integers(0, 255, (64, 64, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format='bgr24')
            frame.pts, frame.time_base = int(time / CLOCK), CLOCK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut(path: Path, part: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


def test_a_header_that_says_nothing(tmp_path):
    (tmp_path / 'a.mp4').touch()
    assert read_header(tmp_path / 'a.mp4') == (None, None)
    warn_if_broken(tmp_path / 'a.mp4', 0)


@pytest.mark.parametrize('suffix', CODECS)
def test_whole_videos_have_their_times(tmp_path, suffix):
    path = write_video(tmp_path / f'a{suffix}')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        times = [time for _, time in read_timed_frames(path)]
    np.testing.assert_allclose(times, TIMES, atol=1e-3)


@pytest.mark.parametrize(
    ('suffix', 'message'),
    [
        ('.mp4', r'a\.mp4 is damaged: \d of 12 frames could be read'),
        ('.mkv', r'a\.mkv is damaged: \d frames, \d\.\d of 4\.2 s, could be read'),
        ('.webm', r'a\.webm is damaged: \d frames, \d\.\d of 4\.2 s, could be read'),
    ],
)
def test_a_video_that_breaks_off_says_how_far_it_goes(tmp_path, suffix, message):
    path = cut(write_video(tmp_path / f'a{suffix}'), 0.4)
    with pytest.warns(SourceWarning, match=message):
        count = len(list(read_frames(path)))
    assert 0 < count < 12


def test_a_hole_in_the_middle(tmp_path):
    path = write_video(tmp_path / 'a.mp4')
    content = bytearray(path.read_bytes())
    hole = slice(len(content) // 2, len(content) * 2 // 3)
    content[hole] = bytes(hole.stop - hole.start)
    path.write_bytes(content)
    with pytest.warns(SourceWarning, match='of 12 frames could be read'):
        list(read_frames(path))


def test_a_beginning_that_was_cut_off_without_encoding_is_not_missed(tmp_path):
    source = write_video(tmp_path / 'a.mp4', [i / 10 for i in range(12)])
    with av.open(str(source)) as old, av.open(str(tmp_path / 'b.mp4'), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.pts -= int(0.35 / packet.time_base)  # before 0: an edit list
                packet.dts -= int(0.35 / packet.time_base)
                packet.stream = stream
                new.mux(packet)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        count = len(list(read_frames(tmp_path / 'b.mp4')))
    assert count < 12


def test_cameras_and_folders_have_no_times(tmp_path):
    for number in range(2):
        image = av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), 'rgb24')
        image.to_image().save(tmp_path / f'{number}.png')
    assert [time for _, time in read_timed_frames(tmp_path)] == [None, None]
