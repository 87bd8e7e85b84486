from __future__ import annotations

import json

import numpy as np
import pytest

from helpers import download_layouts as layouts
from uninext import converters as conv
from uninext.converters import single_object as sot
from uninext.datasets import DatasetError


def converted(convert, root, out, **kwargs):
    """Name -> (frames, boxes), and the conversion."""
    conversion = convert(root, out, progress=False, **kwargs)
    content = json.loads(out.read_text())
    boxes = {a['video_id']: a['bboxes'] for a in content['annotations']}
    assert len(boxes) == len(content['annotations']) == len(content['videos'])
    assert content['categories'] == [dict(id=1, name='object')]
    for video in content['videos']:
        assert video['length'] == len(video['file_names']) == len(boxes[video['id']])
        assert (video['width'], video['height']) == layouts.SIZE_WH
    videos = {v['name']: (v['file_names'], boxes[v['id']]) for v in content['videos']}
    return videos, conversion


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out' / 'a.json'


def test_folder_without_sequences(tmp_path, out):
    for convert in (conv.convert_otb, conv.convert_tnl2k):
        with pytest.raises(DatasetError, match='no usable video was found'):
            convert(tmp_path, out)
    with pytest.raises(DatasetError, match=r'testing_set\.txt does not exist'):
        conv.convert_lasot(tmp_path, out)


def test_lasot_train(tmp_path, out):
    videos, conversion = converted(conv.convert_lasot, layouts.lasot(tmp_path), out)
    assert list(videos) == ['cat-10', 'dog-1']
    names, boxes = videos['cat-10']
    assert names[4] == 'cat/cat-10/img/00000005.jpg'
    assert boxes == [[1, 2, 5, 6], [2, 2, 5, 6], None, None, [5, 2, 5, 6]]
    assert videos['dog-1'][1] == [[4, 4, 3, 3], None, None]
    assert conversion.absent == {sot.ABSENT_BOX: 2, sot.ABSENT_HIDDEN: 2}
    assert not conversion.skipped


def test_lasot_test_and_lists(tmp_path, out):
    root = layouts.lasot(tmp_path / 'd')
    assert list(converted(conv.convert_lasot, root, out, split='test')[0]) == ['cat-2']
    every = converted(conv.convert_lasot, root, out, split='all')[0]
    assert list(every) == ['cat-2', 'cat-10', 'dog-1']
    names = layouts.write_text(tmp_path / 'own.txt', 'dog-1\ncow-7\n')
    videos, conversion = converted(conv.convert_lasot, root, out, split_file=names)
    assert list(videos) == ['dog-1']
    assert conversion.skipped == {'listed sequence that is not on disk': 1}


def test_frame_that_is_gone_takes_its_box_along(tmp_path, out):
    root = layouts.lasot(tmp_path)
    (root / 'cat' / 'cat-10' / 'img' / '00000001.jpg').unlink()
    videos, conversion = converted(conv.convert_lasot, root, out)
    names, boxes = videos['cat-10']
    assert names[0] == 'cat/cat-10/img/00000002.jpg'
    assert boxes == [[2, 2, 5, 6], None, None, [5, 2, 5, 6]]
    assert conversion.skipped == {'frame that is not on disk': 1}


@pytest.mark.parametrize(
    ('file', 'text', 'reason'),
    [
        ('groundtruth.txt', '1,2,3\n', 'video whose boxes cannot be read'),
        ('groundtruth.txt', 'a,b,c,d\n', 'video whose boxes cannot be read'),
        ('out_of_view.txt', '0,0', 'video whose boxes cannot be read'),
        ('out_of_view.txt', 'x,y,z', 'video whose boxes cannot be read'),
        ('img/00000001.jpg', 'no image', 'video whose first frame cannot be read'),
        ('groundtruth.txt', '', 'video without a frame'),
    ],
)
def test_broken_sequence_is_left_out(tmp_path, out, file, text, reason):
    root = layouts.lasot(tmp_path)
    layouts.write_text(root / 'dog' / 'dog-1' / file, text)
    if not text:
        for name in ('full_occlusion.txt', 'out_of_view.txt'):
            (root / 'dog' / 'dog-1' / name).unlink()
    videos, conversion = converted(conv.convert_lasot, root, out)
    assert list(videos) == ['cat-10']
    assert conversion.skipped[reason] == 1


