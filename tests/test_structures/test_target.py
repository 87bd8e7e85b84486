from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from uninext.structures import (
    Prompt,
    PromptStart,
    Target,
    Template,
    TrackUpdate,
    VisualPrompt,
    mask_box,
    mask_boxes,
    resize_mask,
)


def mask(*pixels: tuple[int, int], size_hw: tuple[int, int] = (6, 8)) -> torch.Tensor:
    """The given (row, column) are set."""
    made = torch.zeros(size_hw, dtype=torch.bool)
    for row, column in pixels:
        made[row, column] = True
    return made


NAN, INF = float('nan'), float('inf')


@pytest.mark.parametrize(
    ('box', 'given', 'message'),
    [
        (None, None, 'a box or a mask'),
        (None, mask(), 'empty'),
        *((None, torch.ones(s).bool(), 'one by one') for s in ((5,), (1, 5, 5))),
        *((None, torch.ones(2, 2, dtype=d), 'bool') for d in (torch.uint8, torch.half)),
        *((torch.ones(s), None, 'x1, y1, x2, y2') for s in ((3,), (2, 4), (0,))),
        *(
            (torch.tensor(box), None, 'empty or not finite')
            for box in (
                (3, 1, 3, 5),
                (1, 5, 3, 2),
                (NAN, 1, 3, 5),
                (1, 1, 3, NAN),
                (1, 1, INF, 5),
                (1, -INF, 3, 5),
            )
        ),
    ],
)
def test_what_is_no_target(box, given, message):
    with pytest.raises(ValueError, match=message):
        Target(box, given)


def test_box_is_as_given():
    both = Target(torch.tensor([[1, 2, 3, 4]]), mask((5, 5)))
    assert torch.equal(both.box(), torch.tensor([1.0, 2, 3, 4]))


def test_box_of_a_mask_has_its_outer_edges():
    box = Target(mask=mask((1, 6), (4, 2))).box()
    assert torch.equal(box, torch.tensor([2.0, 1, 7, 5]))
    assert box.dtype == torch.float32


@pytest.mark.parametrize('pixel', [(0, 0), (3, 4), (5, 7)])
def test_box_of_one_pixel_is_not_empty(pixel):
    row, column = pixel
    box = mask_box(mask(pixel))
    assert box.tolist() == [column, row, column + 1, row + 1]


def test_values_do_not_change():
    for value in (Target, PromptStart, Prompt, Template, VisualPrompt):
        assert value.__dataclass_params__.frozen
        assert value.__dataclass_params__.eq == (value is Prompt)
    assert TrackUpdate._field_defaults == {'prompt_id': -1}


def test_targets_are_compared_by_identity():
    one, other = (Target(mask=mask((1, 1))) for _ in range(2))
    assert {one: 1, other: 2}[one] == 1
    assert one != other


SIZES = [(480, 720), (192, 288), (31, 47), (90, 90), (7, 3), (1, 1), (1080, 1920)]


@pytest.mark.parametrize('size_hw', SIZES)
@pytest.mark.parametrize('new_hw', SIZES)
def test_resized_masks_are_those_of_pil_and_of_torch(size_hw, new_hw):
    """Two ways to be nearest; 97ef9bd took the second where the first is published."""
    given = torch.rand(size_hw) > 0.5
    image = Image.fromarray(given.numpy().astype(np.uint8))
    by_pil = np.asarray(image.resize(new_hw[::-1], Image.NEAREST)).astype(bool)
    found = resize_mask(given, new_hw, from_centres=True)
    assert found.dtype == torch.bool
    assert np.array_equal(found.numpy(), by_pil)
    rows, columns = (np.arange(n) * o // n for n, o in zip(new_hw, size_hw))
    by_corner = given.numpy()[rows][:, columns]
    assert np.array_equal(resize_mask(given, new_hw).numpy(), by_corner)


def test_the_two_ways_differ():
    given = torch.arange(12).reshape(3, 4) % 2 == 0
    small = resize_mask(given, (1, 2), from_centres=True)
    assert torch.equal(small, given[1:2, 1::2])
    assert torch.equal(resize_mask(given, (1, 2)), given[:1, ::2])


def test_no_pixel_stays_no_pixel():
    nothing = torch.zeros(5, 9, dtype=torch.bool)
    for from_centres in (True, False):
        assert not resize_mask(nothing, (50, 3), from_centres).any()


def test_boxes_of_no_mask():
    assert mask_boxes(torch.zeros(0, 3, 4, dtype=torch.bool)).shape == (0, 4)


def test_boxes_of_masks_are_those_of_each():
    masks = torch.rand(20, 7, 9) > 0.9
    masks[3] = False
    boxes = mask_boxes(masks)
    assert boxes[3].isnan().all()
    for mask, box in zip(masks, boxes):
        if not mask.any():
            continue
        y, x = mask.nonzero().unbind(1)
        corners = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert box.tolist() == [float(corner) for corner in corners]
        assert torch.equal(mask_box(mask), box)
