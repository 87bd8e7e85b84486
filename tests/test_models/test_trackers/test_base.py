from __future__ import annotations

import pytest
import torch

from helpers.painted_world import HEIGHT, WIDTH, PaintedBoxes, painted, row_outputs
from uninext.models.predictors import scoring
from uninext.models.trackers import ExpressionTracker, PromptState, VideoFrame
from uninext.models.trackers.base import (
    IdCounter,
    TrackedPrompt,
    best_query,
    instance_of,
)
from uninext.structures import Prompt

LEFT, RIGHT = (0, 8, 48, 40), (24, 16, 72, 64)


def video_frame(
    size_hw=(HEIGHT, WIDTH), out_hw=(HEIGHT, WIDTH), with_masks=True
) -> VideoFrame:
    head = PaintedBoxes() if with_masks else None
    return VideoFrame(torch.zeros(3, *size_hw, dtype=torch.uint8), out_hw, head)


def expression(scores, boxes=(LEFT, RIGHT), track_id=5, ious=None) -> TrackedPrompt:
    state = PromptState('expression', Prompt.from_expression('it'), None, track_id)
    found = row_outputs([[score] for score in scores], boxes, ious=ious)
    return TrackedPrompt(state, [found])


def step(tracker, *prompts, frame=None):
    return tracker.step(prompts, frame or video_frame(), IdCounter())


# -------------------------------------------------------------------- what all share


@pytest.mark.parametrize('threshold', [0.0, 1.0, -0.1, 2])
def test_mask_threshold_is_a_probability(threshold):
    with pytest.raises(ValueError, match='mask_threshold'):
        ExpressionTracker(mask_threshold=threshold)


def test_ids_are_given_once():
    ids = IdCounter(3)
    assert [list(ids.take()), list(ids.take(2))] == [[3], [4, 5]]
    assert ids.next_id == 6


def test_masks_are_measured_from_centres_in_pixels():
    frame = video_frame((32, 64), (64, 128))
    found = row_outputs([[0.1], [0.2]], [LEFT, RIGHT])
    logits = frame.mask_logits(found, torch.tensor([1]))
    assert frame.size_hw == (32, 64)
    assert logits.shape == (1, 16, 32)
    centres = frame.mask_head.centres[0]
    torch.testing.assert_close(centres, torch.tensor([[24.0, 20.0]]))


def test_masks_of_many_queries_are_made_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(scoring, 'MASKS_AT_ONCE', 2)
    frame = video_frame()
    found = row_outputs([[0.1]] * 5, [LEFT, RIGHT, LEFT, RIGHT, RIGHT])
    logits = frame.mask_logits(found, torch.arange(5))
    assert [len(c) for c in frame.mask_head.centres] == [2, 2, 1]
    whole = frame.mask_head(found.query, found.centres_xy, found.mask_feat)
    assert torch.equal(logits, whole)


def test_best_query_of_all_parts():
    parts = [
        row_outputs([[0.3], [0.5]], [LEFT, RIGHT]),
        row_outputs([[0.2], [0.4], [0.6]], [LEFT, RIGHT, LEFT]),
    ]
    prompt = TrackedPrompt(PromptState('expression', None, None, 5), parts)
    picked = best_query(prompt, True)
    assert picked == (1, 2)
    instance, found, chosen = instance_of(prompt, picked, True, video_frame())
    assert found is parts[1]
    assert chosen.tolist() == [2]
    assert instance.instances_ids.tolist() == [5]
    torch.testing.assert_close(instance.scores, torch.tensor([0.6]))


def test_best_query_may_look_at_the_iou():
    found = [row_outputs([[0.5], [0.4]], [LEFT, RIGHT], ious=[0.1, 0.9])]
    prompt = TrackedPrompt(PromptState('expression', None), found)
    assert best_query(prompt, False) == (0, 0)
    picked = best_query(prompt, True)
    assert picked == (0, 1)
    instance, *_ = instance_of(prompt, picked, True, video_frame())
    torch.testing.assert_close(instance.scores, torch.tensor([0.36]).sqrt())


# ------------------------------------------------------------------------- expressions


def test_no_expression():
    assert step(ExpressionTracker()) == []
    assert step(ExpressionTracker(merge=dict(type='SoftAggregation'))) == []


