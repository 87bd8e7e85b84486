from __future__ import annotations

import numpy as np
import pytest

from helpers.generated import nearest_color
from uninext.shapes import CATEGORIES, draw_scene
from uninext.shapes.vocabulary import COLORS, SIZES, outline_of


@pytest.mark.parametrize('category', CATEGORIES)
def test_outlines_are_centred_and_fill_their_frame(category: str):
    outline = outline_of(category)
    assert outline.shape[1] == 2
    assert 0.95 < np.linalg.norm(outline, axis=1).max() < 1.1
    assert np.abs(outline.mean(0)).max() < 0.05


def test_an_unknown_category_is_an_error():
    with pytest.raises(ValueError, match='category must be'):
        outline_of('cube')


def test_objects_stay_visible_and_apart():
    for seed in range(10):
        scene = draw_scene(np.random.default_rng(seed), 96, (4, 6))
        assert scene.image.shape == (96, 96, 3)
        assert 1 <= len(scene.objects) <= 6
        assert sum(obj.mask.astype(int) for obj in scene.objects).max() == 1
        for obj in scene.objects:
            assert obj.mask.sum() > 20
            assert obj.words['color'] in COLORS
            x1, y1, x2, y2 = obj.box
            assert 0 <= x1 < x2 <= 96
            assert 0 <= y1 < y2 <= 96
            if obj.words['size'] == 'small':
                assert max(x2 - x1, y2 - y1) <= 2 * SIZES['small'][1] * 96 * 1.3 + 2


def test_some_objects_are_occluded():
    partly = 0
    for seed in range(20):
        scene = draw_scene(np.random.default_rng(seed), 96, (6, 6))
        boxes = [obj.box for obj in scene.objects]
        partly += any(
            a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
            for i, a in enumerate(boxes)
            for b in boxes[:i]
        )
    assert partly >= 5


def test_objects_have_their_colour():
    for seed in range(5):
        scene = draw_scene(np.random.default_rng(seed), 128)
        for obj in scene.objects:
            assert nearest_color(scene.image[obj.mask]) == obj.words['color']


def test_errors_say_what_was_given():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match='size must be at least 64'):
        draw_scene(rng, 32)
    with pytest.raises(ValueError, match='num_objects'):
        draw_scene(rng, 64, (3, 2))
