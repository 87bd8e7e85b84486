"""What must not be returned, with rectangles found by their colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from helpers.painted_inferencer import GREEN, RED, movie
from helpers.painted_world import frame
from uninext.apis.exclusion import without_excluded


def instances(*rows) -> InstanceData:
    """Of (box, score, prompt id)."""
    boxes = torch.tensor([row[0] for row in rows]).float().reshape(-1, 4)
    scores, prompts = (torch.tensor([row[i] for row in rows]) for i in (1, 2))
    return InstanceData(bboxes=boxes, scores=scores.float(), prompt_ids=prompts.long())


BOX, HALF, LESS = (0, 0, 10, 10), (0, 0, 10, 5), (0, 0, 10, 4.9)


@pytest.mark.parametrize(
    ('rows', 'kept'),
    [
        ([], []),
        ([(BOX, 0.5, 1)], []),
        ([(BOX, 0.5, 0)], [0.5]),
        ([(BOX, 0.5, 0), (BOX, 0.6, 1)], []),
        ([(BOX, 0.5, 0), (BOX, 0.5, 1)], [0.5]),
        ([(BOX, 0.5, 0), (BOX, 0.4, 1)], [0.5]),
        ([(BOX, 0.5, 0), (HALF, 0.6, 1)], []),
        ([(BOX, 0.5, 0), (LESS, 0.6, 1)], [0.5]),
        ([(BOX, 0.5, 0), (BOX, 0.7, 0), (BOX, 0.6, 1)], [0.7]),
    ],
    ids=[
        'nothing',
        'excluded',
        'wanted',
        'better',
        'tie',
        'worse',
        'half',
        'less',
        'two',
    ],
)
def test_overlap_and_score_decide(rows, kept):
    found = without_excluded(instances(*rows), num_wanted=1)
    assert found.scores.tolist() == pytest.approx(kept)
    assert not found.prompt_ids.any()


def test_what_is_left_is_what_was_found_without(find):
    """``thing`` means all colours, and an excluded name one; scores are equal."""
    scene = frame(red=RED, green=GREEN)
    (everything,) = find(scene, categories='thing', expression='the green one')
    (same,) = find(scene, categories='thing', exclude='red')
    assert len(same) == 2  # as high is not better
    model_find = find.model._find

    def surer(pyramid, row, with_embeds):
        found = model_find(pyramid, row, with_embeds)
        if row.prompt.names == ('red',):
            found.logits = found.logits + 1
        return found

    find.model._find = surer
    (rest,) = find(
        scene, categories='thing', expression='the green one', exclude=['red']
    )
    assert [prompt.text for prompt in rest.prompts] == ['thing', 'the green one']
    kept = [box != list(RED) for box in everything.boxes_xyxy.tolist()]
    assert kept.count(False) == 1
    assert np.array_equal(rest.boxes_xyxy, everything.boxes_xyxy[kept])
    assert np.array_equal(rest.masks, everything.masks[kept])
    frames = find(movie(2), categories='thing', exclude='red', as_video=True)
    assert [len(one) for one in frames] == [2, 2]  # green and blue
    tracking = find.track(categories='thing', exclude='red')
    assert len(tracking.step(movie(1)[0])) == 2


@pytest.mark.parametrize(
    'given',
    [
        dict(categories='red, green', exclude='green'),
        dict(expression='the green', exclude_expression=['the green']),
    ],
    ids=['category', 'expression'],
)
def test_what_is_asked_for_cannot_be_excluded(find, given):
    with pytest.raises(ValueError, match="green' is asked for and excluded"):
        find(frame(), **given)
    with pytest.raises(ValueError, match='asked for and excluded'):
        find.track(**given)


def test_something_must_be_asked_for_besides(find):
    with pytest.raises(ValueError, match='Nothing is asked for'):
        find(frame(), exclude='red')
