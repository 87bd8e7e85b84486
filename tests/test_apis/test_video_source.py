from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from uninext.apis import open_session, read_frames


def frames(count=3, size_hw=(48, 64)):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, (*size_hw, 3), np.uint8) for _ in range(count)]


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match='holds no image'):
        list(read_frames(tmp_path))


def test_no_such_video():
    with pytest.raises(ValueError, match=r'There is no video nowhere\.mp4'):
        list(read_frames('nowhere.mp4'))


def test_a_file_that_is_no_video(tmp_path):
    path = tmp_path / 'text.mp4'
    path.write_text('not a video')
    with pytest.raises(ValueError, match='No frame can be read'):
        list(read_frames(path))


def test_a_camera_that_is_not_there(monkeypatch):
    closed = cv2.VideoCapture()
    monkeypatch.setattr(cv2, 'VideoCapture', lambda _: closed)
    with pytest.raises(ValueError, match='The camera 7 cannot be opened, or sends no'):
        list(read_frames(7))


def test_images_of_a_folder_come_in_the_order_of_their_numbers(tmp_path):
    (tmp_path / 'notes.txt').write_text('no image')
    for name in ('b-2', 'b-10', 'a-3'):
        image = np.full((8, 8, 3), int(name[2:]), np.uint8)
        cv2.imwrite(str(tmp_path / f'{name}.tif'), image)
    assert [frame[0, 0, 0] for frame in read_frames(str(tmp_path))] == [3, 2, 10]


def test_a_damaged_image_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / '0.png'), frames(1)[0])
    (tmp_path / '1.png').write_bytes(b'nothing')
    source = read_frames(tmp_path)
    next(source)
    with pytest.raises(ValueError, match=r'1\.png'):
        next(source)


def test_a_video_file_gives_its_frames_and_ends(tmp_path):
    path = str(tmp_path / 'video.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 5, (64, 48))
    for frame in frames(4):
        writer.write(frame)
    writer.release()
    read = list(read_frames(path))
    assert [frame.shape for frame in read] == [(48, 64, 3)] * 4
    assert read[0].dtype == np.uint8


def test_a_session_needs_a_video_model(tmp_path):
    weights = tmp_path / 'weights.pth'
    weights.touch()
    with pytest.raises(ValueError, match='UNINEXTVideo is needed here'):
        open_session(Config(dict(model=dict(type='UNINEXT'))), weights)
    with pytest.raises(ValueError, match='None'):
        open_session(Config({}), weights)
    with pytest.raises(ValueError, match='without weights'):
        open_session('stage3_video_tiny')
