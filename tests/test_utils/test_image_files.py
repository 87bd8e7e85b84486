"""Names of images in the order of their numbers."""

from __future__ import annotations

import random

import pytest

from uninext.utils.image_files import is_image_name, list_images, natural_key


def test_no_folder_and_an_empty_one(tmp_path):
    assert list_images(tmp_path / 'absent') == []
    assert list_images(tmp_path) == []


@pytest.mark.parametrize(
    'names',
    [
        ['0.png', '1.png', '2.png', '10.png', '11.png', '100.png'],
        ['a-2-x10.jpg', 'a-10-x9.jpg', 'a-10-x10.JPG'],
        ['1.png', '01.png', '001.png'][::-1],  # one number: by letters
        ['3.png', '.1.png', 'a3.png', 'a.png', 'b.png'],
        ['\u00b2.png', '\u0663.png'],  # digits of other scripts are letters
    ],
    ids=['numbers', 'two numbers', 'zeros', 'with and without', 'other digits'],
)
def test_numbers_count_as_numbers(tmp_path, names):
    for name in random.Random(0).sample(names, len(names)):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == names


def test_padded_numbers_come_as_their_letters():
    names = [f'{number:05d}.jpg' for number in (0, 9, 10, 99, 100, 12345)]
    assert sorted(names, key=natural_key) == sorted(names)


def test_only_images_are_listed(tmp_path):
    for name in ('a.TIFF', 'b.webp', 'c.txt', 'jpg', 'd.mp4'):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ['a.TIFF', 'b.webp']
    assert not is_image_name('a.jpg.txt')
