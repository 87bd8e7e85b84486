from __future__ import annotations

import itertools

import numpy as np
import pytest

from uninext.visualization.lettering import (
    add_caption,
    find_place,
    load_font,
    pad_to_height,
    paint_labels,
    shorten,
    wrap_text,
)

RED, BLUE = (255, 0, 0), (0, 0, 255)


def canvas(height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def overlap(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_nothing_to_write():
    image = canvas()
    labelled = paint_labels(image, np.zeros((0, 4)), [], [], 11)
    np.testing.assert_array_equal(labelled, image)
    labelled = paint_labels(image, np.zeros((1, 4)), [''], [RED], 11)
    np.testing.assert_array_equal(labelled, image)
    assert wrap_text('', 50, 11, 2) == ['']
    assert shorten('', 0, 11) == ''


def test_labels_of_equal_boxes_do_not_cover_each_other():
    image = canvas(100, 200)
    boxes = np.array([[60, 40, 160, 90]] * 2)
    colors = [RED, BLUE]
    drawn = paint_labels(image, boxes, ['one', 'two'], colors, 11)
    alone = paint_labels(image, boxes[:1], ['one'], colors[:1], 11)
    both = (drawn == RED).all(-1).sum(), (drawn == BLUE).all(-1).sum()
    assert both[0] == (alone == RED).all(-1).sum()
    assert both[1] > 50


@pytest.mark.parametrize('box', [(90, 90, 110, 110), (0, 0, 20, 300), (0, 0, 300, 4)])
def test_many_labels_of_one_box_find_places_of_their_own(box):
    taken = []
    for _ in range(12):
        taken.append(find_place(box, (14, 60), (200, 300), taken))
    assert not any(overlap(a, b) for a, b in itertools.combinations(taken, 2))
    for x1, y1, x2, y2 in taken:
        assert (x2 - x1, y2 - y1) == (60, 14)
        assert min(x1, y1) >= 0
        assert x2 <= 300
        assert y2 <= 200


def test_a_label_that_was_moved_away_is_tied_to_its_box():
    image = canvas(200, 200)
    boxes = np.array([[90, 90, 110, 110]] * 9)
    drawn = paint_labels(image, boxes, ['label'] * 9, [BLUE] * 8 + [RED], 11)
    ys, xs = np.nonzero((drawn == RED).all(-1))
    far = max(abs(ys - 100).max(), abs(xs - 100).max())
    assert far > 25  # a label height away
    # from the label to the box
    assert (np.hypot(ys - 100, xs - 100) < 16).any()


@pytest.mark.parametrize(
    'box', [(-50, -60, -10, -20), (500, 500, 600, 600), (0, 0, 80, 60), (79, 0, 80, 60)]
)
def test_a_label_is_inside_the_image_wherever_its_box_is(box):
    x1, y1, x2, y2 = find_place(box, (13, 200), (60, 80), [])
    assert 0 <= x1 < x2 <= 80
    assert 0 <= y1 < y2 <= 60


def test_where_all_is_taken_the_least_is_covered():
    taken = [(0, 0, 80, 30)]
    area = find_place((10, 30, 20, 31), (40, 80), (60, 80), taken)
    covered = max(0, 30 - area[1])
    assert covered == 10  # 40 rows into the 30 that are free


def test_labels_stay_inside_the_image():
    image = canvas()
    boxes = np.array([[0, 0, 80, 60], [78, 58, 80, 60], [79, 0, 80, 60]])
    drawn = paint_labels(image, boxes, ['abc'] * 3, [RED] * 3, 11)
    assert drawn.shape == image.shape
    assert (drawn != image).any()


def test_a_long_label_is_no_wider_than_its_image():
    boxes = np.array([[10, 20, 40, 50]])
    drawn = paint_labels(canvas(), boxes, ['the red star ' * 9], [RED], 11)
    columns = np.nonzero((drawn == RED).all(-1).any(0))[0]
    assert np.ptp(columns) > 0.8 * 80
    wide = paint_labels(canvas(100, 900), boxes, ['the red star ' * 9], [RED], 11)
    columns = np.nonzero((wide == RED).all(-1).any(0))[0]
    assert 150 < np.ptp(columns) < 0.4 * 900


@pytest.mark.parametrize('width', [0, 20, 60, 150, 10_000])
def test_a_text_keeps_its_ends_and_fits(width):
    text = '#12 the small red star left of the blue ring 0.93'
    short = shorten(text, width, 11)
    assert load_font(11).getlength(short) <= max(width, load_font(11).getlength('.'))
    if short != text and len(short) > 4:
        start, end = short.split('...')
        assert text.startswith(start)
        assert text.endswith(end)
        assert 0 <= len(start) - len(end) <= 1
        longer = f'{text[: len(start) + 1]}...{text[len(text) - len(end) - 1 :]}'
        assert load_font(11).getlength(longer) > width
    assert (short == text) == (width == 10_000)


def test_lines_hold_all_words_or_the_first_and_last():
    words = [f'word{i}' for i in range(40)]
    lines = wrap_text(' '.join(words), 120, 11, 100)
    assert ' '.join(lines).split() == words
    few = wrap_text(' '.join(words), 120, 11, 3)
    assert len(few) == 3
    kept = ' '.join(few).split()
    gap = kept.index('...')
    assert kept[:gap] == words[:gap]
    assert kept[gap + 1 :] == words[gap + 1 - len(kept) :]
    for line in lines + few:
        assert load_font(11).getlength(line) <= 120
    assert wrap_text('x' * 99, 60, 11, 1)[0].count('x') < 20
    assert wrap_text('a ' + 'x' * 99, 60, 11, 1) == ['a ...']


def test_a_caption_wraps_and_leaves_the_image_below():
    image = canvas()
    short = add_caption(image, 'a dog', 11)
    long = add_caption(image, 'the dog ' * 8, 11)
    two = add_caption(image, 'a dog\na cat', 11)
    assert image.shape[0] < short.shape[0] < two.shape[0] < long.shape[0]
    endless = add_caption(image, 'the dog ' * 99, 11)
    assert len(endless) == len(add_caption(image, 'the dog ' * 999, 11))
    for captioned in (short, long, two):
        np.testing.assert_array_equal(captioned[-60:], image)
    np.testing.assert_array_equal(pad_to_height(short, 150)[-60:], image)
