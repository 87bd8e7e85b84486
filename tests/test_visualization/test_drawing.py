from __future__ import annotations

import numpy as np
import pytest

from uninext.visualization.contact_sheet import make_contact_sheet
from uninext.visualization.drawing import (
    DrawingScale,
    draw_instances,
    paint_box,
    paint_mask,
)


def canvas(height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def test_nothing_to_draw_leaves_the_image_alone():
    image = canvas()
    paint_mask(image, np.zeros((60, 80), bool), (255, 0, 0), 0.5, 1)
    assert (image == 120).all()
    drawn = draw_instances(image, np.zeros((0, 4)), [], [], np.zeros((0, 60, 80)))
    np.testing.assert_array_equal(drawn, image)


def test_sizes_grow_with_the_image_and_stay_readable():
    small, large = DrawingScale.of(240, 320), DrawingScale.of(2160, 3840)
    assert small.font_size >= 11
    assert small.line_width >= 1
    assert large.font_size > 3 * small.font_size
    assert large.line_width > 3 * small.line_width
    assert DrawingScale.of(320, 240) == small


def test_a_mask_is_tinted_inside_and_nowhere_else():
    image, mask = canvas(), np.zeros((60, 80), bool)
    mask[10:40, 20:50] = True
    paint_mask(image, mask, (255, 0, 0), 0.5, 1)
    assert image[25, 35].tolist() == [187, 60, 60]
    assert image[10, 35, 0] > 230  # the outline is opaque, but for anti-aliasing
    assert (image[50:] == 120).all()
    with pytest.raises(ValueError, match=r'\(60, 80\).*\(30, 80\)'):
        paint_mask(canvas(30), mask, (255, 0, 0), 0.5, 1)


def test_a_box_beyond_the_image_is_drawn_at_its_edge():
    image = canvas()
    paint_box(image, [-20, -20, 500, 500], (0, 255, 0), 1)
    assert image[0, 40].tolist() == [0, 255, 0]
    assert image[59, 40].tolist() == [0, 255, 0]
    assert image[30, 40].tolist() == [120] * 3


def test_the_first_instance_is_on_top_and_the_image_is_kept():
    image, masks = canvas(), np.zeros((2, 60, 80), bool)
    masks[:, 20:50, 20:60] = True
    boxes = np.array([[20, 20, 60, 50]] * 2)
    colors = [(255, 0, 0), (0, 0, 255)]
    drawn = draw_instances(image, boxes, ['', ''], colors, masks, alpha=1.0)
    assert (image == 120).all()
    assert drawn[35, 40].tolist() == [255, 0, 0]
    boxed = draw_instances(image, boxes, ['', ''], colors)
    assert boxed[35, 40].tolist() == [120] * 3
    assert boxed[35, 20].tolist() == [255, 0, 0]


def test_a_small_mask_of_a_large_image_is_drawn_where_it_is():
    image, mask = canvas(400, 600), np.zeros((400, 600), bool)
    mask[390:400, 570:600] = True  # at the border, which an outline must not leave
    paint_mask(image, mask, (0, 255, 0), 0.5, 1)
    assert (image[395, 585] == (60, 187, 60)).all()
    changed = (image != 120).any(-1)
    assert changed[mask].all()
    assert not changed[:387].any()
    assert not changed[:, :567].any()


def test_a_contact_sheet_holds_every_image_once():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.full((20 + 7 * i, 40, 3), c, np.uint8) for i, c in enumerate(colors)]
    sheet = make_contact_sheet(images, num_columns=2, cell_width=40)
    for image, color in zip(images, colors):
        assert (sheet == color).all(-1).sum() == image.shape[0] * 40
    assert make_contact_sheet(images[:1], cell_width=80).shape[1] < 100
    with pytest.raises(ValueError, match='at least one image'):
        make_contact_sheet([])
    with pytest.raises(ValueError, match='at least 1'):
        make_contact_sheet(images, num_columns=0)
