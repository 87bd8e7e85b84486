from __future__ import annotations

import numpy as np
import pytest

from uninext.visualization.contact_sheet import make_contact_sheet
from uninext.visualization.drawing import (
    DrawingScale,
    add_caption,
    instance_color,
    pad_to_height,
    paint_box,
    paint_labels,
    paint_mask,
)


def canvas(height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def test_nothing_to_draw_leaves_the_picture_alone():
    image = canvas()
    paint_mask(image, np.zeros((60, 80), bool), (255, 0, 0), 0.5, 1)
    assert (image == 120).all()
    labelled = paint_labels(image, np.zeros((0, 4)), [], [], 11)
    np.testing.assert_array_equal(labelled, image)
    labelled = paint_labels(image, np.zeros((1, 4)), [''], [(0, 0, 0)], 11)
    np.testing.assert_array_equal(labelled, image)


def test_sizes_grow_with_the_picture_and_stay_readable():
    small, large = DrawingScale.of(240, 320), DrawingScale.of(2160, 3840)
    assert small.font_size >= 11
    assert small.line_width >= 1
    assert large.font_size > 3 * small.font_size
    assert large.line_width > 3 * small.line_width
    assert DrawingScale.of(320, 240) == small


def test_colours_are_stable_and_differ():
    first = [instance_color(i) for i in range(40)]
    assert first == [instance_color(i) for i in range(40)]
    assert len(set(first)) == 40
    neighbours = np.array(first, dtype=float)
    distances = np.abs(neighbours[:12, None] - neighbours[None, :12]).sum(-1)
    assert distances[~np.eye(12, dtype=bool)].min() > 40
    with pytest.raises(ValueError, match='at least 0'):
        instance_color(-1)


def test_a_mask_is_tinted_inside_and_nowhere_else():
    image, mask = canvas(), np.zeros((60, 80), bool)
    mask[10:40, 20:50] = True
    paint_mask(image, mask, (255, 0, 0), 0.5, 1)
    assert image[25, 35].tolist() == [187, 60, 60]
    assert image[10, 35, 0] > 230  # the outline is opaque, but for anti-aliasing
    assert (image[50:] == 120).all()
    with pytest.raises(ValueError, match=r'\(60, 80\).*\(30, 80\)'):
        paint_mask(canvas(30), mask, (255, 0, 0), 0.5, 1)


def test_a_box_beyond_the_picture_is_drawn_at_its_edge():
    image = canvas()
    paint_box(image, [-20, -20, 500, 500], (0, 255, 0), 1)
    assert image[0, 40].tolist() == [0, 255, 0]
    assert image[59, 40].tolist() == [0, 255, 0]
    assert image[30, 40].tolist() == [120] * 3


def test_labels_of_equal_boxes_do_not_cover_each_other():
    image = canvas(100, 200)
    boxes = np.array([[60, 40, 160, 90]] * 2)
    colors = [(255, 0, 0), (0, 0, 255)]
    drawn = paint_labels(image, boxes, ['one', 'two'], colors, 11)
    alone = paint_labels(image, boxes[:1], ['one'], colors[:1], 11)
    both = (drawn == colors[0]).all(-1).sum(), (drawn == colors[1]).all(-1).sum()
    assert both[0] == (alone == colors[0]).all(-1).sum()
    assert both[1] > 50


def test_labels_stay_inside_the_picture():
    image = canvas()
    boxes = np.array([[0, 0, 80, 60], [78, 58, 80, 60], [79, 0, 80, 60]])
    colors = [(255, 0, 0)] * 3
    drawn = paint_labels(image, boxes, ['abc'] * 3, colors, 11)
    assert drawn.shape == image.shape
    assert (drawn != image).any()


def test_a_caption_wraps_and_leaves_the_picture_below():
    image = canvas()
    short = add_caption(image, 'a dog', 11)
    long = add_caption(image, 'the dog ' * 8, 11)
    assert image.shape[0] < short.shape[0] < long.shape[0]
    np.testing.assert_array_equal(long[-60:], image)
    np.testing.assert_array_equal(pad_to_height(short, 150)[-60:], image)


def test_a_contact_sheet_holds_every_picture_once():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    pictures = [np.full((20 + 7 * i, 40, 3), c, np.uint8) for i, c in enumerate(colors)]
    sheet = make_contact_sheet(pictures, num_columns=2, cell_width=40)
    for picture, color in zip(pictures, colors):
        assert (sheet == color).all(-1).sum() == picture.shape[0] * 40
    assert make_contact_sheet(pictures[:1], cell_width=80).shape[1] < 100
    with pytest.raises(ValueError, match='at least one picture'):
        make_contact_sheet([])
    with pytest.raises(ValueError, match='at least 1'):
        make_contact_sheet(pictures, num_columns=0)
