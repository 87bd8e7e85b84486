"""Masks of files: a target for each index, number or colour; what else is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from uninext.apis.images import SourceError
from uninext.apis.masks import load_mask, read_masks

SIZE_HW = (12, 16)
ONE, TWO = (slice(2, 6), slice(3, 7)), (slice(8, 11), slice(9, 15))


def numbers(dtype=np.uint8, one=1, two=2) -> np.ndarray:
    values = np.zeros(SIZE_HW, dtype)
    values[ONE], values[TWO] = one, two
    return values


def expected() -> np.ndarray:
    return np.stack([numbers() == 1, numbers() == 2])


def palette_image(indices: np.ndarray, colors: list) -> Image.Image:
    image = Image.fromarray(indices).convert('L')
    image = Image.frombytes('P', image.size, image.tobytes())
    image.putpalette(np.array(colors[:256], np.uint8).tobytes())
    return image


def rgb(*colors) -> np.ndarray:
    """Background and two targets in these colours."""
    return np.array(colors, np.uint8)[numbers()]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / 'mask.png'


def test_an_empty_mask_is_one_empty_target(path):
    Image.new('L', (16, 12)).save(path)
    assert read_masks(path).shape == (1, *SIZE_HW)
    assert not read_masks(path).any()


def test_what_is_no_path_is_returned():
    mask = np.ones((2, 2))
    assert load_mask(mask) is mask
    assert load_mask(None) is None
    assert load_mask([]) == []


DAVIS = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]
TWO_TARGETS = {
    'palette': palette_image(numbers(), DAVIS),
    'palette whose white background comes last': palette_image(
        numbers(one=0, two=1) + 2 * (numbers() == 0).astype(np.uint8),
        [(250, 0, 0), (0, 250, 0), (0, 0, 0)],
    ),
    'palette without black': palette_image(numbers(), [(9, 9, 9), *DAVIS[1:]]),
    'palette of one colour': palette_image(numbers(), [(0, 0, 0)] * 3),
    'palette of grey numbers': palette_image(numbers(), [(i, i, i) for i in range(3)]),
    'numbers': Image.fromarray(numbers()),
    '16 bit': Image.fromarray(numbers(np.uint16, 1001, 1002)),
    'colours': Image.fromarray(rgb((0, 0, 0), (0, 0, 250), (250, 0, 0))),
    'colours, all opaque': Image.fromarray(rgb(*DAVIS[::2], DAVIS[1])).convert('RGBA'),
}


TARGET = numbers(one=1, two=0)
ONE_TARGET = {
    'bits': Image.fromarray(TARGET.astype(bool)),
    'white': Image.fromarray(TARGET * 255),
    'dark': Image.fromarray(TARGET * 9),
    'white in colour': Image.fromarray(TARGET * 255).convert('RGB'),
    'white, index 0 of the palette': palette_image(1 - TARGET, [(255,) * 3, (0,) * 3]),
    'white, index 1 of the palette': palette_image(TARGET, [(0,) * 3, (255,) * 3]),
    'alpha, black': Image.merge(
        'RGBA', [Image.new('L', (16, 12))] * 3 + [Image.fromarray(TARGET * 255)]
    ),
    'alpha, white': Image.merge(
        'LA', [Image.new('L', (16, 12), 255), Image.fromarray(TARGET * 255)]
    ),
}


@pytest.mark.parametrize('name', [*TWO_TARGETS, *ONE_TARGET])
def test_targets_of_masks_that_are_clear(path, name):
    image, masks = TWO_TARGETS.get(name), expected()
    if image is None:
        image, masks = ONE_TARGET[name], TARGET[None] == 1
    image.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert np.array_equal(read_masks(path), masks)


def test_a_photograph_that_was_cut_out(path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    target = TARGET.repeat(2, axis=0).repeat(2, axis=1)
    target[:6] = 1  # of so many pixels that few are of one colour
    Image.fromarray(np.dstack([noise, target * 255])).save(path)
    assert np.array_equal(read_masks(path), target[None] == 1)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_soft_edges_are_cut_at_half_and_it_is_said(tmp_path, suffix):
    image = Image.new('L', (64, 48))
    ImageDraw.Draw(image).ellipse((10, 10, 40, 30), fill=255)
    path = tmp_path / f'soft{suffix}'
    image.resize((32, 24), Image.Resampling.BILINEAR).save(path, quality=95)
    with pytest.warns(UserWarning, match=r'soft.* grey tones: pixels of 128 and more'):
        mask = read_masks(path)
    assert np.array_equal(mask[0], np.asarray(Image.open(path)) >= 128)


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (Image.effect_noise((16, 12), 90).convert('I;16'), 'at most'),
        (
            Image.merge('RGB', [Image.effect_noise((16, 12), s) for s in (9, 60, 90)]),
            'numbers or colours',
        ),
        (
            Image.fromarray(np.dstack([rgb(*DAVIS), numbers(one=255, two=255)])),
            '2 colours and an alpha channel',
        ),
        (
            palette_image(numbers(two=255), DAVIS * 100),
            '255 may be white of grey tones',
        ),
    ],
    ids=['16 bit', 'photograph', 'colours and alpha', 'unknown pixels'],
)
def test_what_is_not_understood_is_refused(path, image, message):
    image.save(path)
    with pytest.raises(SourceError, match=rf'mask\.png is not understood: .*{message}'):
        read_masks(path)


def test_masks_are_turned_as_images_are(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    for name in ('a.png', 'a.jpg', 'a.webp'):
        Image.fromarray(TARGET * 255).save(tmp_path / name, exif=exif, quality=100)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # edges of JPEG are soft
            (mask,) = read_masks(tmp_path / name)
        assert np.array_equal(mask, np.rot90(TARGET, -1) == 1), name


def test_several_files(tmp_path):
    Image.fromarray(numbers()).save(tmp_path / 'a.png')
    Image.fromarray(TARGET).save(tmp_path / 'b.png')
    masks = load_mask([tmp_path / 'a.png', str(tmp_path / 'b.png')])
    assert np.array_equal(masks, [*expected(), TARGET == 1])
    Image.new('L', (3, 4), 1).save(tmp_path / 'b.png')
    with pytest.raises(SourceError, match=r'got 16 x 12, 3 x 4 \(width x height\)'):
        load_mask([tmp_path / 'a.png', tmp_path / 'b.png'])


def test_no_file(tmp_path):
    for name in ('absent.png', '.'):
        with pytest.raises(SourceError, match='cannot be read'):
            read_masks(tmp_path / name)
