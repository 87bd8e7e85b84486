"""What people type, click and paint."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('gradio')

from uninext.web.prompts import (  # noqa: E402
    BRUSH_COLORS,
    add_corner,
    boxes_to_draw,
    new_painting,
    read_boxes,
    read_painting,
    read_prompts,
    undo_corner,
)

SIZE_HW = (60, 100)


def painted(*strokes: tuple[int, slice, slice], size_hw=SIZE_HW) -> dict:
    """A painting with strokes (number of the colour, rows, columns) on one layer."""
    layer = np.zeros((*size_hw, 4), np.uint8)
    for color, rows, columns in strokes:
        text = BRUSH_COLORS[color]
        rgb = [int(text[i : i + 2], 16) for i in (1, 3, 5)]
        layer[rows, columns] = (*rgb, 255)
    return dict(background=None, layers=[layer], composite=None)


class TestReadPrompts:
    @pytest.mark.parametrize('nothing', ['', None, ' \n '], ids=['', 'none', 'blank'])
    def test_nothing_is_an_error_that_says_what_to_do(self, nothing):
        with pytest.raises(ValueError, match='Type names .* click .* paint'):
            read_prompts(nothing, nothing, '', None, SIZE_HW)

    def test_only_what_was_given_is_asked(self):
        asked = read_prompts('star', '', '', None, SIZE_HW).arguments()
        given = {key for key, value in asked.items() if value is not None}
        assert given == {'categories'}

    def test_everything_at_once(self):
        painting = painted((0, slice(0, 9), slice(0, 9)))
        prompts = read_prompts(
            ' red  star, ring;ring\ncross,', 'the left one\n\n the, other ', '1 2 9 8',
            painting, SIZE_HW,
        )  # fmt: skip
        asked = prompts.arguments()
        assert asked['categories'] == ['red star', 'ring', 'cross']
        assert asked['expression'] == ['the left one', 'the, other']
        assert asked['box'].tolist() == [[1, 2, 9, 8]]
        assert asked['mask'].shape == (1, *SIZE_HW)


class TestReadBoxes:
    def test_no_box(self):
        assert read_boxes(None, SIZE_HW).shape == (0, 4)
        assert read_boxes(' \n', SIZE_HW).shape == (0, 4)

    def test_ways_to_write_a_box(self):
        boxes = read_boxes('1 2 30 40\n(1, 2, 30, 40)\n[1.0;2;30;40]', SIZE_HW)
        assert boxes.tolist() == [[1, 2, 30, 40]] * 3

    def test_corners_in_any_order_and_outside(self):
        boxes = read_boxes('30 40 1 2\n-5 -5 1000 20', SIZE_HW)
        assert boxes.tolist() == [[1, 2, 30, 40], [0, 0, 100, 20]]

    @pytest.mark.parametrize('line', ['1 2 3', 'a b c d', '1 2 3 nan', '1 2 3 4 5'])
    def test_what_is_no_box(self, line):
        with pytest.raises(ValueError, match='Box 2 is .* four numbers'):
            read_boxes(f'1 2 30 40\n{line}', SIZE_HW)

    @pytest.mark.parametrize('line', ['5 5 5 20', '200 5 300 20', '5 5 6 6'])
    def test_a_box_without_area_inside(self, line):
        with pytest.raises(ValueError, match='no area .* 100 x 60'):
            read_boxes(line, SIZE_HW)

    def test_unfinished_lines_are_not_drawn(self):
        assert boxes_to_draw(None, SIZE_HW).shape == (0, 4)
        drawn = boxes_to_draw('1 2\n1 2 30 40\n7', SIZE_HW)
        assert drawn.tolist() == [[1, 2, 30, 40]]


class TestCorners:
    @pytest.mark.parametrize('first, second', [((5, 6), (40, 30)), ((40, 6), (5, 30))])
    def test_two_clicks_are_a_box_in_any_direction(self, first, second):
        text, corner = add_corner('1 2 3 9', None, first)
        assert (text, corner) == ('1 2 3 9', first)
        text, corner = add_corner(text, corner, second)
        assert (text, corner) == ('1 2 3 9\n5 6 40 30', None)
        assert len(read_boxes(text.splitlines()[1], SIZE_HW)) == 1

    def test_a_double_click_is_one_corner(self):
        text, corner = add_corner('', (5, 6), (6, 6))
        assert (text, corner) == ('', (6, 6))

    def test_undo(self):
        assert undo_corner('', None) == ('', None)
        assert undo_corner('1 2 3 4', (7, 7)) == ('1 2 3 4', None)
        assert undo_corner('1 2 3 4\n5 6 7 8', None) == ('1 2 3 4', None)


class TestPaintings:
    @pytest.mark.parametrize(
        'painting',
        [None, {}, dict(layers=[]), dict(layers=None), painted()],
        ids=['none', 'empty', 'no layer', 'null', 'clean layer'],
    )
    def test_nothing_painted(self, painting):
        assert read_painting(painting, SIZE_HW).shape == (0, *SIZE_HW)

    def test_a_colour_is_a_thing(self):
        rows, left, right = slice(5, 15), slice(0, 20), slice(50, 70)
        masks = read_painting(painted((2, rows, left), (0, rows, right)), SIZE_HW)
        assert masks.shape == (2, *SIZE_HW)
        assert masks[0, rows, right].all()
        assert masks[0].sum() == 200
        assert masks[1, rows, left].all()

    def test_a_slip_and_soft_edges_do_not_count(self):
        painting = painted((1, slice(0, 1), slice(0, 3)))
        painting['layers'][0][20:30, 20:30] = (224, 49, 49, 100)  # mostly transparent
        assert not len(read_painting(painting, SIZE_HW))

    def test_layers_add_up_and_are_stretched(self):
        half = painted((0, slice(0, 15), slice(0, 25)), size_hw=(30, 50))
        whole = painted((0, slice(50, 60), slice(90, 100)))
        painting = dict(layers=half['layers'] + whole['layers'])
        (mask,) = read_painting(painting, SIZE_HW)
        assert mask[:30, :50].all()
        assert mask.sum() == 30 * 50 + 100

    def test_new_painting(self):
        assert new_painting(None) is None
        picture = np.zeros((4, 4, 3), np.uint8)
        value = new_painting(picture)
        assert value['background'] is picture
        assert not len(read_painting(value, (4, 4)))
