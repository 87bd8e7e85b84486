"""Kept ids, of trackers that know where everything is."""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import pytest

from helpers.tools import load_tool
from uninext.apis.results import Result
from uninext.shapes.hidden_scenes import draw_hidden
from uninext.shapes.report import lost_and_found
from uninext.shapes.report.lost_and_found import (
    KeptIds,
    longest_kept,
    measure_kept_ids,
)


class Knowing:
    """Says where the object is that is hidden; forgets it after some frames.

    Args:
        forgets: Hidden frames after which it gets another id.
        sees: Whether it says anything.
    """

    def __init__(self, monkeypatch, forgets: int = 99, sees: bool = True) -> None:
        self.forgets, self.sees, self.asked = forgets, sees, []
        render = lost_and_found.render

        def spy(scene):
            for self.frame in render(scene):
                yield self.frame

        monkeypatch.setattr(lost_and_found, 'render', spy)
        small = partial(draw_hidden, size_wh=(160, 120))
        monkeypatch.setattr(lost_and_found, 'draw_hidden', small)

    def track(self, *, categories, keep_lost):
        self.asked.append(keep_lost)
        self.gone, self.id = 0, 7
        return self

    def step(self, image: np.ndarray) -> Result:
        assert np.array_equal(image[..., ::-1], self.frame.image)
        rows, columns = np.nonzero(self.frame.owners == 1)
        boxes = np.zeros((0, 4), np.float32)
        if not len(rows):
            self.gone += 1
        elif self.sees:
            ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            boxes = np.array([ends], np.float32)
            self.id = 8 if self.gone >= self.forgets else 7
        zeros = np.zeros(len(boxes), np.int64)
        ids = zeros + self.id
        return Result(image, (), boxes, zeros + 1.0, zeros, zeros, ids)


def rows_of(find, **given) -> list[KeptIds]:
    return list(measure_kept_ids(find, (1, 3), 1, **given))


def test_nothing_was_asked_or_found(monkeypatch):
    assert list(measure_kept_ids(Knowing(monkeypatch), (), 1)) == []
    assert longest_kept([]) == 0
    rows = rows_of(Knowing(monkeypatch, sees=False), kinds=['left'])
    assert [(row.kept, row.found, row.scenes) for row in rows] == [(0, 0, 1)] * 2
    assert math.isnan(rows[0].share)
    assert longest_kept(rows) == 0


def test_an_id_that_is_kept(monkeypatch):
    find = Knowing(monkeypatch)
    rows = rows_of(find, keep_lost=5, kinds=['twins'])
    assert {(row.kept, row.found) for row in rows} == {(1, 1)}
    assert set(find.asked) == {5}
    assert longest_kept(rows) == 3


def test_an_id_that_is_lost(monkeypatch):
    rows = rows_of(Knowing(monkeypatch, forgets=2), kinds=['occluded'])
    assert {row.num_hidden: row.share for row in rows} == {1: 1.0, 3: 0.0}
    assert longest_kept(rows) == 1


def test_only_the_whole_object_counts(monkeypatch):
    """A tracker that takes parts of it for something else keeps the id of the whole."""
    find = Knowing(monkeypatch)
    step = find.step

    def confused(image):
        result = step(image)
        owners, areas = find.frame.owners, find.frame.areas
        if (owners == 1).sum() < 0.9 * areas[0]:
            result.track_ids[:] = 99
        return result

    find.step = confused
    (row, _) = rows_of(find, kinds=['left'])
    assert (row.kept, row.found) == (1, 1)


@pytest.mark.parametrize(
    ('shares', 'longest'), [((95, 94, 100), 1), ((100, 95, 95), 4), ((94, 100, 100), 0)]
)
def test_the_longest_is_without_gaps(shares, longest):
    rows = [KeptIds('left', n, kept, 100, 100) for n, kept in zip((1, 2, 4), shares)]
    assert longest_kept(rows[::-1]) == longest


def test_the_tool(monkeypatch, tmp_path, capsys):
    find = Knowing(monkeypatch, forgets=2)
    monkeypatch.setattr('uninext.apis.UninextInferencer', lambda *_, **__: find)
    tool = load_tool('tools/analysis_tools/lost_and_found.py')
    options = ['--hidden', '1', '--scenes', '1', '--out', str(tmp_path)]
    assert tool.main(options) == 0
    printed = capsys.readouterr().out
    table = (tmp_path / 'lost_and_found.md').read_text().strip()
    assert table in printed
    assert table.splitlines()[2].startswith('| 1 | 1.00 (1 of 1) | 1.00')
    assert '95% keep their id if hidden for up to 1 frames' in printed
    content = json.loads((tmp_path / 'lost_and_found.json').read_text())
    assert content['longest'] == 1
    assert len(content['rows']) == 3
    assert tool.main(['--scenes', '0']) == 2
