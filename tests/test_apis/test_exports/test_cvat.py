"""CVAT's XML: its structure, and shapes that cover what the masks cover."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from skimage.draw import ellipse, polygon2mask

from helpers.made_up_results import make_result, make_video
from uninext.apis import to_cvat


def parsed(text: str) -> ElementTree.Element:
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<annotations>')
    return ElementTree.fromstring(text.encode())


def points_of(shape: ElementTree.Element) -> np.ndarray:
    pairs = [pair.split(',') for pair in shape.get('points').split(';')]
    return np.array(pairs, float)


def points_around(mask: np.ndarray) -> np.ndarray:
    """Of the mask of the first of the rectangles."""
    result = make_result(1, 0, [0])
    result.masks[0] = mask
    return points_of(parsed(to_cvat([result])).find('track')[0])


def test_nothing():
    root = parsed(to_cvat([]))
    assert root.findtext('version') == '1.1'
    assert root.findall('track') == []
    assert root.findtext('meta/task/size') == '0'
    assert parsed(to_cvat([make_result(0, 0, [])])).findall('track') == []


def test_task():
    task = parsed(to_cvat(make_video(), 'a < b.mp4')).find('meta/task')
    assert task.findtext('name') == 'a < b.mp4'
    assert task.findtext('mode') == 'interpolation'
    assert (task.findtext('size'), task.findtext('stop_frame')) == ('4', '3')
    assert task.findtext('original_size/width') == '80'
    assert task.findtext('original_size/height') == '60'
    names = [label.findtext('name') for label in task.iter('label')]
    assert names == ['dog', 'cat', 'the cat']
    colors = [label.findtext('color') for label in task.iter('label')]
    assert len(set(colors)) == 3
    assert all(len(color) == 7 and color[0] == '#' for color in colors)


@pytest.mark.parametrize(('with_masks', 'tag'), [(True, 'polygon'), (False, 'box')])
def test_tracks_pause_and_end(with_masks, tag):
    first, second = parsed(to_cvat(make_video(with_masks))).findall('track')
    assert (first.get('label'), second.get('label')) == ('cat', 'dog')
    assert [shape.tag for shape in first] == [tag] * 4
    seen = [(int(s.get('frame')), s.get('outside')) for s in first]
    assert seen == [(0, '0'), (1, '1'), (2, '0'), (3, '0')]
    assert [s.get('outside') for s in second] == ['0', '1']  # gone in the last frame
    for shape in (*first, *second):
        assert shape.get('keyframe') == '1'
        assert shape.get('occluded') == '0'


def test_boxes():
    shape = parsed(to_cvat(make_video(False))).find('track')[0]
    sides = [shape.get(key) for key in ('xtl', 'ytl', 'xbr', 'ybr')]
    assert sides == ['2.00', '4.00', '12.00', '10.00']


def test_polygons_of_rectangles_are_their_corners():
    shape = parsed(to_cvat(make_video())).findall('track')[1][0]
    points = points_of(shape)
    assert points.min(0) == pytest.approx([20, 15], abs=0.5)
    assert points.max(0) == pytest.approx([75, 55], abs=0.5)
    assert len(points) == 4


def test_polygons_cover_their_masks():
    mask = np.zeros((60, 80), bool)
    mask[ellipse(30, 40, 20, 33, rotation=0.4)] = True
    points = points_around(mask)
    # rasterised independently: a pixel is where its centre is
    covered = polygon2mask((60, 80), points[:, ::-1] - 0.5)
    assert (covered & mask).sum() / (covered | mask).sum() > 0.96
    assert len(points) < 40


def test_of_several_parts_the_largest():
    mask = np.zeros((60, 80), bool)
    mask[1:4, 1:4] = mask[20:40, 30:60] = True
    assert points_around(mask).min() > 15


@pytest.mark.parametrize('pixels', [0, 1])
def test_masks_too_small_for_a_polygon(pixels):
    """They have their box."""
    mask = np.zeros((60, 80), bool)
    mask[5, 7] = bool(pixels)
    assert points_around(mask).tolist() == [[2, 4], [12, 4], [12, 10], [2, 10]]
