from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from uninext.evaluation.functional.confusion import count_confusions, match_objects
from uninext.evaluation.result_files import coco_confusion
from uninext.formats.rle import encode_mask
from uninext.visualization import draw_confusion

NAMES = ('cat', 'dog', 'ox')


def none() -> np.ndarray:
    return np.zeros(0, dtype=int)


def test_no_objects_and_no_answers():
    assert match_objects(np.zeros((0, 0)), none(), none(), 0.5) == []
    assert count_confusions([], none(), none(), 2).tolist() == [[0] * 3] * 3


def test_an_answer_that_is_right_keeps_its_object():
    ious = np.array([[0.9, 0.6], [0.0, 0.55]])
    # the prediction 0 lies better on object 0, but is called something else
    pairs = match_objects(ious, np.array([0, 0]), np.array([1, 0]), 0.5)
    assert pairs == [(0, 1)]
    pairs = match_objects(ious, np.array([0, 0]), np.array([0, 0]), 0.5)
    assert sorted(pairs) == [(0, 0), (1, 1)]
    assert match_objects(ious, np.array([0, 0]), np.array([0, 0]), 0.95) == []


def test_every_object_and_answer_counts_once():
    generator = np.random.default_rng(0)
    for _ in range(20):
        ious = generator.uniform(0, 1, (7, 9))
        ground_truth, found = generator.integers(0, 3, 7), generator.integers(0, 3, 9)
        pairs = match_objects(ious, ground_truth, found, 0.4)
        assert len({t for t, _ in pairs}) == len({f for _, f in pairs}) == len(pairs)
        counts = count_confusions(pairs, ground_truth, found, 3)
        assert (
            counts[:3].sum(1).tolist()
            == np.bincount(ground_truth, minlength=3).tolist()
        )
        assert counts[:, :3].sum(0).tolist() == np.bincount(found, minlength=3).tolist()
        assert counts[3, 3] == 0


def write(tmp_path: Path, objects: list[dict], results: list[dict]) -> tuple[str, str]:
    common = dict(image_id=1, iscrowd=0, area=100)
    ground_truth = dict(
        images=[dict(id=1, width=100, height=80, file_name='a.jpg')],
        categories=[dict(id=7 + i, name=name) for i, name in enumerate(NAMES)],
        annotations=[{'id': i, **common, **o} for i, o in enumerate(objects, 1)],
    )
    paths = str(tmp_path / 'gt.json'), str(tmp_path / 'pred.json')
    Path(paths[0]).write_text(json.dumps(ground_truth))
    Path(paths[1]).write_text(
        json.dumps([dict(image_id=1, **result) for result in results])
    )
    return paths


def thing(category: int, x: float, **more: object) -> dict:
    mask = np.zeros((80, 100), bool)
    mask[10:30, int(x) : int(x) + 20] = True
    return dict(
        category_id=category,
        bbox=[x, 10, 20, 20],
        segmentation=encode_mask(mask),
        **more,
    )


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_files(tmp_path: Path, kind: str):
    objects = [thing(7, 0), thing(8, 30), thing(9, 60)]
    results = [
        thing(7, 1, score=0.9),  # right
        thing(9, 31, score=0.8),  # a dog that is called an ox
        thing(9, 60, score=0.2),  # too faint
        thing(8, 78, score=0.7),  # of nothing
    ]
    gt, pred = write(tmp_path, objects, results)
    confusion = coco_confusion(gt, pred, kind)
    assert confusion.names == NAMES
    assert confusion.counts.tolist() == [
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 1, 0, 0],
    ]
    table = confusion.table()
    assert '| cat | 1 | 1 | 0 | 1.000 | 1.000 |' in table
    assert '| ox | 1 | 0 | 1 | 0.000 | 0.000 |' in table
    assert '| dog | ox | 1 |' in table
    assert '| nothing | dog | 1 |' in table
    assert len(confusion.table(most=1).splitlines()) == len(table.splitlines()) - 2
    faint = coco_confusion(gt, pred, kind, score_thr=0.1)
    assert faint.counts[2].tolist() == [0, 0, 1, 0]


def test_answers_upon_a_crowd_do_not_count(tmp_path: Path):
    crowd = dict(thing(7, 0), bbox=[0, 0, 100, 80], iscrowd=1)
    gt, pred = write(
        tmp_path, [crowd, thing(7, 10)], [thing(7, x, score=1) for x in (10, 50)]
    )
    confusion = coco_confusion(gt, pred)
    assert confusion.counts.sum() == confusion.counts[0, 0] == 1


def test_nothing_found(tmp_path: Path):
    gt, pred = write(tmp_path, [thing(7, 0)], [])
    assert coco_confusion(gt, pred).counts[0].tolist() == [0, 0, 0, 1]


def test_errors_say_what_is_wrong(tmp_path: Path):
    gt, pred = write(tmp_path, [thing(7, 0)], [thing(5, 0, score=1)])
    with pytest.raises(ValueError, match='record 0 is of category 5'):
        coco_confusion(gt, pred)
    with pytest.raises(ValueError, match='iou_thr must be in'):
        coco_confusion(gt, pred, iou_thr=0)
    with pytest.raises(ValueError, match='kind must be one of'):
        coco_confusion(gt, pred, kind='box')
    with pytest.raises(ValueError, match='does not exist'):
        coco_confusion(gt, pred + 'x')
    gt, pred = write(
        tmp_path, [dict(category_id=7, bbox=[0, 0, 9, 9])], [thing(7, 0, score=1)]
    )
    with pytest.raises(ValueError, match="annotation 0 has no 'segmentation'"):
        coco_confusion(gt, pred, kind='segm')
    boxes = dict(category_id=7, bbox=[0, 0, 9, 9], score=1)
    gt, pred = write(tmp_path, [thing(7, 0)], [boxes])
    with pytest.raises(ValueError, match="record 0 has no 'segmentation'"):
        coco_confusion(gt, pred, kind='segm')


def test_the_image_is_bright_where_much_is(tmp_path: Path):
    counts = np.diag([5, 5, 5, 0])
    out = draw_confusion(counts, NAMES, tmp_path / 'new' / 'x.png', 'title')
    bright = cv2.imread(str(out)).astype(int)
    dark = cv2.imread(
        str(draw_confusion(np.zeros((4, 4), int), NAMES, tmp_path / 'y.png', 'title'))
    ).astype(int)
    assert bright.shape == dark.shape
    assert (bright - dark).max() > 100
    with pytest.raises(ValueError, match=r'needs? counts of \(4, 4\)'):
        draw_confusion(np.zeros((3, 3)), NAMES, tmp_path / 'x.png')
    with pytest.raises(ValueError, match='give the image one of'):
        draw_confusion(counts, NAMES, tmp_path / 'x.txt')
