from __future__ import annotations

import json

import pytest

from uninext.formats.coco import read_annotations
from uninext.formats.errors import DatasetError
from uninext.formats.youtube_vis import checked_videos, write_video_file

VIDEO = dict(id=1, width=4, height=3, length=2, file_names=['v/0.jpg', 'v/1.jpg'])
TRACK = dict(id=1, video_id=1, category_id=1, iscrowd=0, bboxes=[[0, 0, 1, 2], None])
CATEGORY = dict(id=1, name='dog')


def read(path):
    return checked_videos(read_annotations(str(path)), str(path))


@pytest.mark.parametrize('num_tracks', [0, 1, 3])
def test_what_is_written_is_read(tmp_path, num_tracks):
    tracks = [dict(TRACK, id=i) for i in range(num_tracks)]
    videos = [VIDEO, dict(VIDEO, id=2)]
    path = tmp_path / 'deep/v.json'
    texts = [list(map(json.dumps, records)) for records in (videos, tracks)]
    write_video_file(*texts, [CATEGORY], path)
    assert read(path) == dict(videos=videos, annotations=tracks, categories=[CATEGORY])


def test_no_video_is_an_error(tmp_path):
    write_video_file([], [], [CATEGORY], tmp_path / 'v.json')
    with pytest.raises(DatasetError, match='lists no video'):
        read(tmp_path / 'v.json')
