from __future__ import annotations

import copy

import pytest
import torch
from mmdet.datasets import Objects365V2Dataset

from helpers.small_uninext import (
    QUERIES,
    SIDE,
    assert_close,
    build,
    images,
    names,
    predict,
    sample,
    small_config,
)
from uninext.models.predictors import InstancePredictor
from uninext.structures import Prompt

DOG = Prompt.from_expression('the small dog')
PETS = names('dog', 'cat', 'traffic light')


@pytest.fixture(autouse=True)
def _no_grad():
    with torch.no_grad():
        yield


def test_what_comes_out(eval_model):
    given = sample(PETS, 0, (48, 40), ori_hw=(96, 80))
    (result,) = eval_model(images([given]), [given], mode='predict')
    found = result.pred_instances
    assert result is given
    assert found.bboxes.shape == (10, 4)
    assert found.masks.shape == (10, 96, 80)
    assert found.masks.dtype == torch.bool
    assert (found.scores.diff() <= 0).all()
    assert found.labels.min() >= 0
    assert found.labels.max() < 3
    assert found.bboxes.min() >= 0
    assert (found.bboxes <= torch.tensor([80.0, 96, 80, 96])).all()


def test_frame_of_the_input(eval_model):
    given = sample(PETS, 0, (48, 40), ori_hw=(96, 80))
    inputs = images([given])
    (original,) = predict(eval_model, inputs, [given])
    (resized,) = predict(eval_model, inputs, [given], rescale=False)
    torch.testing.assert_close(resized.bboxes * 2, original.bboxes)
    assert resized.masks.shape == (10, 48, 40)
    assert torch.equal(
        resized.masks.repeat_interleave(2, 1).repeat_interleave(2, 2), original.masks
    )


def test_tensor_mode(eval_model):
    samples = [sample(PETS), sample(names('bird'))]
    logits, boxes, ious = eval_model(images(samples), samples, mode='tensor')
    tokens = 2 + 2 + 2 + 2  # [CLS] dog . cat . traffic light [SEP]
    assert logits.shape == (2, QUERIES, tokens)
    assert boxes.shape == (2, QUERIES, 4)
    assert ious.shape == (2, QUERIES, 1)


@pytest.mark.parametrize('size', [(64, 64), (48, 40)])
def test_batch_is_its_rows(eval_model, size):
    """Padded equally, prompts of other lengths beside."""
    samples = [sample(PETS), sample(names('bird'), size_hw=size), sample(DOG)]
    inputs = images(samples)
    together = predict(eval_model, inputs, samples)
    for i in range(3):
        (alone,) = predict(eval_model, inputs[i : i + 1], samples[i : i + 1])
        assert_close(together[i], alone)


@pytest.mark.parametrize(
    ('fit', 'expected'), [(3, [3]), (2.5, [2, 1]), (0.5, [1, 1, 1])]
)
def test_rows_of_a_pass_are_as_many_as_fit(eval_model, monkeypatch, fit, expected):
    model, lengths = copy.copy(eval_model), []
    assert model.max_rows is None, 'nobody said how many'

    def noted(pyramid, *args):
        lengths.append(len(pyramid.feat))
        return eval_model.decode(pyramid, *args)

    monkeypatch.setattr(model, 'decode', noted)
    given = [sample(names(name)) for name in ('cat', 'dog', 'bird')]
    inputs = images(given)
    pyramid = model.build_pyramid(model.extract_feat(inputs), given)
    limit = int(fit * pyramid.feat.shape[1])
    monkeypatch.setattr('uninext.models.detectors.passes.TOKENS_OF_A_PASS', limit)
    predict(model, inputs, given)
    assert lengths == expected


@pytest.mark.parametrize('max_rows', [1, 2, 3])
def test_length_of_a_pass_changes_nothing(eval_model, max_rows):
    samples = [sample(PETS), sample(DOG), sample(names('bird')), sample(names('a'))]
    inputs = images(samples)
    expected = predict(eval_model, inputs, samples)
    model = copy.copy(eval_model)
    model.max_rows = max_rows
    for first, second in zip(expected, predict(model, inputs, samples)):
        assert_close(first, second)


def test_vocabulary_longer_than_the_budget(eval_model):
    """365 names in parts of 256 tokens: as each part alone, merged by hand."""
    model = copy.copy(eval_model)
    model.max_rows = 1
    prompt = names(*Objects365V2Dataset.METAINFO['classes'])
    assert len(prompt) == 365
    parts = model.prompt_generator.split(prompt)
    assert len(parts) > 1
    assert sum(len(part) for part, _ in parts) == 365
    given = sample(prompt, 0)
    inputs = images([given])
    (merged,) = predict(model, inputs, [given])
    scores, labels, boxes, masks = [], [], [], []
    for part, offset in parts:
        (found,) = predict(model, inputs, [sample(part, 0)])
        scores.append(found.scores)
        labels.append(found.labels + offset)
        boxes.append(found.bboxes)
        masks.append(found.masks)
    order = torch.cat(scores).argsort(descending=True, stable=True)[:10]
    torch.testing.assert_close(merged.scores, torch.cat(scores)[order])
    assert torch.equal(merged.labels, torch.cat(labels)[order])
    torch.testing.assert_close(merged.bboxes, torch.cat(boxes)[order])
    assert torch.equal(merged.masks, torch.cat(masks)[order])
    assert merged.labels.min() >= 0
    assert merged.labels.max() <= 364


def test_every_part_of_a_vocabulary_can_be_found(eval_model):
    """With no limit, every one of 365 labels is reported, in passes of four."""
    model = copy.copy(eval_model)
    model.predictor = InstancePredictor(max_per_img=10**6, with_masks=False)
    prompt = names(*Objects365V2Dataset.METAINFO['classes'])
    given = sample(prompt, 0)
    (found,) = predict(model, images([given]), [given])
    assert found.labels.unique().tolist() == list(range(365))


def test_several_prompts_of_an_image(eval_model):
    """Of all kinds at once, each as if it were asked alone."""
    prompts = (PETS, DOG, names('bird'))
    several = sample(PETS)
    several.prompts = prompts
    inputs = images([several])
    (found,) = predict(eval_model, inputs, [several])
    assert found.prompt_ids.tolist() == sorted(found.prompt_ids.tolist())
    for prompt_id, prompt in enumerate(prompts):
        (alone,) = predict(eval_model, inputs, [sample(prompt)])
        mine = found[found.prompt_ids == prompt_id]
        assert set(alone.prompt_ids.tolist()) == {0}
        mine.prompt_ids = torch.zeros_like(mine.prompt_ids)
        assert_close(mine, alone)


def test_a_threshold_is_for_categories(eval_model):
    several = sample(PETS)
    several.prompts = (PETS, DOG)
    (found,) = predict(eval_model, images([several]), [several], score_thr=1.0)
    assert found.prompt_ids.tolist() == [1]


def test_masks_are_not_made_where_nobody_wants_them():
    model = build(small_config(test_cfg=dict(with_masks=False))).eval()

    def refuse(*args):
        raise AssertionError('mask features were computed')

    model.mask_head.forward_features = refuse
    (found,) = predict(model, torch.randn(1, 3, SIDE, SIDE), [sample(PETS)])
    assert 'masks' not in found
