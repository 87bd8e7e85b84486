from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from uninext.datasets import UnreadableImageError
from uninext.datasets.transforms import LoadImageOrExplain, LoadPromptAnnotations


@pytest.fixture
def image_path(tmp_path):
    path = tmp_path / 'a.png'
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    cv2.imwrite(str(path), pixels)
    return path


def test_image_is_loaded_as_bgr(image_path):
    loaded = LoadImageOrExplain()(dict(img_path=str(image_path), height=4, width=6))
    assert loaded['img'][0, 1].tolist() == [3, 4, 5]
    assert loaded['img_shape'] == loaded['ori_shape'] == (4, 6)


@pytest.mark.parametrize('content', [b'', b'no image', None], ids=str)
def test_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / 'bad.jpg'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r'bad\.jpg'):
        LoadImageOrExplain()(dict(img_path=str(path)))


@pytest.mark.parametrize('name', ['a.png', 'a.jpg'])
@pytest.mark.parametrize('share', [0.1, 0.5, 0.9])
def test_file_that_is_cut_off_is_not_accepted(tmp_path, name, share):
    path = tmp_path / name
    noise = np.random.RandomState(0).randint(0, 255, (40, 60, 3)).astype(np.uint8)
    cv2.imwrite(str(path), noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableImageError, match=name):
        LoadImageOrExplain()(dict(img_path=str(path)))


@pytest.mark.parametrize('error', [MemoryError(), TypeError('a bug'), KeyError('a')])
def test_other_errors_are_not_of_the_image(image_path, monkeypatch, error):
    """Another image would be drawn instead, and nobody would ever know."""

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr('mmcv.imfrombytes', fail)
    with pytest.raises(type(error)):
        LoadImageOrExplain()(dict(img_path=str(image_path)))


@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'a.bmp', 'a.tiff', 'a.ppm'])
def test_whatever_is_damaged_the_image_is_named(tmp_path, name, monkeypatch):
    """Random bytes change; each file is read, or said to be unreadable."""
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 600)  # what a header may ask for
    warnings.simplefilter('ignore', Image.DecompressionBombWarning)
    rng = np.random.RandomState(0)
    path = tmp_path / name
    cv2.imwrite(str(path), rng.randint(0, 255, (20, 30, 3)).astype(np.uint8))
    content = np.frombuffer(path.read_bytes(), np.uint8)
    unreadable = 0
    for _ in range(60):
        damaged = content.copy()
        damaged[rng.randint(0, rng.choice([30, 150, len(content)]), 4)] ^= 0x55
        path.write_bytes(damaged.tobytes())
        try:
            loaded = LoadImageOrExplain()(dict(img_path=str(path)))
            assert loaded['img'].dtype == np.uint8
        except UnreadableImageError as error:
            unreadable += 1
            assert name in str(error)
    assert unreadable > 10


def test_no_image_for_opencv(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'no image')
    with pytest.raises(UnreadableImageError, match='no image, or damaged'):
        LoadImageOrExplain('cv2')(dict(img_path=str(tmp_path / 'a.jpg')))


# Pixels of an image in the mode, and what they are in 8-bit BGR.
GREY = np.array([[0, 40, 255], [130, 7, 90]], np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)  # RGB
DEEP = GREY.astype(np.uint16) * 256 + 77


@pytest.mark.parametrize(
    ('name', 'image', 'expected'),
    [
        ('a.png', Image.fromarray(GREY), GREY),
        ('a.png', Image.fromarray(GREY > 50), np.where(GREY > 50, 255, 0)),
        ('a.png', Image.fromarray(DEEP), GREY),
        ('a.tiff', Image.fromarray(DEEP), GREY),
        ('a.png', Image.fromarray(COLOUR), COLOUR),
        ('a.png', Image.fromarray(COLOUR).quantize(8), COLOUR),
        ('a.png', Image.fromarray(np.dstack([COLOUR, GREY])), COLOUR),
        ('a.tiff', Image.fromarray(COLOUR).convert('CMYK'), COLOUR),
    ],
    ids=['grey', 'bit', 'grey16-png', 'grey16-tiff', 'rgb', 'palette', 'rgba', 'cmyk'],
)
def test_every_kind_of_image_becomes_8_bit_bgr(tmp_path, name, image, expected):
    image.save(tmp_path / name)
    loaded = LoadImageOrExplain()(dict(img_path=str(tmp_path / name)))['img']
    expected = np.broadcast_to(expected.reshape(2, 3, -1), (2, 3, 3))
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded[..., ::-1], expected)


