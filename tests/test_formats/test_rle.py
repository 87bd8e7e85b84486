from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from uninext.formats.rle import decode_segmentation, encode_mask, run_lengths, to_rle


def test_no_pixel_and_no_run():
    assert run_lengths('').tolist() == run_lengths([]).tolist() == []
    empty = encode_mask(np.zeros((3, 4), bool))
    assert run_lengths(empty['counts']).tolist() == [12]
    assert not decode_segmentation(empty, 3, 4).any()
    with pytest.raises(ValueError, match='make 0 pixels in 0 runs'):
        to_rle(dict(size=[3, 4], counts=''), 3, 4)


@pytest.mark.parametrize('seed', range(20))
def test_runs_are_those_of_the_mask(seed: int):
    """The oracle is counting pixels, column by column."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 400, 2)
    mask = rng.random((height, width)) < rng.choice([0.02, 0.5, 0.98])
    mask[:, : width // 2] = rng.random() < 0.5  # long runs: numbers of several digits
    pixels = np.concatenate([[False], mask.T.ravel(), [False]])
    borders = np.flatnonzero(pixels[1:] != pixels[:-1])
    expected = np.trim_zeros(np.diff([0, *borders, height * width]), 'b')
    code = encode_mask(mask)
    runs = run_lengths(code['counts'])
    np.testing.assert_array_equal(runs, expected)
    plain = dict(size=[height, width], counts=runs.tolist())
    for segmentation in (code, plain, dict(code, counts=code['counts'].encode())):
        decoded = decode_segmentation(segmentation, height, width)
        np.testing.assert_array_equal(decoded, mask)
    np.testing.assert_array_equal(mask_utils.decode(code), mask)


@pytest.mark.parametrize('cut', [1, 2, 5])
def test_counts_that_lost_their_end_are_refused(cut: int):
    mask = np.zeros((40, 50), bool)
    mask[3:20, 5:30] = True
    code = encode_mask(mask)
    with pytest.raises(ValueError, match='counts'):
        to_rle(dict(code, counts=code['counts'][:-cut]), 40, 50)
    runs = run_lengths(code['counts']).tolist()
    with pytest.raises(ValueError, match='40 x 50 = 2000'):
        to_rle(dict(code, counts=runs[:-cut]), 40, 50)


@pytest.mark.parametrize(
    ('counts', 'match'),
    [
        ([30, -5, -5], 'negative length'),
        ([20.0], 'whole numbers'),
        ([[20]], 'whole numbers'),
        (None, 'NoneType'),
        ('T', 'break off'),
        ('\xe4', 'make'),
        (' ', 'no run-length code'),
        ('ooooooo0', 'larger than any image'),
    ],
)
def test_wrong_counts_are_refused(counts, match: str):
    with pytest.raises(ValueError, match=match):
        to_rle(dict(size=[4, 5], counts=counts), 4, 5)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r'size \(4, 5\) \(H, W\)'):
        to_rle(encode_mask(np.ones((4, 5), bool)), 5, 4)


@pytest.mark.parametrize(
    'polygons',
    [
        *([], [[]], [None], ['abcdef'], [[1, 1, 5, 5]], [[1, 1, 5, 1, 5]]),
        *([[1, 1, 5, 1, 5, None]], [[1, 1, 5, 1, 5, float('nan')]]),
        *([[1e9] * 6], [[10**400] * 6]),  # pycocotools writes beyond its memory
    ],
)
def test_polygons_that_are_none_are_refused(polygons):
    with pytest.raises(ValueError, match='A polygon of a mask must be'):
        to_rle(polygons, 4, 5)


@pytest.mark.parametrize(
    'size', [(0, 5), (4, -5), (4.5, 5), ('4', 5), (1 << 16, 1 << 15)]
)
def test_sizes_that_no_image_has_are_refused(size):
    with pytest.raises(ValueError, match='expected whole numbers from 1'):
        to_rle([[1, 1, 5, 1, 5, 5]], *size)


@pytest.mark.parametrize('counts', [[1 << 32], [-(1 << 40), 20 + (1 << 40)]])
def test_runs_beyond_any_image_are_refused(counts):
    with pytest.raises(ValueError, match='larger than any image'):
        to_rle(dict(size=[4, 5], counts=counts), 4, 5)
