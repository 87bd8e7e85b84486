from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData

from uninext.visualization import draw_tracks
from uninext.visualization.palette import UNSURE_COLOR, instance_color


def instances(count, with_masks=True):
    found = InstanceData(
        bboxes=torch.tensor([[10.0, 10, 40, 40], [60, 20, 110, 70]])[:count],
        scores=torch.tensor([0.9, 0.2])[:count],
        labels=torch.tensor([0, 1])[:count],
        instances_ids=torch.tensor([4, 7])[:count],
        prompt_ids=torch.tensor([0, 0])[:count],
    )
    if with_masks:
        found.masks = torch.zeros(count, 96, 128, dtype=torch.bool)
        found.masks[:, 20:30, 20:30] = True
    return found


NAMES = {0: ('dog', 'cat')}
GREY = np.full((96, 128, 3), 127, np.uint8)


def test_nothing_found_is_the_frame_itself():
    assert np.array_equal(draw_tracks(GREY, instances(0), NAMES), GREY)


def test_the_frame_is_not_painted_on():
    before = GREY.copy()
    drawn = draw_tracks(GREY, instances(2), NAMES)
    assert np.array_equal(GREY, before)
    assert drawn.shape == GREY.shape
    assert not np.array_equal(drawn, GREY)


def test_a_track_has_the_colour_of_its_id():
    drawn = draw_tracks(GREY, instances(1, with_masks=False), NAMES)
    assert tuple(drawn[40, 30]) == instance_color(4)  # the lower edge of the box


def test_low_scores_are_left_out():
    drawn = draw_tracks(GREY, instances(2), NAMES, score_thr=0.5)
    assert np.array_equal(drawn, draw_tracks(GREY, instances(1), NAMES))


def test_prompts_are_told_apart_and_the_best_is_on_top():
    found = instances(2)
    found.prompt_ids = torch.tensor([0, 1])
    found.bboxes[1] = found.bboxes[0]
    plain = draw_tracks(GREY, found, {0: ('dog',), 1: ('x', 'cat')})
    noted = draw_tracks(GREY, found, {0: ('dog',), 1: ('dog', 'dog')})
    assert not np.array_equal(plain, noted)
    assert tuple(plain[40, 30]) == instance_color(4)
    found.scores = found.scores.flip(0)
    drawn = draw_tracks(GREY, found, {0: ('dog',), 1: ('x', 'cat')})
    assert tuple(drawn[40, 30]) == instance_color(7)


def test_a_track_that_is_not_sure_has_no_number():
    found = instances(1, with_masks=False)
    found.instances_ids[:] = -1
    assert tuple(draw_tracks(GREY, found, NAMES)[40, 30]) == UNSURE_COLOR
