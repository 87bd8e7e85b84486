"""CVAT's XML of images: read back, with the names that its documentation has."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from helpers.labelled_layouts import EMPTY, NAMES, assert_same_objects, made_up_image
from uninext.formats.cvat import cvat_labels, read_cvat_images, to_cvat_images
from uninext.formats.errors import DatasetError

COMMON = {'label', 'source', 'occluded', 'z_order'}
ATTRIBUTES = {  # of shapes, as documented
    'box': COMMON | {'xtl', 'ytl', 'xbr', 'ybr'},
    'polygon': COMMON | {'points'},
}


def test_nothing(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text(to_cvat_images([], NAMES))
    assert read_cvat_images(path) == []
    path.write_text(to_cvat_images([EMPTY], NAMES))
    assert read_cvat_images(path) == [EMPTY]


@pytest.mark.parametrize('with_masks', [True, False])
def test_read_back(tmp_path, with_masks):
    image = made_up_image(with_masks)
    text = to_cvat_images([EMPTY, image], NAMES)
    (tmp_path / 'a.xml').write_text(text, encoding='utf-8')
    first, second = read_cvat_images(tmp_path / 'a.xml')
    assert first == EMPTY
    assert (second.file_name, second.height, second.width) == ('a b/c.jpg', 60, 80)
    assert_same_objects(second.instances, image)
    read = [(i.score, i.band) for i in second.instances]
    assert read == [(0.25, 'review'), (0.75, 'accept')]


@pytest.mark.parametrize('with_masks', [True, False])
def test_it_is_as_documented(with_masks):
    text = to_cvat_images([made_up_image(with_masks)], NAMES)
    root = ElementTree.fromstring(text.encode())
    assert [child.tag for child in root] == ['version', 'meta', 'image']
    assert [e.text for e in root.findall('meta/task/labels/label/name')] == NAMES
    assert set(root.find('image').attrib) == {'id', 'name', 'width', 'height'}
    for shape in root.find('image'):
        assert set(shape.attrib) == ATTRIBUTES[shape.tag]
        assert {a.get('name') for a in shape} == {'band', 'score'}
    specs = root.findall('meta/task/labels/label/attributes/attribute')
    assert {spec.findtext('name') for spec in specs} == {'band', 'score'}


def test_labels_of_a_task():
    labels = cvat_labels(NAMES)
    assert [label['name'] for label in labels] == NAMES
    for attribute in labels[0]['attributes']:
        assert attribute['default_value'] in attribute['values']
        assert attribute['input_type'] in {'select', 'text'}


@pytest.mark.parametrize(
    'text',
    [
        'no XML',
        '<annotations><version>1.0</version></annotations>',
        '<annotations><version>1.1</version><track/></annotations>',
        '<annotations><version>1.1</version><image name="a"/></annotations>',
        '<annotations><version>1.1</version><image name="a" width="9" height="9">'
        '<ellipse label="a"/></image></annotations>',
    ],
)
def test_damaged(tmp_path, text):
    (tmp_path / 'a.xml').write_text(text)
    with pytest.raises(DatasetError, match='is not "CVAT for images 1.1"'):
        read_cvat_images(tmp_path / 'a.xml')