def test_cmyk_jpeg_is_not_its_negative(tmp_path):
    path = tmp_path / 'a.jpg'
    Image.new('CMYK', (16, 16), (0, 255, 255, 0)).save(path)  # red in print
    blue, green, red = LoadImageOrExplain()(dict(img_path=str(path)))['img'][8, 8]
    assert red > 240
    assert max(blue, green) < 15


def test_16_bit_colour_keeps_its_upper_bits(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.dstack([DEEP, DEEP + 256, DEEP]))
    loaded = LoadImageOrExplain()(dict(img_path=str(path)))['img']
    np.testing.assert_array_equal(loaded, np.dstack([GREY, GREY + 1, GREY]))


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_32_bits_are_refused(tmp_path, dtype):
    path = tmp_path / 'a.tiff'
    Image.fromarray(GREY.astype(dtype)).save(path)
    with pytest.raises(UnreadableImageError, match=r'a\.tiff: it has 32 bits'):
        LoadImageOrExplain()(dict(img_path=str(path)))


@pytest.mark.parametrize('deep', [False, True])
def test_images_are_turned_by_exif(tmp_path, deep):
    path = tmp_path / 'a.png'
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: a quarter to the right
    Image.fromarray(DEEP if deep else GREY).save(path, exif=exif)
    sample = dict(img_path=str(path), height=3, width=2)
    loaded = LoadImageOrExplain()(dict(sample))
    np.testing.assert_array_equal(loaded['img'][..., 0], np.rot90(GREY, -1))
    stored = dict(sample, height=2, width=3)
    message = r'EXIF orientation turns it.*color_ignore_orientation'
    with pytest.raises(UnreadableImageError, match=message):
        LoadImageOrExplain()(dict(stored))
    as_stored = LoadImageOrExplain(color_type='color_ignore_orientation')
    np.testing.assert_array_equal(as_stored(stored)['img'][..., 0], GREY)


def test_other_size_than_annotated_is_an_error(image_path):
    with pytest.raises(UnreadableImageError, match=r'6x4 pixels.*says 4x6'):
        LoadImageOrExplain()(dict(img_path=str(image_path), height=6, width=4))


def sample(*instances, has_masks=True):
    return dict(ori_shape=(6, 8), instances=list(instances), has_masks=has_masks)


def instance(mask=None, ignore=0):
    record = dict(bbox=[1, 2, 4, 5], bbox_label=3, ignore_flag=ignore)
    return record if mask is None else {**record, 'mask': mask}


POLYGON = [[1, 2, 4, 2, 4, 5, 1, 5]]


def test_no_instances():
    results = LoadPromptAnnotations(with_mask=True)(sample(has_masks=False))
    assert results['gt_bboxes'].tensor.shape == (0, 4)
    assert 'gt_masks' not in results


def test_masks_follow_polygons_and_rle():
    rle = dict(size=[6, 8], counts=[0, 48])
    results = LoadPromptAnnotations(with_mask=True)(
        sample(instance(POLYGON), instance(rle), instance(ignore=1))
    )
    masks = results['gt_masks'].masks
    assert masks.shape == (3, 6, 8)
    assert masks[0].sum() == masks[0, 2:5, 1:4].sum() == 9
    assert masks[1].all()
    assert not masks[2].any()
    assert results['gt_ignore_flags'].tolist() == [False, False, True]
    assert results['gt_bboxes_labels'].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ('with_mask', 'has_masks'), [(False, True), (True, False), (False, False)]
)
def test_no_mask_is_ever_invented(with_mask, has_masks):
    results = LoadPromptAnnotations(with_mask=with_mask)(
        sample(instance(POLYGON), instance(), has_masks=has_masks)
    )
    assert 'gt_masks' not in results
    assert len(results['gt_bboxes']) == 2
