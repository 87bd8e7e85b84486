"""labelme's JSON: read back by us and, where it is installed, by labelme."""

from __future__ import annotations

import json

import pytest

from helpers.labelled_layouts import EMPTY, assert_same_objects, made_up_image
from helpers.labelling import write_photos
from uninext.formats.errors import DatasetError
from uninext.formats.labelme import read_labelme, to_labelme


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_nothing(tmp_path):
    read = read_labelme(write(tmp_path / 'a.json', to_labelme(EMPTY, 'empty.jpg')))
    assert read == EMPTY


@pytest.mark.parametrize('with_masks', [True, False])
def test_read_back(tmp_path, with_masks):
    image = made_up_image(with_masks)
    path = write(tmp_path / 'a.json', to_labelme(image, '../c.jpg'))
    read = read_labelme(path)
    assert (read.file_name, read.height, read.width) == ('../c.jpg', 60, 80)
    assert_same_objects(read.instances, image)
    assert [i.band for i in read.instances] == ['review', 'accept']


@pytest.mark.parametrize('with_masks', [True, False])
def test_labelme_reads_it(tmp_path, with_masks):
    labelme = pytest.importorskip('labelme', reason='labelme is not installed')
    image = made_up_image(with_masks)
    write_photos(tmp_path, 'c.jpg')
    (tmp_path / 'below').mkdir()
    path = write(tmp_path / 'below/c.json', to_labelme(image, '../c.jpg'))
    file = labelme.LabelFile(str(path))
    assert [shape['label'] for shape in file.shapes] == [
        instance.label for instance in image.instances
    ]
    kind = 'polygon' if with_masks else 'rectangle'
    assert {shape['shape_type'] for shape in file.shapes} == {kind}
    assert file.flags == {'review': True}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(shape_type='circle'), "got a 'circle'"),
        (dict(points=[[1, 2]]), 'got a .rectangle. of'),
        (dict(points=[[1, 2], [1, None]]), 'got a .rectangle. of'),
    ],
)
def test_damaged(tmp_path, change, message):
    content = to_labelme(made_up_image(False), 'c.jpg')
    content['shapes'][0].update(change)
    with pytest.raises(DatasetError, match=message):
        read_labelme(write(tmp_path / 'a.json', content))
    del content['shapes'][0]['label']
    with pytest.raises(DatasetError, match='has no label'):
        read_labelme(write(tmp_path / 'a.json', content))
    with pytest.raises(DatasetError, match='is not a file of labelme: it has no'):
        read_labelme(write(tmp_path / 'a.json', {}))
