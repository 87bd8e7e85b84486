"""Thresholds for a wanted rate of false alarms."""

from __future__ import annotations

import json
import math

import cv2
import numpy as np
import pytest

from helpers.painted_inferencer import GREEN, RED
from helpers.painted_world import HEIGHT, HIGH, LOW, WIDTH, frame
from uninext.apis.calibration import KINDS, KindScores, calibrate, score_kinds
from uninext.apis.labelled_images import read_labelled_images
from uninext.formats.coco import absent_category_ids
from uninext.formats.errors import DatasetError


@pytest.fixture
def labelled(tmp_path):
    """Two images, of which one shows red; the other shows nothing."""
    cv2.imwrite(str(tmp_path / 'a.png'), frame(red=RED))
    cv2.imwrite(str(tmp_path / 'b.png'), frame())
    x1, y1, x2, y2 = RED
    box = dict(bbox=[x1, y1, x2 - x1, y2 - y1], category_id=7)
    size = dict(height=HEIGHT, width=WIDTH)
    images = [dict(id=i, file_name=f'{n}.png', **size) for i, n in ((1, 'a'), (2, 'b'))]
    files = dict(
        instances=dict(
            images=images,
            annotations=[
                dict(id=1, image_id=1, **box),
                dict(id=2, image_id=2, iscrowd=1, **box),
            ],
            categories=[dict(id=7, name='red'), dict(id=9, name='green')],
        ),
        refs=dict(images=[dict(file_name='a.png', expressions=['the red', 'it'])]),
        absent=dict(
            images=[
                dict(file_name='a.png', absent_expressions=['the pink']),
                dict(file_name='b.png', absent_expressions=['a thing', 'pink']),
            ]
        ),
    )
    for name, content in files.items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    return tmp_path


def test_nothing_was_asked():
    scores = KindScores(0.2)
    assert math.isnan(scores.false_alarms(0.5))
    assert math.isnan(scores.found(0.5))
    assert scores.threshold_for(0.1) == 0.2


@pytest.mark.parametrize('rate', [0, 0.01, 0.1, 0.29, 0.5, 1, 3])
def test_no_lower_threshold_would_do(rate):
    """Against all scores and their neighbours, by counting."""
    absent = np.random.RandomState(0).randint(0, 100, 150).astype(np.float32) / 100
    scores = KindScores(0.05, absent.tolist(), [], num_absent=100)
    found = scores.threshold_for(rate)
    assert scores.false_alarms(found) <= rate + 1e-9
    lower = np.nextafter(np.float32(found), np.float32(0))
    assert found == 0.05 or scores.false_alarms(lower) > rate


def test_both_together():
    one = KindScores(0.05, [0.3], [1.0], 2, [0.1])
    other = KindScores(0.05, [0.9], [], 1, [0.2])
    assert one + other == KindScores(0.05, [0.3, 0.9], [1.0], 3, [0.1, 0.2])
    assert one + KindScores(0.05) == one


def test_no_other_threshold_has_a_better_f1():
    """Against every score, by counting."""
    random = np.random.RandomState(0)
    present, wrong, absent = (random.rand(n).astype(np.float32) for n in (40, 60, 20))
    scores = KindScores(0.05, absent.tolist(), present.tolist(), 5, wrong.tolist())
    best = scores.f1(scores.best_threshold())
    for threshold in [0.05, *present, *wrong, *absent]:
        found = (present >= threshold).sum()
        errors = (wrong >= threshold).sum() + (absent >= threshold).sum()
        precision, recall = found / (found + errors or 1), found / 40
        f1 = 2 * precision * recall / (precision + recall or 1)
        assert scores.f1(threshold) == pytest.approx(f1)
        assert best >= f1 - 1e-9


def test_the_best_f1_of_little():
    assert KindScores(0.05).best_threshold() == 0.05
    assert math.isnan(KindScores(0.05).f1(0.5))
    apart = KindScores(0.05, [], [0.9, 0.8], 0, [0.4])
    assert apart.best_threshold() == pytest.approx(0.6)
    assert apart.f1(apart.best_threshold()) == 1


def test_labelled_images(labelled):
    files = [labelled / f'{n}.json' for n in ('instances', 'refs', 'absent')]
    first, second = read_labelled_images(files[0], labelled, *files[1:])
    assert first.path == labelled / 'a.png'
    assert first.boxes_xyxy['red'].tolist() == [list(RED)]
    assert first[2:] == (['green'], ['the red'], ['the pink'])
    assert second[1:] == ({}, ['green'], [], ['a thing', 'pink'])  # a crowd is there
    assert read_labelled_images(files[0], labelled)[0][3:] == ([], [])
    with pytest.raises(DatasetError, match='needs images with file_name and expressi'):
        read_labelled_images(files[0], labelled, refs=files[2])


def test_lists_of_what_is_not_there_go_before_annotations():
    images = [dict(id=1, neg_category_ids=[5]), dict(id=2)]
    content = dict(images=images, annotations=[], categories=[dict(id=5), dict(id=6)])
    assert absent_category_ids(content) == {1: [5], 2: []}
    for image in images:
        image.pop('neg_category_ids', None)
    content['annotations'] = [dict(image_id=2, category_id=5)]
    assert absent_category_ids(content) == {1: [5, 6], 2: [6]}


def test_scores(find, labelled):
    """The model finds by colour, HIGH, and says LOW of an expression that fits none."""
    files = [labelled / f'{n}.json' for n in ('instances', 'refs', 'absent')]
    images = read_labelled_images(files[0], labelled, *files[1:])
    kinds = score_kinds(find, images)
    category, expression = kinds['category'], kinds['expression']
    assert category == KindScores(KINDS['category'], [], pytest.approx([HIGH]), 2)
    assert expression.present == pytest.approx([HIGH])
    assert expression.absent == pytest.approx([LOW] * 3)
    assert expression.num_absent == 3
    assert find.model.predictor.with_masks
    threshold = expression.threshold_for(0)
    assert max(expression.absent) < threshold < LOW + 1e-6
    (result,) = find(
        frame(green=GREEN), expression='pink', score_thr=dict(expression=threshold)
    )
    assert result.absent == ['pink']


def test_halves(find, labelled):
    """The first image shows the object, and the second nothing."""
    files = [labelled / f'{n}.json' for n in ('instances', 'refs', 'absent')]
    images = read_labelled_images(files[0], labelled, *files[1:])
    rows = calibrate(find, images, rate=0.0)
    assert rows['expression'].scores.num_absent == 3
    assert rows['expression'].threshold == pytest.approx(LOW, abs=1e-5)
    assert rows['expression'].held_out == 0
    assert calibrate(find, images)['expression'].threshold == pytest.approx(
        (LOW + HIGH) / 2
    )
    assert calibrate(find, images[1:])['category'].threshold is None  # nothing there
    for image in images:
        image.absent_categories.clear()
    row = calibrate(find, images, rate=0.0)['category']
    assert (row.threshold, row.scores.num_absent) == (None, 0)


def test_what_is_found_elsewhere_is_not_found(find, labelled):
    cv2.imwrite(str(labelled / 'a.png'), frame(red=GREEN))
    images = read_labelled_images(labelled / 'instances.json', labelled)
    category = score_kinds(find, images)['category']
    assert category.present == [0]
