from __future__ import annotations

import numpy as np
import pytest

from uninext.formats.errors import DatasetError
from uninext.formats.mot_text import mot_line, mots_line, read_mot, read_mots
from uninext.formats.rle import decode_segmentation, encode_mask


@pytest.mark.parametrize('num_lines', [0, 1, 9])
def test_boxes_that_are_written_are_read(tmp_path, num_lines):
    rng = np.random.RandomState(0)
    boxes = (rng.rand(num_lines, 4) * 100).tolist()
    lines = [mot_line(i + 1, 7 * i, box, 0.25, 3) for i, box in enumerate(boxes)]
    (tmp_path / 'a.txt').write_text('\n'.join(lines))
    table = read_mot(tmp_path / 'a.txt')
    assert table.rows[:, 2:6].tolist() == boxes  # not a bit is lost
    assert table.rows[:, 0].tolist() == [i + 1 for i in range(num_lines)]
    assert table.rows[:, 1].tolist() == [7 * i for i in range(num_lines)]
    assert (table.rows[:, 6] == 0.25).all()
    assert (table.num_columns == 10).all()
    if num_lines:
        assert table.classes.tolist() == [3] * num_lines


def test_masks_that_are_written_are_read(tmp_path):
    masks = np.random.RandomState(0).rand(4, 5, 6) > 0.5
    masks[0] = False
    lines = [mots_line(i + 1, 2, 10, encode_mask(mask)) for i, mask in enumerate(masks)]
    (tmp_path / 'a.txt').write_text('\n\n'.join(lines))
    table = read_mots(tmp_path / 'a.txt')
    read = [decode_segmentation(rle, 5, 6) for rle in table.rles]
    np.testing.assert_array_equal(read, masks)
    assert table.frames.tolist() == [1, 2, 3, 4]
    assert table.lines.tolist() == [1, 3, 5, 7]
    assert set(table.ids) == {2}
    assert set(table.classes) == {10}


def test_one_layout_is_not_the_other(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text(mot_line(1, 1, [1, 2, 3, 4], 0.5))
    with pytest.raises(DatasetError, match='boxes are for the format mot'):
        read_mots(path)
    path.write_text(mots_line(1, 1, 2, dict(size=[9, 9], counts='Y1')))
    with pytest.raises(DatasetError, match='masks are for the format mots'):
        read_mot(path)


def test_a_class_is_a_whole_number_and_places_of_mot15_are_none(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('1,1,0,0,1,1,1,2.5,-1,-1')
    with pytest.raises(DatasetError, match='line 1: expected a class from 1'):
        _ = read_mot(path).classes
    path.write_text('1,1,0,0,1,1,1,7.5,8.5,0')
    assert read_mot(path).classes is None


@pytest.mark.parametrize('frame, track', [(10**7 + 1, 1), (1, 2**53 + 2), (10**30, 1)])
def test_numbers_that_no_video_has(tmp_path, frame, track):
    path = tmp_path / 'a.txt'
    path.write_text(mot_line(frame, track, [1, 2, 3, 4], 0.5))
    with pytest.raises(DatasetError, match='a.txt, line 1: expected frames to 10,000,'):
        read_mot(path)
    path.write_text(mots_line(frame, track, 2, dict(size=[9, 9], counts='Y1')))
    with pytest.raises(DatasetError, match='a.txt, line 1: expected '):
        read_mots(path)
