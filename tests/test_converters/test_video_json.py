from __future__ import annotations

import json

import pytest
from PIL import Image

from uninext.converters import Track, VideoConversion, VideoJson, video_json
from uninext.datasets import DatasetError
from uninext.datasets.transforms import LoadImageOrExplain


def test_nothing_is_not_written(tmp_path):
    with pytest.raises(DatasetError, match='no usable video was found'):
        VideoJson().save(tmp_path / 'a.json')
    assert not any(tmp_path.iterdir())


def test_summary_of_nothing():
    text = VideoConversion().summary('x')
    assert text == 'x: 0 videos with 0 frames; 0 objects with 0 boxes and 0 masks'


def test_written_file(tmp_path):
    out = VideoJson(('cat', 'dog'))
    rle = dict(size=[4, 4], counts='x')
    tracks = [
        Track(
            [None, [1, 2, 3, 4]], [None, rle], category_id=2, extra=dict(object_id=9)
        ),
        Track([None, None]),
        Track([[0, 0, 1, 1], None], iscrowd=1),
    ]
    assert out.add(['a/0.jpg', 'a/1.jpg'], (8, 6), tracks, name='a')
    assert not out.add(['b/0.jpg'], (8, 6), [Track([None])])
    assert not out.add([], (8, 6), [], name='c')
    assert out.add(['d.jpg'], (8, 6), [], require_object=False, expressions=['x', 'y'])
    conversion = out.save(tmp_path / 'deep' / 'a.json')
    content = json.loads((tmp_path / 'deep' / 'a.json').read_text())
    assert content == dict(
        videos=[
            dict(
                id=1,
                width=8,
                height=6,
                length=2,
                file_names=['a/0.jpg', 'a/1.jpg'],
                name='a',
            ),
            dict(
                id=2,
                width=8,
                height=6,
                length=1,
                file_names=['d.jpg'],
                expressions=['x', 'y'],
            ),
        ],
        annotations=[
            dict(
                id=1,
                video_id=1,
                category_id=2,
                iscrowd=0,
                bboxes=[None, [1, 2, 3, 4]],
                segmentations=[None, rle],
                object_id=9,
            ),
            dict(
                id=2, video_id=1, category_id=1, iscrowd=1, bboxes=[[0, 0, 1, 1], None]
            ),
        ],
        categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
    )
    text = conversion.summary('t')
    assert '2 videos with 3 frames; 2 objects with 2 boxes and 1 masks; 2 expr' in text
    assert 'skipped 2: object that is visible in no frame (first: a)' in text
    assert 'skipped 1: video without a visible object (first: b/0.jpg)' in text
    assert 'skipped 1: video without a frame (first: c)' in text


def test_strict_minds_faults_only():
    conversion = VideoConversion(strict=True)
    conversion.skip('of no use', 'a', fault=False)
    conversion.skip('frame that is not on disk', 'b', 0)
    assert conversion.skipped == {'of no use': 1}
    with pytest.raises(DatasetError, match='frame that is not on disk: b'):
        conversion.skip('frame that is not on disk', 'b')


@pytest.mark.parametrize('orientation', range(1, 9))
def test_the_size_of_an_image_is_that_of_the_loaded_one(tmp_path, orientation):
    """Converters that wrote the stored size made turned frames unreadable."""
    path = tmp_path / 'a.jpg'
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (30, 20)).save(path, exif=exif)
    width, height = video_json.image_size(path, VideoConversion())
    loaded = LoadImageOrExplain()(dict(img_path=str(path), height=height, width=width))
    assert loaded['img_shape'] == (height, width)


def test_the_size_of_a_damaged_image_is_not_known(tmp_path):
    (tmp_path / 'a.png').touch()
    conversion = VideoConversion()
    assert video_json.image_size(tmp_path / 'a.png', conversion) is None
    assert sum(conversion.skipped.values()) == 1
