from __future__ import annotations

import pytest
import torch

from helpers.painted_world import HEIGHT, WIDTH, PaintedBoxes, painted, row_outputs
from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    PromptState,
    VideoFrame,
)
from uninext.models.trackers.base import (
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
    return tracker.step(prompts, frame or video_frame())


# -------------------------------------------------------------------- what all share


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


def test_what_is_asked_for_is_the_prompt_itself():
    state = PromptState('expression', Prompt.from_expression('it'))
    assert ExpressionTracker().ask(state) is state.prompt


def test_memories_are_kept_where_the_network_is():
    device = torch.device('meta')
    assert ExpressionTracker().memory_device(device) == device
    # Except what is compared step by step.
    assert PromptQuasiDenseTracker().memory_device(device) == torch.device('cpu')


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
