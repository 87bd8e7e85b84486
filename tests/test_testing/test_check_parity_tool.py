from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from uninext import testing
from uninext.testing import Comparison, StoredNumbers

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/check_parity.py'


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('check_parity', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def numbers(tmp_path) -> str:
    np.savez(tmp_path / 'numbers.npz', **{'a/loss/loss_prj': np.ones(())})
    return str(tmp_path / 'numbers.npz')


class Model:
    def to(self, device):
        return self


@pytest.mark.parametrize(('error', 'status'), [(1e-5, 0), (1e-2, 1)])
def test_status_says_whether_all_agree(
    tool, numbers, monkeypatch, capsys, error, status
) -> None:
    asked = {}

    def build(config, table, seed):
        asked.update(config=Path(config).name, table=table, seed=seed)
        return Model()

    results = [
        Comparison('x', (2,), 0.0, 1e-3),
        Comparison('y', (), error, 1e-3),
    ]
    monkeypatch.setattr(testing, 'build_drawn_model', build)
    monkeypatch.setattr(testing, 'config_suffix', lambda table: '_vit-h')
    monkeypatch.setattr(testing, 'compare_losses', lambda model, numbers: results)
    assert tool.main(['losses', 'table.tsv', numbers, '--seed', '3']) == status
    expected = dict(config='stage1_pretrain_vit-h.py', table='table.tsv', seed=3)
    assert asked == expected
    out = capsys.readouterr().out
    assert f'{2 - status} of 2 agree' in out
    assert f'worst: {error:.2e} y' in out


@pytest.mark.parametrize(
    ('stored', 'config'),
    [
        ('detection/pred_boxes', 'stage2_image.py'),
        ('detection/loss/loss_ce', 'stage2_image.py'),
        ('detection/loss/loss_prj', 'stage1_pretrain.py'),
        ('sot/pred_boxes', 'stage3_video.py'),
        ('sot/loss/loss_ce', 'stage3_video.py'),
    ],
)
@pytest.mark.parametrize('backbone', ['', '_convnext-l', '_vit-h'])
def test_config_of_the_stage(tool, stored, config, backbone) -> None:
    config = config.replace('.py', f'{backbone}.py')
    numbers = StoredNumbers({stored: np.ones(1)})
    assert tool.default_config(numbers, backbone) == config
    assert (tool.CONFIGS / config).is_file()


def test_what_cannot_be_checked(tool, numbers, tmp_path, capsys) -> None:
    assert tool.main(['forward', 'gone.tsv', str(tmp_path / 'gone.npz')]) == 2
    assert tool.main(['losses', str(tmp_path / 'gone.tsv'), numbers]) == 2
    err = capsys.readouterr().err
    assert 'gone.npz' in err and 'gone.tsv is not a file' in err


def test_help_imports_nothing_heavy() -> None:
    code = (
        'import runpy, sys; sys.argv = ["check_parity.py", "--help"]\n'
        f'try: runpy.run_path({str(TOOL)!r}, run_name="__main__")\n'
        'except SystemExit: print([m for m in ("torch", "numpy") if m in sys.modules])'
    )
    out = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    ).stdout
    assert '--seed' in out
    assert out.strip().endswith('[]')
