"""Scenes in which one object is hidden for an exact number of frames."""

from __future__ import annotations

import numpy as np
import pytest

from uninext.shapes.hidden_scenes import HIDDEN, KINDS, SEEN, draw_hidden
from uninext.shapes.videos import VideoScene, render

MIN_SHARE = 0.4  # of an object that is half behind an edge
SIZE = (160, 120)


def shares(scene: VideoScene) -> np.ndarray:
    """(T, K) share of each object that is seen."""
    numbers = np.arange(1, len(scene.objects) + 1)
    return np.array(
        [
            (frame.owners[..., None] == numbers).sum((0, 1)) / frame.areas
            for frame in render(scene)
        ]
    )


def drawn(kind: str, num_hidden: int = 3, seed: int = 0, size_wh=SIZE) -> VideoScene:
    return draw_hidden(np.random.default_rng(seed), kind, num_hidden, size_wh)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(kind='gone'), "got 'gone'"),
        (dict(kind='left', num_hidden=0), 'at least 1, got 0'),
        (dict(kind='left', size_wh=(120, 120)), 'landscape'),
    ],
)
def test_what_cannot_be_drawn(wrong, message):
    with pytest.raises(ValueError, match=message):
        drawn(**wrong)


@pytest.mark.parametrize('num_hidden', [1, 5])
@pytest.mark.parametrize('kind', KINDS)
def test_it_is_hidden_for_so_many_frames_and_seen_in_all_others(kind, num_hidden):
    for seed in range(2):
        scene = drawn(kind, num_hidden, seed)
        seen = shares(scene)
        assert len(scene) == len(seen) == 2 * SEEN + num_hidden
        assert (seen[SEEN:-SEEN, HIDDEN] == 0).all()
        ends = np.concatenate([seen[:SEEN], seen[-SEEN:]])
        assert (ends[:, HIDDEN] > MIN_SHARE).all()
        others = [o for o in scene.objects[1:] if o.words['category'] != 'square']
        assert len(others) == 1 + (kind == 'twins')
        for k, one in enumerate(scene.objects):
            if any(one is other for other in others):
                assert (seen[:, k] > 0.99).all()


def test_a_twin_looks_the_same():
    for seed in range(4):
        first, second, *others = drawn('twins', seed=seed).objects
        assert first.words == second.words
        assert all(other.words != first.words for other in others)


def test_the_same_seed_gives_the_same_video():
    one, same, other = (drawn('twins', seed=seed) for seed in (1, 1, 2))
    frames = [next(render(scene)).image for scene in (one, same, other)]
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])
