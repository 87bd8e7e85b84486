from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from uninext.formats.errors import DatasetError
from uninext.formats.index_png import (
    PALETTE,
    paint_ids,
    read_object_ids,
    write_mask,
    write_object_ids,
)
from uninext.utils.files import FileError


@pytest.mark.parametrize('shape', [(1, 1), (3, 7)])
def test_ids_that_are_written_are_read(tmp_path, shape):
    ids = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    write_object_ids(ids, tmp_path / 'deep/a.png')
    np.testing.assert_array_equal(read_object_ids(tmp_path / 'deep/a.png'), ids)
    mask = read_object_ids(tmp_path / 'deep/a.png', binary=True)
    np.testing.assert_array_equal(mask, ids > 0)


def test_a_mask_that_is_written_is_read(tmp_path):
    path, mask = tmp_path / 'deep/m.png', np.eye(3, dtype=bool)
    write_mask(mask, path)
    np.testing.assert_array_equal(read_object_ids(path), mask * 255)
    np.testing.assert_array_equal(read_object_ids(path, binary=True), mask)


def test_colours_are_no_ids_but_a_binary_mask(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = 128, 0, 0
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    with pytest.raises(DatasetError, match='has colours'):
        read_object_ids(tmp_path / 'a.png')
    assert read_object_ids(tmp_path / 'a.png', binary=True).tolist() == [[1, 0], [0, 0]]


def test_ids_of_sixteen_bits_do_not_fit(tmp_path):
    Image.fromarray(np.full((2, 2), 300, np.uint16)).save(tmp_path / 'a.png')
    with pytest.raises(DatasetError, match='300'):
        read_object_ids(tmp_path / 'a.png')


def test_palette_and_painting():
    assert PALETTE[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
    assert len(set(zip(*[iter(PALETTE)] * 3))) == 256
    masks = np.array([[[1, 1, 0]], [[0, 1, 1]]], bool)
    ids = np.array([4, 9])
    assert paint_ids(masks, ids, np.array([0.9, 0.1])).tolist() == [[4, 4, 9]]
    assert paint_ids(masks, ids, np.array([0.1, 0.9])).tolist() == [[4, 9, 9]]
    with pytest.raises(ValueError, match='1 to 254'):
        paint_ids(masks, np.array([0, 9]), np.zeros(2))


@pytest.mark.parametrize('write', [write_object_ids, write_mask])
def test_a_full_disk_leaves_the_image_of_before(tmp_path: Path, monkeypatch, write):
    def fail(file_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    write(np.ones((2, 3), np.uint8), tmp_path / 'v' / '0.png')
    before = (tmp_path / 'v' / '0.png').read_bytes()
    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(FileError, match='could not be written: No space left'):
        write(np.zeros((2, 3), np.uint8), tmp_path / 'v' / '0.png')
    assert (tmp_path / 'v' / '0.png').read_bytes() == before
    assert len(list((tmp_path / 'v').iterdir())) == 1
