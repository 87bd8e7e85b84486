"""False alarms of result files: what is reported of images that do not show it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from uninext.evaluation.result_files.images import evaluate_coco, false_alarms


def ground_truth(shown: dict[int, list[int]], num_categories: int = 2) -> dict:
    """Of image id -> category ids."""
    pairs = [(image, i) for image, ids in shown.items() for i in ids]
    return dict(
        images=[dict(id=image) for image in shown],
        annotations=[dict(image_id=image, category_id=i) for image, i in pairs],
        categories=[dict(id=i) for i in range(num_categories)],
    )


def result(image: int, category: int, score: float) -> dict:
    return dict(image_id=image, category_id=category, score=score)


def test_nothing_is_reported_and_nothing_lacks():
    none = dict(false_alarms_per_image=0, num_images=1)
    assert false_alarms(ground_truth({1: []}), [], 0.3) == none
    everything = ground_truth({1: [0, 1]})
    rate = dict(false_alarms_per_image=-1, num_images=0)
    assert false_alarms(everything, [result(1, 0, 0.9)], 0.3) == rate


def test_score_and_category_decide():
    truth = ground_truth({1: [0], 2: [0, 1]})
    found = [result(1, 1, 0.3), result(1, 1, 0.29), result(1, 0, 1), result(2, 1, 1)]
    alarms = dict(false_alarms_per_image=1, num_images=1)
    assert false_alarms(truth, found, 0.3) == alarms
    assert false_alarms(truth, found, 0.3, [0]) == dict(
        false_alarms_per_image=-1, num_images=0
    )


def test_lists_of_what_is_not_there():
    """As in LVIS: what is neither shown nor listed is not known."""
    truth = ground_truth({1: [], 2: []}, 3)
    truth['images'][0]['neg_category_ids'] = [1]
    found = [result(image, i, 0.9) for image in (1, 2) for i in range(3)]
    alarms = dict(false_alarms_per_image=1, num_images=1)
    assert false_alarms(truth, found, 0.5) == alarms


def test_against_a_table():
    """Counted in an array of images and categories."""
    random = np.random.RandomState(0)
    shown = random.rand(20, 5) < 0.4
    truth = ground_truth(
        {i: np.nonzero(row)[0].tolist() for i, row in enumerate(shown)}, 5
    )
    places = random.randint(0, (20, 5), (200, 2))
    scores = random.rand(200)
    found = [result(*map(int, p), s) for p, s in zip(places, scores)]
    expected = (~shown[tuple(places.T)] & (scores >= 0.4)).sum()
    counted = false_alarms(truth, found, 0.4)
    assert counted['num_images'] == (~shown).any(1).sum()
    assert counted['false_alarms_per_image'] == expected / counted['num_images']


def test_beside_ap(tmp_path):
    box = dict(bbox=[2, 2, 6, 6], image_id=1, category_id=1)
    truth = dict(
        images=[dict(id=1, width=20, height=20)],
        annotations=[dict(id=1, area=36, iscrowd=0, **box)],
        categories=[dict(id=1, name='x'), dict(id=2, name='y')],
    )
    found = [dict(box, score=0.9), dict(box, score=0.9, category_id=2)]
    for name, content in (('gt', truth), ('pred', found)):
        (tmp_path / name).write_text(json.dumps(content))
    plain = evaluate_coco(tmp_path / 'gt', tmp_path / 'pred')
    metrics = evaluate_coco(tmp_path / 'gt', tmp_path / 'pred', false_alarm_thr=0.5)
    assert metrics.pop('absent') == dict(false_alarms_per_image=1, num_images=1)
    assert metrics == plain
    with pytest.raises(ValueError, match='false_alarm_thr must be finite'):
        evaluate_coco(tmp_path / 'gt', tmp_path / 'pred', false_alarm_thr=float('nan'))
