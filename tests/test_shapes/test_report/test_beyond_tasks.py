"""Relations and what is not there, asked of models that are made up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from uninext.apis.results import AskedPrompt, Result
from uninext.formats.json_file import write_json
from uninext.shapes.report.beyond_tasks import (
    BeyondMetric,
    area_under_curve,
    beyond_tasks_table,
    measure_beyond_tasks,
    write_beyond_tasks,
)

BOX = [10.0, 10.0, 20.0, 20.0]  # xywh, of every object


class Model:
    """Says of each text what it is told to: (score, box xyxy)."""

    def __init__(self, **told: tuple[float, list[float]]) -> None:
        self.told, self.asked = told, []

    def __call__(self, path: Path, *, categories=(), expression=()) -> list[Result]:
        texts = list(categories or expression)
        self.asked.append((path.name, *texts))
        found = [(i, *self.told[t]) for i, t in enumerate(texts) if t in self.told]
        return [
            Result(
                np.zeros((64, 64, 3), np.uint8),
                tuple(AskedPrompt(text, (text,), True) for text in texts),
                np.array([box for _, _, box in found], np.float32).reshape(-1, 4),
                np.array([score for _, score, _ in found], np.float32),
                np.zeros(len(found), np.int64),
                np.array([number for number, _, _ in found], np.int64),
            )
        ]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Two images: one with an object and three expressions, one with nothing."""
    absent = [
        dict(
            id=1, file_name='a.jpg', absent_categories=['x'], absent_expressions=['no']
        ),
        dict(
            id=2, file_name='b.jpg', absent_categories=['x', 'y'], absent_expressions=[]
        ),
        dict(id=3, file_name='c.jpg', absent_categories=[], absent_expressions=[]),
    ]
    record = dict(
        id=5,
        original_id=1,
        expressions=['red', 'above', 'left'],
        kinds=['attribute', 'relation', 'relation'],
    )
    refs = dict(images=[record], annotations=[dict(image_id=5, bbox=BOX)])
    write_json(dict(images=absent), tmp_path / 'annotations/absent_val.json')
    write_json(refs, tmp_path / 'annotations/refs_val.json')
    return tmp_path


RIGHT, WRONG = [10, 10, 30, 30], [31, 10, 60, 30]


def measured(rows: list[BeyondMetric]) -> list[tuple[float, int]]:
    return [(row.measured, row.number) for row in rows]


def test_nothing_found(suite: Path):
    rows = measure_beyond_tasks(Model(), suite)
    # no expression has a score: a tie
    assert measured(rows) == [(0.0, 2), (0.0, 2), (0.5, 1)]
    assert [row.is_reached for row in rows] == [False, True, False]


def test_what_is_right_and_what_is_not(suite: Path):
    model = Model(
        red=(0.9, RIGHT), above=(0.2, RIGHT), left=(0.9, WRONG), no=(0.3, RIGHT),
        x=(0.5, RIGHT),
    )  # fmt: skip
    rows = measure_beyond_tasks(model, suite)
    assert measured(rows) == [(0.5, 2), (1.0, 2), (1.0, 1)]
    assert model.asked == [
        ('a.jpg', 'x'), ('a.jpg', 'red', 'above', 'left', 'no'), ('b.jpg', 'x', 'y'),
    ]  # fmt: skip


def test_the_first_images_alone(suite: Path):
    model = Model()
    rows = measure_beyond_tasks(model, suite, num_images=1)
    assert [row.number for row in rows] == [2, 1, 1]
    assert {name for name, *_ in model.asked} == {'a.jpg'}


def test_a_suite_without_the_files(tmp_path: Path):
    with pytest.raises(ValueError, match=r'absent_val\.json'):
        measure_beyond_tasks(Model(), tmp_path)


def test_the_table_and_the_file(tmp_path: Path):
    assert len(beyond_tasks_table([]).splitlines()) == 2
    rows = [
        BeyondMetric('relations', 'P@0.5', 0.85, False, 0.85, 7),
        BeyondMetric('absent', 'errors', 0.05, True, 0.06, 2),
        BeyondMetric('none', 'AUC', 0.9, False, math.nan, 0),
    ]
    write_beyond_tasks(tmp_path, rows)
    lines = (tmp_path / 'beyond_tasks.md').read_text().splitlines()[2:]
    assert lines == [
        '| relations | P@0.5 | at least 0.85 | 0.850 | yes | 7 |',
        '| absent | errors | at most 0.05 | 0.060 | no | 2 |',
        '| none | AUC | at least 0.90 | - | no | 0 |',
    ]
    records = json.loads((tmp_path / 'beyond_tasks.json').read_text())['metrics']
    assert [r['measured'] for r in records] == [0.85, 0.06, None]
    assert [r['is_reached'] for r in records] == [True, False, False]


@pytest.mark.parametrize('sides', [([], [0.5]), ([0.5], []), ([], [])])
def test_no_pair_has_no_area(sides: tuple):
    assert math.isnan(area_under_curve(*sides))


@pytest.mark.parametrize('seed', range(5))
def test_the_area_is_that_of_scipy(seed: int):
    rng = np.random.default_rng(seed)
    right, wrong = (rng.integers(0, 6, rng.integers(1, 9)) / 5 for _ in range(2))
    area = mannwhitneyu(right, wrong).statistic / (len(right) * len(wrong))
    assert area_under_curve(right, wrong) == pytest.approx(area)
