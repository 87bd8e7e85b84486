"""``uninext train --replay``: the iteration that was not finite, once more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.tools import message_of_failure
from uninext.cli import main

TOY = Path(__file__).resolve().parents[1] / 'helpers/toy_config.py'
BROKEN = 'train_dataloader.dataset.broken=17'


def options(name: str, *values: str) -> list[str]:
    """Loggers are global by name."""
    return ['--cfg-options', f'experiment_name={name}', *values]


def test_what_is_no_such_folder(tmp_path, capsys):
    said = message_of_failure(main, capsys, 'train', TOY, '--replay', tmp_path)
    assert f'{tmp_path} does not hold state.pth and rank_0.json' in said


def test_it_comes_out_as_before_or_is_told(tmp_path, capsys):
    first = message_of_failure(
        main, capsys, 'train', TOY, '--work-dir', tmp_path, *options('first', BROKEN)
    )
    (folder,) = tmp_path.glob('nonfinite_iter_*')
    assert f'uninext train CONFIG --replay {folder}' in first
    before = json.loads((folder / 'rank_0.json').read_text())

    argv = ['train', TOY, '--replay', folder]
    again = message_of_failure(main, capsys, *argv, *options('again', BROKEN))
    assert again.split(', process')[0] == first.split(', process')[0]
    (copy,) = (folder / 'replay').glob('nonfinite_iter_*')
    # equal to the bit, but for what is no number and equals nothing
    assert str(json.loads((copy / 'rank_0.json').read_text())) == str(before)

    assert main([str(word) for word in [*argv, *options('whole')]]) == 0
    assert 'came out finite this time' in capsys.readouterr().out
    assert not list((folder / 'replay').glob('*.pth'))


@pytest.mark.parametrize('size', [2, 16])
def test_another_number_of_processes(tmp_path, capsys, size):
    (tmp_path / 'state.pth').touch()
    (tmp_path / 'rank_0.json').write_text(json.dumps(dict(world_size=size)))
    said = message_of_failure(main, capsys, 'train', TOY, '--replay', tmp_path)
    assert (
        f'is of {size} processes, not of 1: tools/dist_train.sh CONFIG {size}' in said
    )


@pytest.mark.parametrize('other', ['--dry-run', '--resume'])
def test_what_it_does_not_go_with(tmp_path, capsys, other):
    argv = 'train', TOY, '--replay', tmp_path, other
    assert 'it takes no --data' in message_of_failure(main, capsys, *argv)