def test_an_expression_means_its_best_query():
    (result,) = step(ExpressionTracker(), expression([0.2, 0.7]))
    assert result.bboxes.tolist() == [list(RIGHT)]
    torch.testing.assert_close(result.scores, torch.tensor([0.7]))
    assert result.labels.tolist() == [0]
    assert result.instances_ids.tolist() == [5]
    assert torch.equal(result.masks, painted(RIGHT)[None])


def test_results_are_in_the_reported_frame():
    frame = video_frame((64, 128), (128, 256))
    (result,) = step(ExpressionTracker(), expression([0.2, 0.7]), frame=frame)
    doubled = [2 * v for v in RIGHT]
    assert result.bboxes.tolist() == [doubled]
    assert torch.equal(result.masks, painted(doubled, (128, 256), 2)[None])


@pytest.mark.parametrize('merge', [None, dict(type='SoftAggregation')])
def test_a_weak_expression_is_not_reported(merge):
    tracker = ExpressionTracker(score_threshold=0.5, merge=merge)
    results = step(tracker, expression([0.2, 0.4]), expression([0.6, 0.4]))
    assert [len(r) for r in results] == [0, 1]
    assert results[0].bboxes.shape == (0, 4)
    assert results[0].masks.shape == (0, HEIGHT, WIDTH)
    assert results[0].masks.dtype == torch.bool
    assert set(results[0].keys()) == set(results[1].keys())


@pytest.mark.parametrize('merge', [None, dict(type='SoftAggregation')])
def test_a_score_that_reaches_the_threshold_is_reported(merge):
    prompt = expression([0.5, 0.4])
    score = prompt.found[0].name_scores(True).max()
    tracker = ExpressionTracker(score_threshold=float(score), merge=merge)
    assert len(step(tracker, prompt)[0]) == 1


@pytest.mark.parametrize('tracker', [ExpressionTracker(with_masks=False), None])
def test_boxes_alone(tracker):
    frame = video_frame(with_masks=tracker is not None)
    merging = ExpressionTracker(merge=dict(type='SoftAggregation'))
    (result,) = step(tracker or merging, expression([0.2, 0.7]), frame=frame)
    assert result.bboxes.tolist() == [list(RIGHT)]
    assert 'masks' not in result


def test_expressions_overlap_unless_merged():
    prompts = [expression([0.9, 0.1]), expression([0.1, 0.9], track_id=6)]
    first, second = step(ExpressionTracker(), *prompts)
    assert torch.equal(first.masks, painted(LEFT)[None])
    assert torch.equal(second.masks, painted(RIGHT)[None])
    merged = step(ExpressionTracker(merge=dict(type='SoftAggregation')), *prompts)
    a, b = (r.masks for r in merged)
    assert not (a & b).any()
    assert torch.equal(a | b, first.masks | second.masks)
    assert [r.instances_ids.tolist() for r in merged] == [[5], [6]]
    assert all('mask_probs' not in r for r in merged)


def test_merged_probabilities_come_to_the_frame_by_nearest():
    """As published for Ref-DAVIS: input pixels are repeated, not interpolated."""
    out_hw = (3 * HEIGHT + 7, 2 * WIDTH + 5)
    frame, merge = video_frame(out_hw=out_hw), dict(type='SoftAggregation')
    prompts = [expression([0.9, 0.1]), expression([0.1, 0.9], track_id=6)]
    small = step(ExpressionTracker(merge=merge), *prompts)
    large = step(ExpressionTracker(merge=merge), *prompts, frame=frame)
    rows = torch.arange(out_hw[0]) * HEIGHT // out_hw[0]
    columns = torch.arange(out_hw[1]) * WIDTH // out_hw[1]
    for one, other in zip(small, large):
        assert torch.equal(other.masks[0], one.masks[0][rows][:, columns])


def test_an_expression_that_is_not_reported_takes_no_pixels():
    tracker = ExpressionTracker(score_threshold=0.5, merge=dict(type='SoftAggregation'))
    weak, strong = step(tracker, expression([0.4, 0.1]), expression([0.1, 0.9]))
    assert len(weak) == 0
    assert torch.equal(strong.masks, painted(RIGHT)[None])


def test_blanked_expressions_keep_their_box():
    merge = dict(type='SoftAggregation', blank_score_thr=0.5)
    weak, strong = step(
        ExpressionTracker(merge=merge), expression([0.4, 0.1]), expression([0.1, 0.9])
    )
    assert weak.bboxes.tolist() == [list(LEFT)]
    assert not weak.masks.any()
    assert torch.equal(strong.masks, painted(RIGHT)[None])
