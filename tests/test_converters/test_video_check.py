from __future__ import annotations

import json

import pytest

from helpers import download_layouts as layouts
from helpers.tools import run_tool
from uninext.converters import VideoCheck
from uninext.datasets import DatasetError

TOOL = 'tools/dataset_converters/check_video_json.py'


@pytest.fixture
def content(tmp_path):
    layouts.write_frames(tmp_path / 'img' / 'a', ['0.jpg', '1.jpg'])
    rle = dict(size=[16, 24], counts='abc')
    return dict(
        videos=[
            dict(
                id=1,
                width=24,
                height=16,
                length=2,
                file_names=['a/0.jpg', 'a/1.jpg'],
                expressions=['x'],
            )
        ],
        annotations=[
            dict(
                id=1,
                video_id=1,
                category_id=3,
                bboxes=[[0, 0, 24, 16], None],
                segmentations=[rle, [[0, 0, 4, 0, 4, 4]]],
                areas=[1, None],
            )
        ],
        categories=[dict(id=3, name='cat')],
    )


@pytest.fixture
def check(tmp_path):
    def run(content, images=True):
        path = layouts.write_text(tmp_path / 'a.json', json.dumps(content))
        return VideoCheck(path, tmp_path / 'img' if images else None, progress=False)

    return run


def test_empty_file(check):
    assert check(dict(videos=[])).ok
    for content in ([], {}, dict(images=[])):
        with pytest.raises(DatasetError, match='is not a video JSON'):
            check(content)


def test_good_file(check, content):
    checked = check(content)
    assert checked.ok
    found = checked.found
    assert (found.videos, found.frames, found.objects) == (1, 2, 1)
    assert (found.boxes, found.masks, found.expressions) == (1, 2, 1)
    assert checked.labels == {'cat': 1}


@pytest.mark.parametrize(
    ('key', 'change', 'reason'),
    [
        ('videos', dict(length=3), 'video whose length is not its number of frames'),
        ('videos', dict(file_names=[]), 'video without id, size or frames'),
        ('videos', dict(file_names=['a/0.jpg', 'b']), 'frame that is not on disk'),
        ('videos', dict(file_names=['b', 'a/0.jpg']), 'frame that is not on disk'),
        ('videos', dict(id=2), 'annotation of no video'),
        ('videos', dict(width=25), 'video of another size than its first frame'),
        ('annotations', dict(category_id=1), 'annotation of an unknown category'),
        ('annotations', dict(areas=[1]), 'areas of another length than the video'),
        ('annotations', dict(bboxes=[None] * 3), 'bboxes of another length than the'),
        ('annotations', dict(bboxes=[[0, 0, 4], None]), 'box that is not four finite'),
        ('annotations', dict(bboxes=[[0, 0, 0, 4], None]), 'box of no size'),
        (
            'annotations',
            dict(bboxes=[[9, 0, 24, 4], None]),
            'box that leaves the frame',
        ),
        ('annotations', dict(segmentations=[[[1, 2]], None]), 'mask that is neither'),
        (
            'annotations',
            dict(segmentations=[dict(size=[24, 16], counts='a'), None]),
            'mask of another size than its video',
        ),
        (
            'annotations',
            dict(bboxes=[None] * 2, segmentations=None),
            'object that is visible in no frame',
        ),
    ],
)
def test_what_is_wrong_is_counted(check, content, key, change, reason):
    content[key][0].update(change)
    checked = check(content)
    assert any(found.startswith(reason) for found in checked.found.skipped)


def test_ids_are_unique(check, content):
    content['videos'] *= 2
    assert check(content).found.skipped == {'id that several videos have': 1}


def test_frames_are_looked_at_only_if_asked(check, content):
    content['videos'][0]['file_names'] = ['no', 'neither']
    assert check(content, images=False).ok


def test_tool(tmp_path, content, capsys):
    path = layouts.write_text(tmp_path / 'a.json', json.dumps(content))
    assert run_tool(TOOL, path, '--images', tmp_path / 'img') == 0
    assert 'objects by category: cat 1' in capsys.readouterr().out
    content['videos'][0]['length'] = 9
    path.write_text(json.dumps(content))
    assert run_tool(TOOL, path) == 1
    assert 'wrong: 1: video whose length is not' in capsys.readouterr().out
    assert run_tool(TOOL, tmp_path / 'no.json') == 2
    assert 'does not exist' in capsys.readouterr().err
