from __future__ import annotations

import numpy as np
import pytest

from uninext.formats.box_text import box_lines, read_boxes, read_flags
from uninext.formats.errors import DatasetError


@pytest.mark.parametrize('num_frames', [0, 1, 5])
def test_boxes_that_are_written_are_read(tmp_path, num_frames):
    boxes = np.random.RandomState(0).rand(num_frames, 4) * 100
    boxes[1:2] = np.nan
    (tmp_path / 'a.txt').write_text(box_lines(boxes))
    np.testing.assert_array_equal(read_boxes(tmp_path / 'a.txt'), boxes)


@pytest.mark.parametrize('between', [',', ' ', '\t', ';', ', '])
def test_numbers_may_be_separated_in_several_ways(tmp_path, between):
    (tmp_path / 'a.txt').write_text(between.join('1234') + '\n\n')
    assert read_boxes(tmp_path / 'a.txt').tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('1,2,3', 'line 1: expected the four'),
        ('1,2,3,4\n\n1,2,3,4', 'line 2'),
        ('1,2,inf,4', 'finite or NaN'),
        ('a,b,c,d', 'line 1'),
    ],
)
def test_what_is_no_box_is_an_error(tmp_path, text, message):
    (tmp_path / 'a.txt').write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_boxes(tmp_path / 'a.txt')


def test_flags(tmp_path):
    path = tmp_path / 'a.label'
    path.write_text('0,1\n8 0')
    assert read_flags(path, 4).tolist() == [False, True, True, False]
    with pytest.raises(DatasetError, match='4 flags for 3 frames'):
        read_flags(path, 3)
    path.write_text('x')
    with pytest.raises(DatasetError, match='one number a frame'):
        read_flags(path, 1)
