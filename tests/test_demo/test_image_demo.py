from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from helpers.tools import load_tool, message_of_failure


@pytest.fixture
def demo() -> ModuleType:
    return load_tool('demo/image_demo.py')


def test_a_folder_without_data_is_one_line_of_error(
    demo: ModuleType, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.delenv('UNINEXT_TRACEBACK', raising=False)
    out = ['--out', str(tmp_path / 'out')]
    argv = ('--data', tmp_path, *out)
    assert 'no COCO annotations' in message_of_failure(demo.main, capsys, *argv)


def test_it_is_the_fine_tuning_of_the_command(demo, tmp_path: Path, monkeypatch):
    given: list[list[str]] = []
    monkeypatch.setattr(demo, 'uninext', lambda argv: given.append(argv) or 0)
    monkeypatch.setattr(demo, 'NUM_TRAIN', 2)
    monkeypatch.setattr(demo, 'NUM_VAL', 1)
    out = str(tmp_path)
    assert demo.main(['--data', 'mine', '--out', out, '--lr', '1e-5']) == 0
    run = ['--data', 'mine', '--work-dir', f'{out}/run', '--overwrite']
    size = ['--iters', '220', '--val-expressions', '60']
    assert given[0] == ['train', *run, *size, '--lr', '1e-5']
    assert demo.main(['--out', out]) == 0  # a generated set
    assert given[1][2] == f'{out}/shapes'
    assert (tmp_path / 'shapes/annotations/refs_train.json').is_file()
