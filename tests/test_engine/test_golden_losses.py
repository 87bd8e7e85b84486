"""Twenty iterations of each stage lose what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers import golden_losses as golden
from helpers.golden_losses import NORM_TOLERANCE, TOLERANCE, Change, largest_change


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('data')
    golden.make_data(folder)
    return folder


@pytest.fixture(scope='module')
def recording() -> dict[str, Any]:
    path = golden.recording_path()
    if not path.is_file():
        pytest.skip(f'{path.name} is not recorded: make golden, on an unchanged tree')
    return json.loads(path.read_text())


def test_nothing_to_compare_is_a_difference():
    assert largest_change({'loss': [1.0]}, {}) == Change(float('inf'), 'loss', 0)


def test_the_largest_change_is_named():
    before = {'a': [1.0, 2.0, 9.0], 'b': [0.0, 4.0]}
    assert largest_change(before, before).error == 0
    now = {'a': [1.0, 2.5, 9.0], 'b': [0.0, 4.5]}
    assert largest_change(before, now) == Change(0.25, 'a', 1)
    assert str(largest_change(before, now)) == '2.5e-01 of a in iteration 2'
    assert largest_change(before, {'a': [1.0], 'b': [1e-4]}) == Change(0.1, 'b', 0)
    assert largest_change(before, {**now, 'b': [float('nan')]}).error == float('inf')


def test_recording_tells_what_changed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(golden, 'FOLDER', tmp_path / 'golden')
    last_line = f'{golden.recording_path().name}\n'
    for second, told in ((2.0, 'new'), (2.0, 'unchanged'), (2.02, 'up to 1.0e-02')):
        losses = {'loss': [1.0, second], 'loss_ce': [0.5, 0.25]}
        monkeypatch.setattr(golden, 'record', lambda now=losses: {'stage1': now})
        golden.main()
        said = capsys.readouterr().out
        assert told in said and said.endswith(last_line)
        content = json.loads(golden.recording_path().read_text())
        assert content['losses'] == {'stage1': losses}
        assert {'numpy', 'cv2'} < content['libraries'].keys()


@pytest.mark.parametrize('stage', golden.STAGES)
def test_losses_are_those_that_were_recorded(stage, data, recording, tmp_path):
    before = recording['losses'][stage]
    now = golden.train(golden.config_of(stage, data, tmp_path))
    assert {len(values) for values in now.values()} == {golden.NUM_ITERS}
    told = (
        f'{golden.recording_path().name}, recorded with {recording["libraries"]}; '
        'if the change is meant: make golden'
    )
    change = largest_change(golden.without_norm(before), golden.without_norm(now))
    assert change.error < TOLERANCE, f'{change} since {told}'
    change = largest_change(before, now)
    assert change.error < NORM_TOLERANCE, f'{change} since {told}'


def test_one_percent_of_a_weight_is_noticed(data, recording, tmp_path):
    cfg = golden.config_of('stage2_image', data, tmp_path)
    cfg.model.bbox_head.loss_giou.loss_weight *= 1.01
    before = recording['losses']['stage2_image']
    first = next(i for i, loss in enumerate(before['loss_giou']) if loss)  # with boxes
    cfg.train_cfg.max_iters = first + 1
    change = largest_change(before, golden.train(cfg))
    assert change.name.startswith('loss_giou') and change.iteration == first
    assert change.error == pytest.approx(0.01, rel=0.01)
    assert change.error > 10 * TOLERANCE
