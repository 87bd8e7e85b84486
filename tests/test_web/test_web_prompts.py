"""What people type and click."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('gradio')

from uninext.models.trackers.inputs import checked_boxes
from uninext.web.prompts import (
    add_corner,
    boxes_to_draw,
    read_boxes,
    read_prompts,
    undo_corner,
)

SIZE_HW = (60, 100)


class TestReadPrompts:
    @pytest.mark.parametrize('nothing', ['', None, ' \n '], ids=['', 'none', 'blank'])
    def test_nothing_is_an_error_that_says_what_to_do(self, nothing):
        with pytest.raises(ValueError, match='Type category names .* click .* paint'):
            read_prompts(nothing, nothing, '', None, SIZE_HW)

    def test_only_what_was_given_is_asked(self):
        asked = read_prompts('star', '', '', None, SIZE_HW)
        nothing = dict(expression=None, box=None, mask=None)
        assert asked == (dict(categories=['star'], **nothing), ())
        asked = read_prompts(' , ', 'it', '', None, SIZE_HW)
        assert asked.arguments == dict(nothing, categories=None, expression=['it'])

    def test_everything_at_once(self):
        stroke = dict(color=0, width=9, points=[[5, 5]])
        painting = dict(strokes=[stroke], image='this')
        prompts = read_prompts(
            ' red  star, ring;ring\ncross,', 'the left one\n\n the, other ', '1 2 9 8',
            painting, SIZE_HW, 'this',
        )  # fmt: skip
        asked = prompts.arguments
        assert asked['categories'] == ['red star', 'ring', 'cross']
        assert asked['expression'] == ['the left one', 'the, other']
        assert asked['box'].tolist() == [[1, 2, 9, 8]]
        assert asked['mask'].shape == (1, *SIZE_HW)

    def test_names_are_read_as_everywhere_and_repeats_are_told(self):
        prompts = read_prompts('star, ring, Star', '', '', None, SIZE_HW)
        assert prompts.arguments['categories'] == ['star', 'ring']
        assert prompts.notes == (
            'Category names that are given more than once are asked for once: star.',
        )
        assert read_prompts('star', '', '', None, SIZE_HW).notes == ()
        assert (
            read_prompts(' , ', 'it', '', None, SIZE_HW).arguments['categories'] is None
        )

    def test_another_image_shows_boxes_or_masks(self):
        image = np.zeros((9, 9, 3), np.uint8)
        asked = read_prompts('star', '', '1 2 9 8', None, SIZE_HW)
        assert asked.shown_in(image).arguments == dict(asked.arguments, shown_in=image)
        with pytest.raises(ValueError, match='nothing is marked in it'):
            read_prompts('star', '', '', None, SIZE_HW).shown_in(image)


class TestReadBoxes:
    def test_no_box(self):
        assert read_boxes(None, SIZE_HW).shape == (0, 4)
        assert read_boxes(' \n', SIZE_HW).shape == (0, 4)

    def test_ways_to_write_a_box(self):
        boxes = read_boxes('1 2 30 40\n(1, 2, 30, 40)\n[1.0;2;30;40]', SIZE_HW)
        assert boxes.tolist() == [[1, 2, 30, 40]] * 3

    def test_a_box_may_reach_over_the_border(self):
        boxes = read_boxes('-5 -5 1000 20', SIZE_HW)
        assert boxes.tolist() == [[-5, -5, 1000, 20]]

    @pytest.mark.parametrize(
        ('line', 'message'),
        [
            ('30 40 1 2', 'Box 2 .* corners are swapped'),
            ('0.1 0.1 0.4 0.6', 'Box 2 .* Pixels of the image are expected'),
        ],
    )
    def test_boxes_are_refused_as_python_refuses_them(self, line, message):
        with pytest.raises(ValueError, match=message):
            read_boxes(f'1 2 30 40\n{line}', SIZE_HW)
        with pytest.raises(ValueError, match=message):
            checked_boxes([[1, 2, 30, 40], [float(word) for word in line.split()]])

    @pytest.mark.parametrize('line', ['1 2 3', 'a b c d', '1 2 3 nan', '1 2 3 4 5'])
    def test_what_is_no_box(self, line):
        with pytest.raises(ValueError, match='Box 2 is .* four numbers'):
            read_boxes(f'1 2 30 40\n{line}', SIZE_HW)

    @pytest.mark.parametrize('line', ['200 5 300 20', '5 5 6 6', '99 5 120 9'])
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
