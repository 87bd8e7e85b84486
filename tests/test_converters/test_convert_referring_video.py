from __future__ import annotations

import json

import pytest

from helpers import download_layouts as layouts
from uninext import converters as conv
from uninext.converters.referring_video import REF_DAVIS_FILES, read_davis_expressions
from uninext.datasets import DatasetError


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out' / 'a.json'


def test_no_video_at_all(tmp_path, out):
    root = layouts.ref_youtube_vos(tmp_path)
    meta = root / 'meta_expressions' / 'train' / 'meta_expressions.json'
    for text, message in (('{"videos": {}}', 'no usable'), ('[]', 'no object "vid')):
        meta.write_text(text)
        with pytest.raises(DatasetError, match=message):
            conv.convert_ref_youtube_vos(root, out, progress=False)


def test_train_has_a_record_per_object(tmp_path, out):
    root = layouts.ref_youtube_vos(tmp_path)
    conversion = conv.convert_ref_youtube_vos(root, out, progress=False)
    content = json.loads(out.read_text())
    (video,), (annotation,) = content['videos'], content['annotations']
    assert video['expressions'] == ['a cat on the left', 'grey cat']
    assert video['file_names'] == ['v1/00000.jpg', 'v1/00005.jpg']
    assert annotation['bboxes'] == layouts.BOXES[1][:2]
    assert len(annotation['segmentations']) == 2
    assert conversion.expressions == 2
    assert conversion.skipped == {
        'frame that is not on disk': 1,
        'expression without a word': 1,
        'referred object without a mask': 1,
        'referred object that is not visible in two frames': 1,
    }


def test_valid_has_a_record_per_expression(tmp_path, out):
    root = layouts.ref_youtube_vos(tmp_path)
    conversion = conv.convert_ref_youtube_vos(root, out, 'valid', progress=False)
    content = json.loads(out.read_text())
    shown = [(v['video'], v['exp_id'], v['expressions']) for v in content['videos']]
    assert shown == [('v2', '0', ['it']), ('v2', '1', ['a'])]
    assert [v['length'] for v in content['videos']] == [2, 2]
    assert content['annotations'] == []
    assert conversion.skipped == {'video of the test split': 1}
    (root / 'meta_expressions' / 'test' / 'meta_expressions.json').unlink()
    conversion = conv.convert_ref_youtube_vos(root, out, 'valid', progress=False)
    assert conversion.skipped == {
        'frame that is not on disk': 2,
        'video without a frame': 1,
    }


@pytest.mark.parametrize(('position', 'split'), enumerate(REF_DAVIS_FILES))
def test_ref_davis(tmp_path, out, position, split):
    root = layouts.ref_davis(tmp_path)
    conversion = conv.convert_ref_davis(root, out, split, progress=False)
    content = json.loads(out.read_text())
    (video,) = content['videos']
    assert video['expressions'] == [f'a caf\u00e9 {position}', f'man {position}']
    assert video['object_ids'] == [1, 2]
    boxes = {a['object_id']: a['bboxes'] for a in content['annotations']}
    assert boxes == layouts.BOXES
    assert not conversion.skipped


def test_ref_davis_counts_what_does_not_fit(tmp_path, out):
    root = layouts.ref_davis(tmp_path)
    davis = root / 'DAVIS'
    (davis / 'Annotations_unsupervised').rename(davis / 'Annotations')
    (davis / 'ImageSets' / '2017' / 'val.txt').write_text('judo\nbear\ndogs-scale\n')
    text = root / 'davis_text_annotations' / 'Davis17_annot1.txt'
    text.write_text('judo 1 "one"\njudo 5 "five"\ndog-scale 1 "dogs"\n')
    conversion = conv.convert_ref_davis(root, out, progress=False)
    assert conversion.skipped == {
        'referred object without a mask': 1,
        'video without an expression': 1,
        'video without a frame': 1,
    }


def test_expressions_of_davis(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_bytes(b'clasic-car 1 "the  car"\r\n\r\nmotor-bike 2 "a man"\r\n')
    assert read_davis_expressions(path) == {
        'classic-car': {1: 'the car'},
        'motorbike': {2: 'a man'},
    }
    path.write_text('car "no number"\n')
    with pytest.raises(DatasetError, match=r'a\.txt, line 1'):
        read_davis_expressions(path)
