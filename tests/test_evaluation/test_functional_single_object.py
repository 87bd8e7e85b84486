from __future__ import annotations

import numpy as np
import pytest

from uninext.evaluation.functional.single_object import (
    RULES,
    paired_iou,
    sequence_errors,
    success_curve,
    summarize_sequences,
)

NAN = np.full(4, np.nan)


def make_track(length: int = 6) -> np.ndarray:
    steps = np.arange(length)[:, None]
    return np.array([10.0, 20, 30, 40]) + steps * np.array([2.0, 1, 0, 0])


def metrics(pred, ground_truth, rules: str = 'otb', **kwargs) -> dict[str, float]:
    errors = sequence_errors(pred, ground_truth, RULES[rules], **kwargs)
    return summarize_sequences([errors], RULES[rules])


def test_no_frames_and_no_target():
    errors = sequence_errors(np.zeros((0, 4)), [], RULES['otb'])
    assert errors.overlap.shape == (0,)
    with pytest.raises(ValueError, match='No frame counts'):
        summarize_sequences([errors], RULES['otb'])
    with pytest.raises(ValueError, match='No frame counts'):
        metrics(make_track(3), [NAN] * 3, 'got10k')


@pytest.mark.parametrize('rules', RULES)
def test_a_perfect_answer(rules: str):
    found = metrics(make_track(), make_track(), rules)
    # Strictly above: no IoU passes the threshold 1.
    count = RULES[rules].num_thresholds
    assert found.pop('AUC') == pytest.approx((count - 1) / count)
    assert found.pop('errorNum', 0) == 0
    assert set(found.values()) == {1.0}


@pytest.mark.parametrize('rules', RULES)
@pytest.mark.parametrize('wrong', [NAN, [500.0, 500, 10, 10], [10.0, 20, 0, 0]])
def test_answers_that_miss(rules: str, wrong):
    pred = np.array([wrong] * 6)
    expected = 1 / 6 if RULES[rules].with_first_frame else 0
    if RULES[rules].repeats_empty and pred[0][2] == 0:
        expected = 1 / 6  # repeats what was itself empty
    assert metrics(pred, make_track(), rules)['SR50'] == pytest.approx(expected)


def test_an_empty_answer_repeats_the_one_before_by_the_rules_of_lasot():
    ground_truth = make_track()
    ground_truth[:] = ground_truth[0]
    pred = ground_truth.copy()
    pred[3] = 0
    assert metrics(pred, ground_truth, 'lasot')['AO'] == 1
    assert metrics(pred, ground_truth, 'otb')['AO'] == pytest.approx(5 / 6)


def test_frames_without_the_target():
    ground_truth = make_track()
    ground_truth[2] = NAN
    ground_truth[3, 2:] = 0
    assert metrics(make_track(), ground_truth, 'lasot')['AO'] == pytest.approx(4 / 6)
    assert metrics(make_track(), ground_truth, 'lasot')['precision'] == pytest.approx(
        4 / 6
    )
    assert metrics(make_track(), ground_truth, 'got10k')['AO'] == 1
    visible = np.array([True, True, False, True, True, True])
    kwargs = dict(visible=visible)
    assert metrics(make_track(), make_track(), 'lasot', **kwargs)['AO'] == 5 / 6
    assert metrics(make_track(), make_track(), 'otb101', **kwargs)['AO'] == 1


def test_iou_is_that_of_a_raster():
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 12, (2, 30, 4)).astype(float)

    def paint(box):
        x, y, w, h = box.astype(int)
        canvas = np.zeros((30, 30), bool)
        canvas[y : y + h, x : x + w] = True
        return canvas

    expected = [
        (paint(p) & paint(q)).sum() / (paint(p) | paint(q)).sum() for p, q in zip(a, b)
    ]
    np.testing.assert_allclose(paired_iou(a, b), expected)
    assert paired_iou(np.zeros((1, 4)), np.zeros((1, 4))) == 0


def test_curves_are_strict_and_fall():
    overlap = np.array([0.0, 0.5, 0.75, 1.0])
    curve = success_curve(overlap, 21)
    assert curve[0] == 0.75
    assert curve[10] == 0.5
    assert curve[20] == 0
    assert (np.diff(curve) <= 0).all()


def test_centres_count_to_the_pixel():
    ground_truth = np.tile([100.0, 100, 50, 100], (3, 1))
    pred = ground_truth + [[0, 0, 0, 0], [20, 0, 0, 0], [0, 20.01, 0, 0]]
    found = metrics(pred, ground_truth)
    assert found['precision'] == pytest.approx(2 / 3)
    # 20 of 50 is beyond 0.2, 20.01 of 100 too.
    assert found['norm_precision'] == pytest.approx(1 / 3)


def test_sequences_count_equally_or_by_their_frames():
    good = sequence_errors(make_track(2), make_track(2), RULES['otb'])
    wrong = make_track(8) + 1000
    bad = sequence_errors(wrong, make_track(8), RULES['otb'])
    assert summarize_sequences([good, bad], RULES['otb'])['AO'] == (1 + 1 / 8) / 2
    assert summarize_sequences([good, bad], RULES['got10k'])['AO'] == 3 / 10


def test_boxes_are_cut_at_the_border_where_the_rules_say_so():
    ground_truth = np.tile([40.0, 0, 10, 10], (2, 1))
    pred = np.tile([40.0, 0, 20, 10], (2, 1))
    assert metrics(pred, ground_truth, 'got10k')['AO'] == 0.5
    assert metrics(pred, ground_truth, 'got10k', size_hw=(50, 50))['AO'] == 1
    assert metrics(pred, ground_truth, 'otb', size_hw=(50, 50))['AO'] == 0.75


def test_boxes_that_leave_to_the_left_are_shifted_as_by_the_toolkit_of_got10k():
    ground_truth = np.tile([0.0, 0, 20, 10], (2, 1))
    pred = np.tile([-10.0, 0, 20, 10], (2, 1))
    assert metrics(pred, ground_truth, 'got10k')['AO'] == 1 / 3
    assert metrics(pred, ground_truth, 'got10k', size_hw=(50, 50))['AO'] == 1


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match='pred has 5 frames and ground truth 6'):
        metrics(make_track(5), make_track())
    with pytest.raises(ValueError, match=r'\(T, 4\)'):
        metrics(np.zeros((6, 3)), make_track())
    with pytest.raises(ValueError, match='visible has the shape'):
        metrics(make_track(), make_track(), visible=np.ones(3, bool))
