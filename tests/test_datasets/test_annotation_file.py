from __future__ import annotations

import json

import pytest

from uninext.datasets.image_files import check_image_files
from uninext.formats.coco import (
    category_names,
    checked_coco,
    read_annotations,
    valid_segmentation,
)
from uninext.formats.errors import DatasetError


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'ann.json'


def read_coco(path, **kwargs):
    return checked_coco(read_annotations(str(path)), str(path), **kwargs)


@pytest.mark.parametrize(
    ('written', 'message'),
    [
        (None, r'ann\.json does not exist.*data_root'),
        (b'', r'ann\.json is not valid JSON'),
        (b'{"images": [', r'ann\.json is not valid JSON'),
        (b'\x00\x01', r'ann\.json is not valid JSON'),
        (b'\x80\x81\xff', 'is not a text file'),
        (b'[1, 2]', 'holds a JSON list'),
        (b'{"images": [], "annotations": [], "categories": []}', 'lists no image'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_what_is_no_annotation_file_is_named(path, written, message):
    if written is not None:
        path.write_bytes(written)
    with pytest.raises(DatasetError, match=message):
        read_coco(path)


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories'])
def test_absent_list_is_named(path, coco_content, key):
    del coco_content[key]
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match=f"no list named '{key}'"):
        read_coco(path)


def test_annotations_may_be_withheld_in_testing(path, coco_content):
    del coco_content['annotations']
    path.write_text(json.dumps(coco_content))
    content = read_coco(path, require_annotations=False)
    assert content['annotations'] == []


@pytest.mark.parametrize(
    ('key', 'field'),
    [
        ('images', 'file_name'),
        ('images', 'height'),
        ('categories', 'name'),
        ('annotations', 'bbox'),
        ('annotations', 'category_id'),
    ],
)
def test_absent_field_is_named_with_its_place(path, coco_content, key, field):
    del coco_content[key][1][field]
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match=rf'{key}\[1\].* has no {field}'):
        read_coco(path)


BAD_BOX = r'annotations\[2\] has the bbox .*four finite numbers'


@pytest.mark.parametrize(
    ('key', 'place', 'field', 'value', 'message'),
    [
        *(
            ('annotations', 2, 'bbox', box, BAD_BOX)
            for box in ([1, 2, 3], None, 'abcd', [0, 0, None, 1], [0, 0, 1e999, 1])
        ),
        ('annotations', 3, 'category_id', 99, 'category_id 99'),
        ('images', 1, 'id', 10, 'two images have the id 10'),
    ],
)
def test_wrong_field_is_named(path, coco_content, key, place, field, value, message):
    coco_content[key][place][field] = value
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match=message):
        read_coco(path)


def test_repeated_category_name_is_an_error(coco_content):
    coco_content['categories'][0]['name'] = 'cat'
    with pytest.raises(DatasetError, match='several categories named'):
        category_names(coco_content, 'f.json')


def test_image_probe_names_folder_or_file_and_touches_few(tmp_path):
    check_image_files([], 'f.json')
    for names, message in (
        (['nowhere/a.jpg'], 'image folder .*/nowhere does not exist'),
        (['a.jpg'], 'data_prefix'),
        ([f'{i}.jpg' for i in range(1000)], '21 of 21 probed'),
    ):
        with pytest.raises(DatasetError, match=message):
            check_image_files([str(tmp_path / name) for name in names], 'f.json')


@pytest.mark.parametrize(
    ('segmentation', 'expected'),
    [
        ([], None),
        (None, None),
        ([[1, 2, 3, 4]], None),
        ([[0, 0, 1, 0, 1, 1], [1, 2]], [[0, 0, 1, 0, 1, 1]]),
        ([[0, 0, 1, 0, 1, 1, 5]], None),
        ({'size': [2, 2]}, None),
        ({'size': [2, 2], 'counts': [0, 4]}, {'size': [2, 2], 'counts': [0, 4]}),
        ('polygon', None),
    ],
)
def test_segmentation_that_can_be_used(segmentation, expected):
    assert valid_segmentation(segmentation) == expected
