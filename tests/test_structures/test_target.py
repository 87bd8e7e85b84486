from __future__ import annotations

import pytest
import torch

from uninext.structures import Target
from uninext.structures.target import mask_box


def mask(*pixels: tuple[int, int], size_hw: tuple[int, int] = (6, 8)) -> torch.Tensor:
    """The given (row, column) are set."""
    made = torch.zeros(size_hw, dtype=torch.bool)
    for row, column in pixels:
        made[row, column] = True
    return made


def test_nothing_is_no_target():
    with pytest.raises(ValueError, match='a box or a mask'):
        Target()


def test_an_empty_mask_is_no_target():
    with pytest.raises(ValueError, match='empty'):
        Target(mask=mask())


@pytest.mark.parametrize('shape', [(5,), (1, 5, 5)])
def test_a_mask_has_two_dimensions(shape):
    with pytest.raises(ValueError, match='one by one'):
        Target(mask=torch.ones(shape).bool())


@pytest.mark.parametrize('shape', [(3,), (2, 4), (0,)])
def test_a_box_has_four_numbers(shape):
    with pytest.raises(ValueError, match='x1, y1, x2, y2'):
        Target(box_xyxy=torch.ones(shape))


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
def test_a_mask_is_true_or_false(dtype):
    with pytest.raises(ValueError, match='bool'):
        Target(mask=mask((1, 1)).to(dtype))


@pytest.mark.parametrize(
    'box',
    [
        (3, 1, 3, 5),
        (1, 5, 3, 2),
        (float('nan'), 1, 3, 5),
        (1, 1, 3, float('nan')),
        (1, 1, float('inf'), 5),
        (1, -float('inf'), 3, 5),
    ],
)
def test_a_box_has_an_area(box):
    with pytest.raises(ValueError, match='empty or not finite'):
        Target(torch.tensor(box))


def test_box_is_as_given():
    both = Target(torch.tensor([[1, 2, 3, 4]]), mask((5, 5)))
    assert torch.equal(both.box(), torch.tensor([1.0, 2, 3, 4]))


def test_box_of_a_mask_goes_from_first_to_last_pixel():
    box = Target(mask=mask((1, 6), (4, 2))).box()
    assert torch.equal(box, torch.tensor([2.0, 1, 6, 4]))
    assert box.dtype == torch.float32


@pytest.mark.parametrize('pixel', [(0, 0), (3, 4), (5, 7)])
def test_box_of_one_pixel_is_not_empty(pixel):
    row, column = pixel
    box = mask_box(mask(pixel))
    assert box.tolist() == [column, row, column + 1, row + 1]


def test_targets_are_compared_by_identity():
    one, other = (Target(mask=mask((1, 1))) for _ in range(2))
    assert {one: 1, other: 2}[one] == 1
    assert one != other
