from __future__ import annotations

import json

import pytest

from uninext.datasets.image_files import check_image_files
from uninext.formats.coco import category_names, read_coco_file, valid_segmentation
from uninext.formats.errors import DatasetError


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'ann.json'


def test_no_images_is_an_error(path):
    path.write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(DatasetError, match=r'ann\.json lists no image'):
        read_coco_file(str(path))


def test_absent_file_is_named(path):
    with pytest.raises(DatasetError, match=r'ann\.json does not exist.*data_root'):
        read_coco_file(str(path))


@pytest.mark.parametrize('text', ['', '{"images": [', '\x00\x01'])
def test_broken_json_is_named(path, text):
    path.write_text(text)
    with pytest.raises(DatasetError, match=r'ann\.json is not valid JSON'):
        read_coco_file(str(path))


def test_binary_file_is_named(path):
    path.write_bytes(b'\x80\x81\xff')
    with pytest.raises(DatasetError, match='is not a text file'):
        read_coco_file(str(path))


def test_json_list_is_not_coco(path):
    path.write_text('[1, 2]')
    with pytest.raises(DatasetError, match='holds a JSON list'):
        read_coco_file(str(path))


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories'])
def test_absent_list_is_named(path, coco_content, key):
    del coco_content[key]
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match=f"no list named '{key}'"):
        read_coco_file(str(path))


def test_annotations_may_be_withheld_in_testing(path, coco_content):
    del coco_content['annotations']
    path.write_text(json.dumps(coco_content))
    content = read_coco_file(str(path), require_annotations=False)
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
        read_coco_file(str(path))


@pytest.mark.parametrize('bbox', [[1, 2, 3], None, 'abcd', [0, 0, None, 1]])
def test_bad_box_is_named(path, coco_content, bbox):
    coco_content['annotations'][2]['bbox'] = bbox
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match=r'annotations\[2\] has the bbox'):
        read_coco_file(str(path))


def test_infinite_box_is_named(path, coco_content):
    coco_content['annotations'][0]['bbox'] = [0, 0, float('inf'), 1]
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match='four finite numbers'):
        read_coco_file(str(path))


def test_unknown_category_is_named(path, coco_content):
    coco_content['annotations'][3]['category_id'] = 99
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match='category_id 99'):
        read_coco_file(str(path))


def test_repeated_image_id_is_an_error(path, coco_content):
    coco_content['images'][1]['id'] = 10
    path.write_text(json.dumps(coco_content))
    with pytest.raises(DatasetError, match='two images have the id 10'):
        read_coco_file(str(path))


def test_repeated_category_name_is_an_error(coco_content):
    coco_content['categories'][0]['name'] = 'cat'
    with pytest.raises(DatasetError, match='several categories named'):
        category_names(coco_content, 'f.json')


def test_image_probe_names_folder_or_file(tmp_path):
    check_image_files([], 'f.json')
    with pytest.raises(DatasetError, match='image folder .*/nowhere does not exist'):
        check_image_files([str(tmp_path / 'nowhere' / 'a.jpg')], 'f.json')
    with pytest.raises(DatasetError, match='data_prefix'):
        check_image_files([str(tmp_path / 'a.jpg')], 'f.json')


def test_image_probe_touches_few_files(tmp_path):
    paths = [str(tmp_path / f'{i}.jpg') for i in range(1000)]
    with pytest.raises(DatasetError, match='21 of 21 probed'):
        check_image_files(paths, 'f.json')


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
