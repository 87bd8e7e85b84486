"""Options that trade exactness for speed, on the shipped model and a scene it knows."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from helpers.small_uninext import build, small_video_config
from uninext.apis import Result, UninextInferencer, open_session
from uninext.models.ops import pairwise_iou
from uninext.shapes import draw_scene
from uninext.shapes.vocabulary import CATEGORIES

SCORES = 0.05  # of what is sure, in bf16 or with fewer queries


@pytest.fixture(scope='module')
def scene():
    return draw_scene(np.random.default_rng(7), (320, 240), (4, 6))


@pytest.fixture(scope='module')
def ask(scene) -> Callable[..., Result]:
    """Ask the shipped model for all categories, and one box, with options."""
    image = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)

    def ask(**options) -> Result:
        find = UninextInferencer(scale=None, **options)
        (result,) = find(image, categories=CATEGORIES, box=scene.objects[-1].box)
        return result

    return ask


@pytest.fixture(scope='module')
def exact(ask) -> Result:
    return ask()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(precision='half'), "precision must be one of .* got 'half'"),
        (dict(precision='fp16', device='cpu'), "Take 'bf16'"),
        (dict(num_queries=0), 'num_queries must be a number from 1'),
        (dict(compile='yes'), 'compile must be True or False'),
    ],
)
def test_refused_before_a_model_is_built(monkeypatch, options, message):
    monkeypatch.setattr('uninext.apis.networks.build_uninext', None)
    for open_ in (UninextInferencer, open_session):
        with pytest.raises(ValueError, match=message):
            open_(**options)


def test_more_queries_than_there_are():
    with pytest.raises(ValueError, match=r'num_queries must be in 1\.\.100.*got 901'):
        UninextInferencer(num_queries=901)


def test_defaults_change_no_bit(ask, exact):
    for options in ({}, dict(precision='float32', num_queries=100, compile=False)):
        again = ask(**options)
        assert np.array_equal(again.scores, exact.scores)
        assert np.array_equal(again.boxes_xyxy, exact.boxes_xyxy)
        assert np.array_equal(again.masks, exact.masks)


@pytest.mark.parametrize('options', [dict(precision='bf16'), dict(num_queries=60)])
def test_what_is_sure_is_found_again(ask, exact, options):
    found = ask(**options)
    assert not np.array_equal(found.scores, exact.scores)
    ious = pairwise_iou(
        torch.from_numpy(exact.boxes_xyxy), torch.from_numpy(found.boxes_xyxy)
    ).numpy()
    same_label = exact.label_ids[:, None] == found.label_ids
    ious[~(same_label & (exact.prompt_ids[:, None] == found.prompt_ids))] = 0
    sure = (exact.scores > 0.5).nonzero()[0]
    assert len(sure) > 3
    place = ious.argmax(1)[sure]
    assert len(set(place)) == len(sure)
    assert ious[sure, place].min() > 0.9
    np.testing.assert_allclose(found.scores[place], exact.scores[sure], atol=SCORES)
    assert (found.masks[place] != exact.masks[sure]).mean() < 0.002


def test_a_built_model_is_changed_only_where_it_is_asked_for():
    model = build(small_video_config(test_cfg=dict(num_queries=7)))
    UninextInferencer(model, scale=None)
    assert model.speed.num_queries == 7
    UninextInferencer(model, scale=None, precision='bf16')
    assert (model.speed.num_queries, model.speed.precision) == (7, 'bf16')


def test_sessions_take_the_same(scene):
    frame = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    scores = []
    for options in ({}, dict(precision='bf16', num_queries=90)):
        session = open_session(scale=None, **options)
        session.add(categories=CATEGORIES)
        session.step(frame)
        scores.append(session.step(frame).pred_instances.scores)
    assert session.model.speed.num_queries == 90
    assert len(scores[0]) == len(scores[1]) > 0
    assert not torch.equal(*scores)
    torch.testing.assert_close(
        scores[0].sort()[0], scores[1].sort()[0], atol=SCORES, rtol=0
    )
