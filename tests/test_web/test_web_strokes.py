"""What is painted over images: strokes in, masks out; and what is painted on."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

pytest.importorskip('gradio')

from uninext.web.pages import data_uri
from uninext.web.painter import BRUSH_SHARES, build_painter, under_brush
from uninext.web.strokes import BRUSH_COLORS, image_key, read_painting

SIZE_HW = (60, 100)


def stroke(*points, color=0, width=11) -> dict:
    return dict(color=color, width=width, points=[list(point) for point in points])


def painting(*strokes: dict, **more) -> str:
    return json.dumps(dict(strokes=strokes, **more))


def far_from(points: np.ndarray) -> np.ndarray:
    """(H, W): how far a pixel's middle is from a line through (n, 2) points, densely
    stepped along: without OpenCV."""
    steps = np.linspace(0, 1, 200)[:, None]
    dense = np.concatenate([a + steps * (b - a) for a, b in zip(points, points[1:])])
    ys, xs = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]] + 0.5
    return np.hypot(xs[..., None] - dense[:, 0], ys[..., None] - dense[:, 1]).min(-1)


class TestReadPainting:
    @pytest.mark.parametrize(
        'nothing',
        [None, '', ' \n', {}, '{}', 'null', '[]', painting(), dict(strokes=[])],
        ids=str,
    )
    def test_nothing_painted(self, nothing):
        assert read_painting(nothing, SIZE_HW).shape == (0, *SIZE_HW)

    @pytest.mark.parametrize('width', [3, 6, 11, 24.6])
    def test_a_click_is_a_dot(self, width):
        (mask,) = read_painting(painting(stroke((50, 30), width=width)), SIZE_HW)
        assert mask.sum() <= math.pi * (width / 2 + 0.5) ** 2
        assert mask.sum() >= math.pi * (width / 2 - 1) ** 2
        ys, xs = np.nonzero(mask)
        assert (ys.mean(), xs.mean()) == pytest.approx((29.5, 49.5), abs=0.6)

    @pytest.mark.parametrize('width', [3, 4, 11, 20])
    def test_lines_are_as_wide_as_the_brush(self, width):
        points = [(20, 20), (70.4, 25.2), (60, 45)]
        (mask,) = read_painting(painting(stroke(*points, width=width)), SIZE_HW)
        far = far_from(np.array(points))
        assert mask[far < width / 2 - 1.5].all()
        assert not mask[far > width / 2 + 1].any()

    def test_a_colour_is_a_thing_in_the_order_of_the_colours(self):
        given = (stroke((80, 30), color=2), stroke((10, 30)), stroke((30, 50)))
        first, second = read_painting(painting(*given), SIZE_HW)
        assert first[30, 10]
        assert first[50, 30]
        assert second[30, 80]
        assert not (first & second).any()

    def test_what_is_seen_counts_not_what_is_below(self):
        below, above = stroke((50, 30)), stroke((50, 30), color=3, width=21)
        (seen,) = read_painting(painting(below, above), SIZE_HW)
        assert seen.sum() > 300
        ring, dot = read_painting(painting(above, below), SIZE_HW)[::-1]
        assert not ring[30, 50]
        assert dot[30, 50]

    def test_what_is_outside_is_cut_off(self):
        line = stroke((-200, 30), (50, 30))
        (mask,) = read_painting(painting(line), SIZE_HW)
        assert mask[30, :50].all()
        assert not mask[:, 60:].any()
        assert not len(read_painting(painting(stroke((500, 500))), SIZE_HW))
        far = stroke((-1e300, 30), (1e300, 30), width=10**9)
        assert read_painting(painting(far), SIZE_HW).all()

    def test_a_slip_does_not_count(self):
        assert not len(read_painting(painting(stroke((0, 0), width=1)), SIZE_HW))

    def test_parsed_is_as_good_as_text(self):
        text = painting(stroke((50, 30)))
        parsed = read_painting(json.loads(text), SIZE_HW)
        assert (parsed == read_painting(text, SIZE_HW)).all()

    def test_what_was_painted_over_another_image_does_not_count(self):
        this, other = np.zeros((2, *SIZE_HW, 3), np.uint8)
        other[0, 0, 0] = 1
        key = image_key(this)
        assert key == image_key(this[:, ::-1][:, ::-1])
        for owner, count in ((key, 1), (None, 1), (image_key(other), 0)):
            text = painting(stroke((50, 30)), image=owner)
            assert len(read_painting(text, SIZE_HW, key)) == count
            assert len(read_painting(text, SIZE_HW)) == 1


class TestBadPaintings:
    EXPECTED = 'A painting is JSON such as .*"color": 0.* in pixels'

    def complaint(self, given) -> str:
        with pytest.raises(ValueError, match=self.EXPECTED) as caught:
            read_painting(given, SIZE_HW)
        return str(caught.value)

    @pytest.mark.parametrize('text', ['{', 'red', '[' * 100_000], ids=['{', 'red', '['])
    def test_no_json(self, text):
        assert 'cannot be read' in self.complaint(text)

    @pytest.mark.parametrize(
        'text', ['3', '[1]', '{"a": 1}', '{"strokes": null}', '{"strokes": {"a": 1}}']
    )
    def test_no_strokes(self, text):
        assert 'no list of strokes' in self.complaint(text)

    @pytest.mark.parametrize(
        'field, value',
        [('color', value) for value in (4, -1, 0.5, 'red', None, [0])]
        + [('width', value) for value in (0, -3, 'wide', None, [3], math.nan, True)]
        + [
            ('points', value)
            for value in (
                [], None, 'here', 3, [3, 4], [[1, 2, 3]], [[1, 2], [3]], [['a', 'b']],
                [[1, math.inf]], [[10**400, 0]], [[None, 1]],
            )
        ],
        ids=str,
    )  # fmt: skip
    def test_a_stroke_that_is_none_is_named(self, field, value):
        second = {**stroke((50, 30)), field: value}
        said = self.complaint(painting(stroke((9, 9)), second))
        assert said.startswith(f'Stroke 2 has the {field} ')
        assert len(said) < 400

    @pytest.mark.parametrize('value', [None, 3, 'x', []])
    def test_a_stroke_is_an_object(self, value):
        assert 'Stroke 1 has the color None' in self.complaint(painting(value))


class TestPainter:
    def test_no_image(self):
        assert under_brush(None) == {}

    def test_an_image_keeps_its_size_however_it_is_shown(self):
        image = np.zeros((1500, 3000, 3), np.uint8)
        image[..., 0] = 200  # RGB
        shown = under_brush(image)
        assert (shown['height'], shown['width']) == (1500, 3000)
        assert shown['key'] == image_key(image)
        assert shown['source'] == data_uri(image[..., ::-1])

    def test_every_button_says_what_it_does_and_one_of_a_kind_is_pressed(self):
        page = build_painter('image', 'x').html_template
        buttons = re.findall(r'<button[^>]*>', page)
        assert len(buttons) == len(BRUSH_COLORS) + len(BRUSH_SHARES) + 2
        assert all('aria-label="' in b and 'type="button"' in b for b in buttons)
        pressed = [b for b in buttons if 'aria-pressed="true"' in b]
        assert len([b for b in pressed if 'data-color="0"' in b]) == 1
        assert len([b for b in pressed if 'data-share="' in b]) == 1
        assert len(pressed) == 2

    def test_the_script_is_short_and_takes_its_start_from_the_page(self):
        painter = build_painter('image', 'x')
        assert painter.js_on_load.count('\n') < 150
        # Gradio takes what the script has in quotes for an event of that name, and
        # then cannot send it.
        assert not hasattr(painter, 'image')
        share = re.search(r'share: ([\d.]+)', painter.js_on_load)[1]
        assert float(share) == BRUSH_SHARES['medium']
