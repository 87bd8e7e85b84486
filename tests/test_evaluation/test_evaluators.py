"""Evaluators by themselves: the empty case, what counts, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from uninext.evaluation.evaluators.referring import Referent, ReferringEvaluator
from uninext.evaluation.evaluators.single_object import (
    SingleObjectEvaluator,
    TargetBox,
)
from uninext.evaluation.evaluators.video_instances import VideoInstancesEvaluator
from uninext.evaluation.evaluators.video_objects import (
    TrueObject,
    VideoObjectsEvaluator,
)
from uninext.evaluation.functional.video_objects import (
    contour_accuracy,
    region_similarity,
)

SIZE = (9, 12)


def make_mask(left: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[2:7, left:right] = True
    return mask


def record_of(evaluator: VideoObjectsEvaluator, frames: list[tuple]) -> dict:
    state = evaluator.start()
    for ground_truth, prediction in frames:
        evaluator.add(state, ground_truth, prediction)
    return evaluator.finish(state)


def test_nothing_to_evaluate():
    nothing = VideoObjectsEvaluator('all')
    record = record_of(nothing, [({}, np.zeros(SIZE, np.uint8))])
    assert record == {'objects': {}, 'seen': {}}
    with pytest.raises(ValueError, match='No object counts'):
        nothing.summarize({'v': record})
    assert ReferringEvaluator().summarize({}) == {}
    with pytest.raises(ValueError, match='No frame counts'):
        SingleObjectEvaluator('otb').summarize({})
    assert VideoInstancesEvaluator([1]).summarize({})['AP'] == -1


@pytest.mark.parametrize(
    ('frames', 'expected'), [('inner', [1, 2]), ('after_first', [2, 3]), ('all', 4)]
)
def test_which_frames_count(frames: str, expected):
    """The oracle compares every frame; the ground truth may be empty."""
    rng = np.random.default_rng(0)
    ground_truths = [np.zeros(SIZE, bool), *(make_mask(i, i + 4) for i in (1, 2, 3))]
    predictions = [(rng.random(SIZE) < 0.3).astype(np.uint8) for _ in ground_truths]
    predictions[0][:] = 1  # all of it: no contour, as nothing has none
    pairs = [
        ({1: TrueObject(mask)} if mask.any() else {}, ids)
        for mask, ids in zip(ground_truths, predictions)
    ]
    rows = record_of(VideoObjectsEvaluator(frames), pairs)['objects'][1]
    counting = range(4) if expected == 4 else expected
    oracle = [
        (region_similarity(p == 1, m), contour_accuracy(p == 1, m))
        for t, (m, p) in enumerate(zip(ground_truths, predictions))
        if t in counting
    ]
    np.testing.assert_array_equal(rows, oracle)


def test_frames_without_a_prediction_may_not_count():
    target, ids = {1: TrueObject(make_mask(1, 5))}, make_mask(1, 5).astype(np.uint8)
    ends = [(target, None), (target, ids), (target, None)]
    rows = record_of(VideoObjectsEvaluator('inner'), ends)['objects'][1]
    assert rows.tolist() == [[1, 1]]
    with pytest.raises(ValueError, match='Frame 2 counts, but has no prediction'):
        record_of(VideoObjectsEvaluator('after_first'), ends)


def test_objects_that_nobody_asked_for():
    target, ids = {1: TrueObject(make_mask(1, 5))}, make_mask(1, 5) * np.uint8(3)
    with pytest.raises(
        ValueError, match=r'objects \[3\], but the ground truth has \[1\]'
    ):
        record_of(VideoObjectsEvaluator('all'), [(target, ids)])


@pytest.mark.parametrize(
    ('make', 'match'),
    [
        (lambda: VideoObjectsEvaluator('some'), 'frames must be one of'),
        (lambda: SingleObjectEvaluator('vot'), 'rules must be one of'),
        (lambda: ReferringEvaluator(()), 'kinds must be of'),
        (lambda: ReferringEvaluator(('box',)), 'kinds must be of'),
        (lambda: VideoInstancesEvaluator([1], (10, 1)).summarize({}), 'ascending'),
    ],
)
def test_unknown_protocols(make, match: str):
    with pytest.raises(ValueError, match=match):
        make()


def test_masks_count_where_the_target_has_one():
    evaluator = ReferringEvaluator()
    box = np.array([0, 0, 2, 2])
    ground_truths = [Referent(box), Referent(box, make_mask(1, 5)), Referent(box)]
    records = {}
    for number, ground_truth in enumerate(ground_truths):
        state = evaluator.start()
        evaluator.add(
            state,
            ground_truth,
            Referent(box, ground_truth.mask) if number else Referent(),
        )
        records[number] = evaluator.finish(state)
    metrics = evaluator.summarize(records)
    assert metrics['bbox']['num_expressions'] == 3
    assert metrics['bbox']['P@0.5'] == pytest.approx(2 / 3)
    assert metrics['segm'] == {**metrics['segm'], 'num_expressions': 1, 'mIoU': 1}


def test_hidden_targets_and_rules_share_records():
    evaluator = SingleObjectEvaluator('got10k')
    state = evaluator.start()
    for visible in (True, True, False):
        evaluator.add(state, TargetBox([0, 0, 5, 5], visible), [0, 0, 5, 5])
    records = {'s': evaluator.finish(state)}
    assert evaluator.summarize(records)['AO'] == 1
    assert SingleObjectEvaluator('otb').summarize(records)['AO'] == pytest.approx(2 / 3)
