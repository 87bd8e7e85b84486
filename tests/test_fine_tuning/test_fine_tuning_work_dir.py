"""What an earlier run left is not lost unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from uninext.fine_tuning.work_dir import begin_run, check_run_folder, results_in


def test_an_empty_folder_and_none_are_free(tmp_path: Path):
    check_run_folder(tmp_path, [])
    check_run_folder(tmp_path / 'run', ['uninext_tiny', tmp_path / 'a.json'])
    assert begin_run(tmp_path / 'run', 'a = 1') == []
    assert (tmp_path / 'run/config.py').read_text() == 'a = 1'


def test_what_was_only_prepared_may_be_prepared_again(tmp_path: Path):
    begin_run(tmp_path, 'a = 1')
    check_run_folder(tmp_path, [])
    begin_run(tmp_path, 'a = 2')
    check_run_folder(tmp_path, [])


@pytest.mark.parametrize('change', ['edited', 'a config of others', 'trained'])
def test_what_would_be_lost_is_named(tmp_path: Path, change: str):
    if change == 'a config of others':
        (tmp_path / 'config.py').write_text('a = 1')
        expected = r'\(config\.py\)'
    elif change == 'edited':
        begin_run(tmp_path, 'a = 1')
        (tmp_path / 'config.py').write_text('a = 2')
        expected = r'\(config\.py\)'
    else:
        begin_run(tmp_path, 'a = 1')
        (tmp_path / 'iter_300.pth').touch()
        expected = r'\(iter_300\.pth\)'
    with pytest.raises(ValueError, match=f'run already {expected}.*--overwrite'):
        check_run_folder(tmp_path, [])
    check_run_folder(tmp_path, [], overwrite=True)


def test_an_older_checkpoint_is_not_left_for_resume(tmp_path: Path):
    """Of more iterations, it would be taken for the newest of the new run."""
    begin_run(tmp_path, 'a = 1')
    names = ['iter_300.pth', 'last_checkpoint', 'metrics.json']
    for name in [*names, 'mine.txt', 'weights.pth']:
        (tmp_path / name).touch()
    assert [path.name for path in begin_run(tmp_path, 'a = 2')] == names
    assert not results_in(tmp_path)
    assert (tmp_path / 'mine.txt').exists() and (tmp_path / 'weights.pth').exists()


@pytest.mark.parametrize('name', ['iter_300.pth', 'config.py', 'data/names_train.json'])
def test_what_is_read_is_not_replaced(tmp_path: Path, name: str):
    begin_run(tmp_path, 'a = 1')
    (tmp_path / 'iter_300.pth').touch()
    with pytest.raises(ValueError, match=f'{name} is read by this run'):
        check_run_folder(tmp_path, [tmp_path / name], overwrite=True)
