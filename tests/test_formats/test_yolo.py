"""YOLO's lines: read back, and told in the numbers that the layout is defined by."""

from __future__ import annotations

import pytest
import yaml

from helpers.labelled_layouts import EMPTY, NAMES, assert_same_objects, made_up_image
from uninext.formats.errors import DatasetError
from uninext.formats.yolo import read_yolo, yolo_lines, yolo_names

NUMBERS = {name: number for number, name in enumerate(NAMES)}


def test_nothing(tmp_path):
    assert yolo_lines(EMPTY, NUMBERS) == ''
    (tmp_path / 'a.txt').write_text('\n')
    assert read_yolo(tmp_path / 'a.txt', NAMES, (80, 60)) == []


@pytest.mark.parametrize('with_masks', [True, False])
def test_read_back(tmp_path, with_masks):
    image = made_up_image(with_masks)
    (tmp_path / 'a.txt').write_text(yolo_lines(image, NUMBERS))
    assert_same_objects(read_yolo(tmp_path / 'a.txt', NAMES, (80, 60)), image)


def test_boxes_are_centres_and_sides():
    first = yolo_lines(made_up_image(False), NUMBERS).splitlines()[0]
    number, *shares = map(float, first.split())
    assert number == 0
    assert shares == pytest.approx([7 / 80, 7 / 60, 10 / 80, 6 / 60], abs=1e-6)


def test_a_file_has_one_kind_of_line():
    image = made_up_image(True)
    one = image.instances[0]._replace(mask=None)
    mixed = type(image)('a.jpg', 60, 80, (one, image.instances[1]))
    words = [line.split() for line in yolo_lines(mixed, NUMBERS).splitlines()]
    assert [len(line) for line in words] == [9, 9]  # corners of the box


def test_names_are_yaml():
    assert yaml.safe_load(yolo_names(NAMES))['names'] == dict(enumerate(NAMES))


@pytest.mark.parametrize(
    'line',
    ['0 .5 .5 .5', '2 .5 .5 .1 .1', 'a .5 .5 .1 .1', '0 .5 .5 .1 1.5', '0 nan 0 0 0'],
)
def test_damaged(tmp_path, line):
    (tmp_path / 'a.txt').write_text(f'0 .5 .5 .1 .1\n{line}\n')
    with pytest.raises(DatasetError, match='line 2: expected "class x y w h"'):
        read_yolo(tmp_path / 'a.txt', NAMES, (80, 60))
