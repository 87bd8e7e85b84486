"""Memory over frames: of sessions that hold everything, or nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from helpers.painted_inferencer import PaintedVideos
from helpers.tools import load_tool
from uninext.analysis.session_memory import (
    MemoryPoint,
    growth_mb,
    num_bytes,
    watch_memory,
)


def test_no_frame():
    assert list(watch_memory(len, dict, [], 1)) == []
    assert math.isnan(growth_mb([]))
    assert math.isnan(growth_mb([MemoryPoint(1, 2.0, 3.0, 4)]))


def test_points_come_every_so_many_frames():
    held = []
    points = watch_memory(
        lambda frame: held.append(frame) or len(held),
        lambda: dict(all=held),
        np.zeros((7, 10, 100), np.uint8),
        3,
    )
    first, second = points
    assert (first.frame, first.num_objects, first.state_kb) == (3, 3, 3.0)
    assert (second.frame, second.num_objects, second.state_kb) == (6, 6, 6.0)
    assert second.resident_mb > 1


def test_bytes_of_a_state():
    assert num_bytes({}) == 0
    nested = {'a': [torch.zeros(3), ('x', 7, None)], 'b': {'c': np.zeros(2, np.int8)}}
    assert num_bytes(nested) == 14


@pytest.mark.parametrize('slope', [0.0, 2.5])
def test_growth_is_that_of_later_frames(slope):
    """The first fifth, where caches fill, is steeper."""
    points = [
        MemoryPoint(100 * i, 500.0 + slope * i / 10 - (90 if i < 2 else 0), 0.0, 0)
        for i in range(10)
    ]
    assert growth_mb(points) == pytest.approx(slope, abs=1e-6)


def test_the_tool(monkeypatch, tmp_path, capsys):
    opened = []

    def open_session(model, checkpoint, scale, device, **limits):
        opened.append((scale, limits))
        return PaintedVideos().eval().open(scale=None)

    monkeypatch.setattr('uninext.apis.open_session', open_session)
    tool = load_tool('tools/analysis_tools/session_memory.py')
    monkeypatch.setattr(tool, 'CLIP', 3)
    out = tmp_path / 'memory.png'
    options = ['--frames', '4', '--every', '2', '--objects', '6', '--keep-lost', '3']
    options += ['--scene', '128', '96', '--out', str(out)]
    assert tool.main(options) == 0
    assert opened == [((256, 96), dict(max_objects=None, keep_lost=3))]
    assert out.is_file()
    assert [p['frame'] for p in json.loads(out.with_suffix('.json').read_text())] == [
        2, 4,
    ]  # fmt: skip
    assert 'MB in 1000 frames' in capsys.readouterr().out
    assert tool.main(['--frames', '0']) == 2
    assert tool.main(['--out', 'memory.txt']) == 2