def test_first_box_is_needed_for_a_test(tmp_path, out):
    root = layouts.lasot(tmp_path)
    layouts.write_text(root / 'cat/cat-2/full_occlusion.txt', '1,0')
    with pytest.raises(DatasetError, match='test video whose first frame has no box'):
        conv.convert_lasot(root, out, split='test', progress=False)


def test_got10k(tmp_path, out):
    root = layouts.got10k(tmp_path)
    videos, conversion = converted(conv.convert_got10k, root, out)
    names, boxes = videos['GOT-10k_Train_000001']
    assert names[0] == 'GOT-10k_Train_000001/00000001.jpg'
    assert boxes == [[1, 2, 5.5, 6], None, None]
    assert conversion.absent == {sot.ABSENT_HIDDEN: 2}
    (root / 'test' / 'list.txt').unlink()
    videos, _ = converted(conv.convert_got10k, root, out, split='test')
    assert videos['GOT-10k_Test_000001'][1] == [[1, 2, 5.5, 6], None, None]


def test_trackingnet_is_one_file_in_the_order_of_numbers(tmp_path, out):
    root = layouts.trackingnet(tmp_path)
    videos, _ = converted(conv.convert_trackingnet, root, out)
    assert list(videos) == [f'video_TRAIN_{i}' for i in range(4)]
    names, boxes = videos['video_TRAIN_2']
    assert [int(n.split('/')[-1][:-4]) for n in names] == list(range(11))
    assert [box[0] for box in boxes] == [i + 0.5 for i in range(11)]
    assert names[10] == 'TRAIN_2/frames/video_TRAIN_2/10.jpg'
    videos, _ = converted(conv.convert_trackingnet, root, out, split='test')
    names, boxes = videos['video_TEST']
    assert len(names) == 11
    assert boxes == [[0.5, 1, 4, 4]] + [None] * 10


def test_tnl2k_pairs_nothing_by_guess(tmp_path, out):
    videos, conversion = converted(conv.convert_tnl2k, layouts.tnl2k(tmp_path), out)
    assert list(videos) == ['advS_1']
    assert videos['advS_1'][0] == ['advS_1/imgs/a_9.png', 'advS_1/imgs/a_10.png']
    assert conversion.skipped == {'video with fewer or more frames than boxes': 1}


def test_otb(tmp_path, out):
    videos, conversion = converted(conv.convert_otb, layouts.otb(tmp_path), out)
    assert list(videos) == ['BlurCar3', 'David', 'Jogging-1', 'Jogging-2']
    assert videos['BlurCar3'] == (
        ['BlurCar3/img/0003.jpg', 'BlurCar3/img/0004.jpg'],
        [[1, 2, 5, 6], [2, 2, 5, 6]],
    )
    assert videos['David'][0] == ['David/img/0300.jpg', 'David/img/0301.jpg']
    assert videos['David'][1] == [[1, 2, 5, 6], None]
    assert videos['Jogging-2'][1] == [[7, 2, 5, 6]]
    assert conversion.absent == {sot.ABSENT_OUTSIDE: 1}
    assert conversion.skipped == {'frame after the last box': 1}


def test_real_otb(data_dir, tmp_path):
    root, out = data_dir / 'otb', tmp_path / 'a.json'
    conversion = conv.convert_otb(root, out, progress=False)
    assert (conversion.videos, conversion.frames, conversion.boxes) == (1, 120, 120)
    content = json.loads(out.read_text())
    config = json.loads((root / 'Crossing' / 'cfg.json').read_text())
    np.testing.assert_array_equal(
        content['annotations'][0]['bboxes'], config['gtRect'][:120]
    )
    assert conv.VideoCheck(out, root, progress=False).ok
