from __future__ import annotations

import json

import pytest

from helpers.tools import ROOT
from uninext.analysis.speed_growth import POINTS
from uninext.analysis.speed_page import (
    KEYS,
    REASONS,
    SCHEMA,
    UNITS,
    checked,
    draw_growth,
    growth_table,
    page_parts,
    parts_table,
    published_table,
    rows_table,
    scaling_table,
    slope_line,
)
from uninext.utils.marked_pages import fill

ROW = dict(name='a', seconds=2.0, peak_mb=None, gflop=None, gemm_share=None)


def test_nothing_was_measured(tmp_path):
    assert rows_table([]).count('\n') == 1
    assert parts_table({}).count('\n') == 1
    assert growth_table({}) == ''
    assert draw_growth({}, tmp_path / 'x.svg').is_file()
    with pytest.raises(ValueError, match='no table of speed'):
        checked({})
    with pytest.raises(ValueError, match='schema 0; expected'):
        checked({**dict.fromkeys(KEYS), 'schema': SCHEMA - 1})


def test_rates_and_shares():
    counted = dict(ROW, peak_mb=3.4, gflop=90.0, gemm_share=0.5)
    assert rows_table([ROW]).endswith('| a | 2 | - | - | - | - |')
    assert rows_table([counted]).endswith('| a | 2 | 3 | 90.0 | 45 | 50% |')
    parts = dict(x=dict(seconds=3.0, gflop=0.0), y=dict(seconds=1.0, gflop=2.0))
    lines = parts_table(parts).splitlines()
    assert lines[2:] == ['| x | 3 | 75.0% | - |', '| y | 1 | 25.0% | 2.00 |']


def test_the_ratio_is_carried_on():
    rows = dict(a=dict(ratio=1.2, goal=2, before=3.0, now=1.5), b=dict(ratio=1, goal=2))
    lines = published_table(rows).splitlines()
    assert lines[2] == '| a | 3 | 1.5 | 1.20 | 2.40 | 2.00 |'
    assert lines[3] == '| b | - | - | 1.00 | - | 2.00 |'


def test_slopes():
    assert slope_line('targets', {'1': 1.0}) == 'One point, no slope.'
    line = slope_line('targets', {'1': 1.0, '3': 2.0, '5': 5.0})
    assert line == '1 s per target, from point to point 0.5, 1.5.'
    assert ' MB per frame' in slope_line('frames, memory in MB', {'1': 1.0, '2': 1.0})


def test_every_curve_has_a_unit_and_a_reason():
    assert set(UNITS) == set(REASONS) > set(POINTS)


def test_a_ring_sends_less_than_twice():
    (line,) = scaling_table({'m': 100 * 10**6}, link_gb=10).splitlines()[2:]
    expected = '| m | 100 MB | 0.10 GB, 10 ms | 0.19 GB, 19 ms | 0.20 GB, 20 ms |'
    assert line == expected


def test_the_page_is_what_the_files_say():
    """If not: python tools/analysis_tools/benchmark.py page docs/assets/..."""
    page = (ROOT / 'docs/performance.md').read_text()
    measured, published = (
        json.loads((ROOT / f'docs/assets/{name}.json').read_text())
        for name in ('performance', 'performance_published')
    )
    assert fill(page, page_parts(measured, published)) == page
