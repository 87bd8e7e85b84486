"""The script that publishes: what it passes on, prints and returns."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from helpers.tools import load_tool
from uninext import model_zoo
from uninext.checkpoint.publish import PublishReport

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool() -> ModuleType:
    return load_tool('tools/model_converters/publish_model.py')


@pytest.fixture
def given(monkeypatch) -> list:
    calls = []

    def publish(*args):
        calls.append(args)
        return PublishReport(Path(args[2]), 1234567, 5, 3, 4e-4, 'a.weight', ())

    monkeypatch.setattr(model_zoo, 'publish_model', publish)
    return calls


def test_a_config_by_name_and_metrics(tool, given, tmp_path, capsys):
    metrics = tmp_path / 'metrics.json'
    metrics.write_text(json.dumps({'AP': 0.5}))
    argv = ['in.pth', 'stage2_image', 'out.safetensors', '--metrics', str(metrics)]
    assert tool.main(argv) == 0
    config = ROOT / 'configs' / 'uninext' / 'stage2_image.py'
    assert given == [('in.pth', config, 'out.safetensors', {'AP': 0.5})]
    out = capsys.readouterr().out
    assert '1,234,567 bytes' in out
    assert '4.0e-04 of its norm (a.weight)' in out


def test_a_config_by_path(tool, given, tmp_path):
    config = tmp_path / 'mine.py'
    config.touch()
    assert tool.main(['in.pth', str(config), 'out.safetensors']) == 0
    assert given == [('in.pth', config, 'out.safetensors', None)]


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['in.pth', 'stage2_imge', 'o.safetensors'], 'Did you mean'),
        (['in.pth', 'stage2_image', 'o.pth'], 'end in .safetensors'),
        (
            ['in.pth', 'stage2_image', 'o.safetensors', '--metrics', 'nowhere.json'],
            'nowhere.json',
        ),
    ],
)
def test_errors_for_people(tool, argv, message, capsys):
    assert tool.main(argv) == 2
    assert message in capsys.readouterr().err
