from __future__ import annotations

import pytest
import torch

from helpers.pyramids import (
    LEVEL_EMBED,
    SIZES,
    encoding,
    image_mask,
    pyramid_of,
    random_levels,
    random_pyramid,
)


def test_levels_come_back():
    levels = random_levels()
    pyramid = pyramid_of(levels, [(64, 64), (32, 48)])
    assert pyramid.feat.shape == (2, 85, 32)
    assert pyramid.spatial_shapes.tolist() == [list(s) for s in SIZES]
    assert pyramid.level_start_index.tolist() == [0, 64, 80, 84]
    for given, returned in zip(levels, pyramid.unflatten(pyramid.feat, 4)):
        assert torch.equal(given, returned)
    assert len(pyramid.unflatten(pyramid.feat, 3)) == 3


def test_levels_need_not_be_square():
    levels = random_levels(1, [(3, 5), (2, 3), (1, 2), (1, 1)])
    pyramid = pyramid_of(levels, [(24, 40)], (24, 40))
    for given, returned in zip(levels, pyramid.unflatten(pyramid.feat, 4)):
        assert torch.equal(given, returned)


def test_unpadded_image_is_all_valid():
    pyramid = random_pyramid([(64, 64)])
    assert not pyramid.padding_mask.any()
    assert torch.equal(pyramid.valid_ratios, torch.ones(1, 4, 2))


def test_padding_of_each_level():
    pyramid = random_pyramid([(64, 64), (32, 48)])
    masks = pyramid.unflatten(pyramid.padding_mask[..., None].float(), 4)
    for (rows, columns), mask in zip([(4, 6), (2, 3), (1, 2), (1, 1)], masks):
        valid = mask[1, 0] == 0
        assert valid[:rows, :columns].all()
        assert valid.sum() == rows * columns
    expected = [[0.75, 0.5], [0.75, 0.5], [1.0, 0.5], [1.0, 1.0]]  # x, y
    assert pyramid.valid_ratios[1].tolist() == expected


def nearest(mask: list[bool], size: int) -> list[bool]:
    return [mask[i * len(mask) // size] for i in range(size)]


@pytest.mark.parametrize('valid', [40, 46, 48, 49, 50, 51, 99])
def test_mask_of_the_last_level_is_sampled_from_the_first(valid):
    """At 48 to 50 of 100 pixels the image's own mask would say otherwise."""
    sizes = [(13, 13), (7, 7), (4, 4), (2, 2)]
    pyramid = pyramid_of(random_levels(1, sizes), [(100, valid)], (100, 100))
    row = [x >= valid for x in range(100)]
    expected = [nearest(row, 13), nearest(row, 7), nearest(row, 4)]
    expected.append(nearest(expected[0], 2))
    masks = pyramid.unflatten(pyramid.padding_mask[..., None].float(), 4)
    assert [m[0, 0, 0].bool().tolist() for m in masks] == expected


def test_positions_are_sine_plus_level():
    pyramid = random_pyramid([(64, 64), (32, 48)])
    mask = image_mask([(64, 64), (32, 48)])[:, ::8, ::8]
    sine = encoding()(mask).flatten(2).transpose(1, 2)
    torch.testing.assert_close(pyramid.feat_pos[:, :64], sine + LEVEL_EMBED[0])


def test_index_repeats_images():
    pyramid = random_pyramid([(64, 64), (32, 48)])
    rows = [1, 0, 1]
    repeated = pyramid.index(rows)
    for i, row in enumerate(rows):
        assert torch.equal(repeated.feat[i], pyramid.feat[row])
        assert torch.equal(repeated.feat_pos[i], pyramid.feat_pos[row])
        assert torch.equal(repeated.padding_mask[i], pyramid.padding_mask[row])
        assert torch.equal(repeated.valid_ratios[i], pyramid.valid_ratios[row])
    assert repeated.spatial_shapes is pyramid.spatial_shapes


@pytest.mark.parametrize(('rows', 'same'), [([0, 1], True), ([1, 0], False), ([0], 0)])
def test_index_copies_only_where_needed(rows, same):
    pyramid = random_pyramid([(64, 64), (32, 48)])
    assert (pyramid.index(rows) is pyramid) == bool(same)


def test_reference_points_equal_mmdets():
    from mmdet.models.layers import DeformableDetrTransformerEncoder

    pyramid = random_pyramid([(64, 64), (32, 48)])
    expected = DeformableDetrTransformerEncoder.get_encoder_reference_points(
        SIZES, pyramid.valid_ratios, 'cpu'
    )
    torch.testing.assert_close(pyramid.reference_points(), expected)
