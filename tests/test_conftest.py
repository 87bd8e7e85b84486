"""Where published results are found, and where tests skip."""

from __future__ import annotations

from pathlib import Path

import pytest

VARIABLE = 'UNINEXT_TEST_NOTHING'
MARKS = ('a/expected.json', 'b.tsv')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'ours/a').mkdir(parents=True)
    for mark in MARKS:
        (tmp_path / 'ours' / mark).write_text('')
    return tmp_path / 'ours'


def test_an_absent_folder_skips(tmp_path: Path, folder_finder):
    with pytest.raises(pytest.skip.Exception, match=VARIABLE):
        folder_finder(VARIABLE, tmp_path / 'absent', MARKS)


def test_a_folder_of_somebody_else_skips(folder: Path, folder_finder):
    (folder / 'b.tsv').unlink()
    with pytest.raises(pytest.skip.Exception, match='b.tsv'):
        folder_finder(VARIABLE, folder, MARKS)


def test_the_variable_names_the_folder(
    tmp_path: Path, folder: Path, monkeypatch, folder_finder
):
    assert folder_finder(VARIABLE, folder, MARKS) == folder
    monkeypatch.setenv(VARIABLE, str(folder))
    assert folder_finder(VARIABLE, tmp_path / 'absent', MARKS) == folder


def test_a_wrong_variable_does_not_skip_in_silence(
    folder: Path, monkeypatch, folder_finder
):
    monkeypatch.setenv(VARIABLE, str(folder.parent))
    with pytest.raises(pytest.fail.Exception, match='expected.json and no b.tsv'):
        folder_finder(VARIABLE, folder, MARKS)
