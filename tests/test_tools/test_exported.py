"""How far an exported model is from its network, as the tool says it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.tools import load_tool
from uninext.apis.results import AskedPrompt, Result

tool = load_tool('tools/analysis_tools/exported.py')


def result(num: int = 2) -> Result:
    return Result(
        image=np.zeros((8, 10, 3), np.uint8),
        prompts=(AskedPrompt(('star',), 'star', False),),
        boxes_xyxy=np.ones((num, 4), np.float32),
        scores=np.full(num, 0.5, np.float32),
        label_ids=np.zeros(num, int),
        prompt_ids=np.zeros(num, int),
        masks=np.zeros((num, 8, 10), bool),
    )


def test_nothing_found_is_the_same():
    assert tool.differences(result(0), result(0)) == (0, 0, 0)


def test_each_difference_is_measured():
    one = result()
    masks = one.masks.copy()
    masks[1, 0, :4] = True
    other = dataclasses.replace(
        one, boxes_xyxy=one.boxes_xyxy + 2, scores=one.scores - 0.25, masks=masks
    )
    assert tool.differences(one, other) == (2, 0.25, 4 / 80)


@pytest.mark.parametrize('change', [dict(track_ids=np.arange(2)), dict(num=3)])
def test_other_instances_are_infinitely_apart(change):
    other = result(**change) if 'num' in change else result()
    if 'num' not in change:
        other = dataclasses.replace(other, **change)
    assert tool.differences(result(), other) == (np.inf,) * 3


@pytest.mark.parametrize(
    ('found', 'apart'),
    [
        ((0.1, 0.01, 0.001), False),
        ((0.11, 0, 0), True),
        ((0, 0.011, 0), True),
        ((0, 0, 0.0011), True),
        ((np.nan, 0, 0), True),
    ],
)
def test_every_difference_has_a_limit(found, apart):
    row = tool.Compared('images, box', *found, (0.02, 0.01))
    assert tool.is_apart(row, 0.1) is apart
    assert tool.table([row]).endswith('| 20 | 10 |')
