"""Sessions of the real network, at toy size, with random weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from helpers.session_checks import (
    assert_same,
    of_prompt,
    run,
    same_state,
    through_a_file,
)
from helpers.small_uninext import SIDE, build, small_video_config
from uninext.models.detectors import UNINEXTVideo
from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoInstanceTracker,
    VideoSession,
)

EXPRESSIONS = ('the red car', 'a dog on the left', 'man', 'the second boat')
NAMES = ('dog', 'traffic light', 'cat')
BOXES = (
    (4, 8, 30, 40),
    (20, 10, 60, 50),
    (0, 0, 16, 16),
    (30, 30, 64, 48),
    (9, 2, 50, 9),
)
LOW = dict(init_score_thr=0.01, obj_score_thr=0.01)


@pytest.fixture(scope='module')
def video_model() -> UNINEXTVideo:
    """Shared: not to be changed."""
    torch.manual_seed(0)
    return build(small_video_config()).eval()


@pytest.fixture(scope='module')
def frames() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (4, SIDE - 16, SIDE, 3), np.uint8))


def open_session(model, max_rows=None, category=None, merge=None) -> VideoSession:
    """Random weights are never sure: every frame gives a template."""
    update = dict(type='ConfidentTemplateUpdate', min_score=0.0)
    periodic = dict(type='PeriodicTemplateUpdate', min_score=0.0, interval=2)
    trackers = dict(
        category=category or PromptQuasiDenseTracker(select_score_thr=0.01, **LOW),
        expression=ExpressionTracker(),
        box=TemplateTracker(periodic, template_size=SIDE),
        mask=TemplateTracker(update, merge, template_size=SIDE),
    )
    return VideoSession(model, trackers, None, max_rows)


def box_mask(box) -> np.ndarray:
    mask = np.zeros((SIDE - 16, SIDE), bool)
    x1, y1, x2, y2 = box
    mask[y1:y2, x1:x2] = True
    return mask


def fill(session: VideoSession) -> None:
    session.add(expression=EXPRESSIONS[0])
    session.add(mask=box_mask(BOXES[0]))
    session.add(categories=NAMES)
    session.add(box=BOXES[1])
    session.add(expression=EXPRESSIONS[1])


def count(monkeypatch, owner, name) -> list[int]:
    """Lengths of the first argument of every call of a module."""
    calls = []
    forward = getattr(owner, name)

    def spy(first, *args, **kwargs):
        calls.append(len(first))
        return forward(first, *args, **kwargs)

    monkeypatch.setattr(owner, name, spy)
    return calls


def test_opens_with_trackers_of_the_call(video_model):
    own = dict(expression=ExpressionTracker(with_masks=False))
    session = video_model.open(trackers=own)
    assert session.trackers == own
    with pytest.raises(ValueError, match=r"tracks \['expression'\] only; 'box'"):
        session.add(box=BOXES[0])
    assert set(video_model.trackers) > set(own)


def test_opens_with_the_trackers_of_the_config(video_model, frames):
    session = video_model.open()
    assert session.scale == (1333, 800)
    assert session.trackers == video_model.trackers
    session = video_model.open(scale=None, max_rows=2)
    assert session.max_rows == 2
    assert len(session.step(frames[0]).pred_instances) == 0
    fill(session)
    result = session.step(frames[0]).pred_instances
    assert set(result.prompt_ids.tolist()) >= {0, 1, 3, 4}
    assert result.masks.shape[1:] == frames[0].shape[:2]


@pytest.mark.parametrize('key', ['box', 'mask'])
def test_five_targets_at_once_are_five_alone(video_model, frames, key):
    given = [box_mask(box) if key == 'mask' else box for box in BOXES]
    session = open_session(video_model)
    for one in given:
        session.add(**{key: one})
    together = run(session, frames)
    for i, one in enumerate(given):
        alone = open_session(video_model)
        alone.add(**{key: one})
        for whole, result in zip(together, run(alone, frames)):
            ignore = ('prompt_ids', 'instances_ids')
            assert_same(of_prompt(whole, i), result, ignore, exact=False)


@pytest.mark.parametrize('kind', ['quasi dense', 'averaged'])
def test_goes_on_where_it_was_saved(video_model, frames, kind):
    def names():
        if kind == 'quasi dense':
            return None
        return VideoInstanceTracker(0.01, 0.01, select_score_thr=0.01)

    session = open_session(video_model, category=names())
    fill(session)
    run(session, frames[:2])
    session.add(box=BOXES[2])
    other = open_session(copy.deepcopy(video_model), category=names())
    other.load_state_dict(through_a_file(session.state_dict()))
    for one, two in zip(run(session, frames[2:]), run(other, frames[2:])):
        assert 2 in one.prompt_ids
        assert_same(one, two)
    assert same_state(session.state_dict(), other.state_dict())


def test_text_and_templates_are_encoded_once(video_model, frames, monkeypatch):
    generator = video_model.prompt_generator
    generator.clear_cache()
    texts = count(monkeypatch, generator, '_run_encoder')
    templates = count(monkeypatch, video_model.visual_prompt_generator, '_run')
    images = count(monkeypatch, video_model.backbone, 'forward')
    session = open_session(video_model)
    fill(session)
    for i, image in enumerate(frames):
        session.step(image)
        assert len(images) == i + 1
    assert sum(texts) == 3
    # the box: first, latest of frame 2; the mask: first, latest of frames 1 and 2
    assert sum(templates) == 5


def test_a_session_follows_its_model_into_training(video_model, frames):
    """As after every epoch; a pass of another length needs no other network."""
    model = copy.deepcopy(video_model).eval()
    session = VideoSession(model, model.trackers, None, max_rows=1)
    opened = model.open(scale=None, max_rows=1)
    model.train()
    for one in (session, opened):
        assert one.model is model
        one.add(expression=EXPRESSIONS[0])
        one.step(frames[0])
        assert all(module.training for module in model.decoder.modules())
