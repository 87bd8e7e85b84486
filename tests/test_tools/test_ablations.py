from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from helpers.tools import load_tool


@pytest.fixture(scope='module')
def ablations() -> ModuleType:
    return load_tool('tools/analysis_tools/ablations.py')


def _log(folder: Path, *rows: dict) -> None:
    path = folder / '20260101_000000/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))


def _evaluated(ablations: ModuleType, value: float) -> dict:
    return dict.fromkeys(ablations.METRICS.values(), value)


def test_nothing_was_run(ablations, tmp_path, capsys) -> None:
    assert ablations.main(['--work-dir', str(tmp_path), '--table']) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == len(list(ablations.FOLDER.glob('*.py'))) > 1
    assert all(row.count('not run') == len(ablations.METRICS) for row in rows)


def test_table_has_the_mean_of_the_seeds_and_its_interval(
    ablations, tmp_path, capsys
) -> None:
    config = ablations.FOLDER / 'stage2_shapes_whole.py'
    for seed, value in enumerate((0.5, 0.6, 0.7)):
        folder = tmp_path / f'{config.stem}_seed{seed}'
        _log(folder, dict(loss=3.0, iter=1), _evaluated(ablations, value))
    ablations.main([str(config), '--work-dir', str(tmp_path), '--table'])
    row = capsys.readouterr().out.splitlines()[2]
    # Student's t with two degrees of freedom: 4.303 times 0.1 / sqrt(3)
    assert row.count('0.600 ± 0.248') == len(ablations.METRICS)


@pytest.mark.parametrize(
    ('values', 'whole', 'cell'),
    [
        ([], [0.5, 0.6], 'not run'),
        ([0.5], [0.6, 0.6], '0.500'),
        ([0.5, 0.5], [0.5, 0.5], '0.500 ± 0.000'),
        ([0.4, 0.4], [0.5, 0.5], '0.400 ± 0.000 *'),
        ([0.50, 0.51, 0.52], [0.70, 0.71, 0.72], '0.510 ± 0.025 *'),
        ([0.50, 0.51, 0.52], [0.51, 0.52, 0.53], '0.510 ± 0.025'),
        ([0.50, 0.51, 0.52], [], '0.510 ± 0.025'),
    ],
)
def test_what_differs_beyond_noise_has_a_star(
    ablations, values: list, whole: list, cell: str
) -> None:
    assert ablations._cell(values, whole) == cell


def test_a_killed_run_is_not_done(ablations, tmp_path) -> None:
    _log(tmp_path, dict(loss=3.0, iter=1))
    with next(tmp_path.glob('*/vis_data/scalars.json')).open('a') as log:
        log.write('{"loss": 2.')  # half a line
    assert ablations.Run(Path('a.py'), 0, tmp_path).metrics() is None


def test_another_evaluator_is_named(ablations, tmp_path) -> None:
    _log(tmp_path, dict(accuracy=1.0))
    with pytest.raises(ValueError, match='box_mAP|bbox_mAP'):
        ablations.Run(Path('a.py'), 0, tmp_path).metrics()


def test_what_is_missing_is_trained(ablations, tmp_path, capsys, monkeypatch) -> None:
    config = ablations.FOLDER / 'stage2_shapes_whole.py'
    _log(tmp_path / f'{config.stem}_seed0', _evaluated(ablations, 0.5))
    asked = []

    def run(command: list[str], **_) -> subprocess.CompletedProcess:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, 'run', run)
    arguments = [str(config), '--work-dir', str(tmp_path), '--amp']
    arguments += ['--cfg-options', 'a.b=1']
    assert ablations.main(arguments) == 1, 'a training failed'
    command, other = asked
    assert command[-3:] == ['--cfg-options', 'randomness.seed=1', 'a.b=1']
    assert 'randomness.seed=2' in other
    assert '--resume' in command
    assert '--amp' in command
    assert f'{config.stem}_seed1' in capsys.readouterr().err


def test_metrics_are_those_that_the_configs_log(ablations) -> None:
    """The evaluator's prefixes and metrics, as one config of them names them."""
    from mmengine.config import Config

    from uninext.evaluation import ReferringMetric

    cfg = Config.fromfile(ablations.FOLDER / 'stage2_shapes_whole.py')
    prefixes = cfg.val_evaluator.dataset_prefixes
    assert {key.split('/')[0] for key in ablations.METRICS.values()} == set(prefixes)
    kinds = {key.split('/')[1] for key in ablations.METRICS.values()}
    assert kinds == {'coco', ReferringMetric.default_prefix}
