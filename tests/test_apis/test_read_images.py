"""Image files and PIL images: read alike, damage is named."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from uninext.apis.images import (
    EncodedImage,
    SkippedImageWarning,
    SourceError,
    SourceWarning,
    decode_image,
    image_of_pil,
    is_cut_jpeg,
    read_image,
    skip_or_raise,
)


@pytest.fixture
def image() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    return cv2.GaussianBlur(noise, (9, 9), 0)


def test_an_empty_file(tmp_path):
    (tmp_path / 'a.jpg').touch()
    with pytest.raises(SourceError, match=r'Cannot read .*a\.jpg'):
        read_image(tmp_path / 'a.jpg')


def test_in_memory_an_image_is_what_its_file_is(tmp_path, image):
    content = cv2.imencode('.jpg', image)[1].tobytes()
    with pytest.raises(SourceError, match='Cannot read x#1: it is damaged, or no'):
        decode_image(EncodedImage(b'', 'x#1'))
    for part in (1, 0.5):
        encoded = EncodedImage(content[: int(len(content) * part)], 'x#1')
        (tmp_path / 'a.jpg').write_bytes(encoded.content)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            assert np.array_equal(decode_image(encoded), read_image(tmp_path / 'a.jpg'))
        assert ['x#1 is damaged' in str(w.message) for w in told] == (
            [] if part == 1 else [True, False]
        )


def test_a_jpeg_cut_in_half_is_named(tmp_path, image):
    path = tmp_path / 'cut.jpg'
    content = cv2.imencode('.jpg', image)[1].tobytes()
    for part in (0.5, 0.9):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.warns(SourceWarning, match=r'cut\.jpg is damaged: the end'):
            assert read_image(path).shape == image.shape


def jpeg_files(folder: Path, image: np.ndarray) -> list[Path]:
    """Whole ones: plain, progressive, with a thumbnail, with bytes behind the end."""
    pil_image = Image.fromarray(image)
    pil_image.save(folder / 'plain.jpg')
    pil_image.save(folder / 'progressive.jpg', progressive=True)
    thumbnail = cv2.imencode('.jpg', image[:8, :8])[1].tobytes()
    pil_image.save(folder / 'thumbnail.jpg', comment=thumbnail)
    content = (folder / 'plain.jpg').read_bytes()
    (folder / 'longer.jpg').write_bytes(content + b'more')
    (folder / 'filled.jpg').write_bytes(content[:2] + b'\xff\xff' + content[2:])
    return sorted(folder.glob('*.jpg'))


def test_whole_jpeg_files_are_no_cause_for_alarm(tmp_path, image):
    files = jpeg_files(tmp_path, image)
    assert len(files) == 5
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for path in files:
            assert read_image(path).shape == image.shape


def test_wherever_a_jpeg_is_cut_it_is_seen(tmp_path, image):
    for path in jpeg_files(tmp_path, image):
        content = path.read_bytes().removesuffix(b'more')
        for length in range(2, len(content) - 1, 7):
            path.write_bytes(content[:length])
            assert is_cut_jpeg(path), (path.name, length)


def test_other_files_are_no_jpeg(tmp_path, image):
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    assert not is_cut_jpeg(tmp_path / 'a.png')


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_files_are_turned_as_pil_images_are(tmp_path, image, suffix):
    path = tmp_path / f'a{suffix}'
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(image[..., ::-1]).save(
            path, exif=exif, quality=100, lossless=True
        )
        with Image.open(path) as opened:
            turned = image_of_pil(opened)
        assert np.abs(read_image(path).astype(int) - turned).max() <= 3


@pytest.mark.parametrize('dtype', [np.uint16, np.int32], ids=['I;16', 'I'])
def test_16_bits_of_pil_are_as_by_path(tmp_path, dtype):
    values = np.arange(40 * 60, dtype=dtype).reshape(40, 60) * 27
    image = Image.fromarray(values)
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / 'a.png')
    assert np.array_equal(image_of_pil(image), read_image(tmp_path / 'a.png'))
    assert len(np.unique(image_of_pil(image))) > 200


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (np.ones((8, 8), np.float32), 'mode F'),
        (np.full((8, 8), -1, np.int32), r'0\.\.65535, got -1\.\.-1'),
        (np.full((8, 8), 70000, np.int32), 'must have 16 bits'),
    ],
)
def test_pil_images_without_a_known_range_are_refused(values, message):
    with pytest.raises(SourceError, match=message):
        image_of_pil(Image.fromarray(values))


def test_a_damaged_pil_image(tmp_path, image):
    content = cv2.imencode('.png', image)[1].tobytes()
    (tmp_path / 'a.png').write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match='PIL image cannot be read'):
        image_of_pil(Image.open(tmp_path / 'a.png'))


def test_skipping_warns():
    error = SourceError('it is bad')
    with pytest.warns(SkippedImageWarning, match=r'^skipped: a\.png: it is bad'):
        skip_or_raise(error, 'a.png', 'skip')
    with pytest.raises(SourceError, match=r'^a\.png: it is bad'):
        skip_or_raise(error, 'a.png', 'raise')
    for name in ('', 'it'):
        with pytest.raises(SourceError, match='^it is bad'):
            skip_or_raise(error, name, 'raise')


def test_bugs_are_not_skipped():
    bug = pytest.raises(ValueError, int, 'x').value
    with pytest.raises(ValueError, match='invalid literal') as caught:
        skip_or_raise(bug, 'a.png', 'skip')
    assert caught.value is bug
