"""``make compat``: what is installed, compared and told; no environment is made."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from compatibility import run
from compatibility.cells import CELLS, REFERENCE, lowest, ranges
from compatibility.checks import BOX, NOISE, SCORE, compare
from compatibility.environments import Environment, Failed, find_python
from compatibility.page import DATA, PAGE, cells_table, failures_list, page_parts
from compatibility.run import is_done, try_cell
from uninext.utils.marked_pages import fill

BOX_XYXY = [0.0, 1.0, 20.0, 30.0]


def instance(score: float = 0.5, **fields) -> dict:
    return dict(
        dict(prompt_id=0, label='ring', score=score, box_xyxy=BOX_XYXY), **fields
    )


def record(**said: str) -> dict:
    checks = {k: dict(passed=not v, said=v) for k, v in said.items()}
    return dict(versions=dict(python='3.11.7', torch='2.13.0'), checks=checks)


# ------------------------------------------------------------------------------- cells


def test_the_reference_comes_first_and_is_what_requirements_say() -> None:
    assert next(iter(CELLS)) == REFERENCE
    assert CELLS[REFERENCE].pins == ()
    names = [Requirement(line).name for line in CELLS[REFERENCE].constraints()]
    assert {'torch', 'transformers', 'onedl-mmengine'} <= set(names)


@pytest.mark.parametrize('name', CELLS)
def test_a_package_is_constrained_once_and_within_setup_cfg(name) -> None:
    allowed = {r.name: r.specifier for r in ranges()}
    lines = [Requirement(line) for line in CELLS[name].constraints()]
    assert len({line.name for line in lines}) == len(lines)
    for line in lines:
        for spec in line.specifier:
            if spec.operator == '==':
                version = spec.version.removesuffix('.*')
                assert allowed[line.name].contains(version), line


def test_the_lowest_cell_has_all_that_is_required() -> None:
    cell = CELLS['lowest']
    assert {Requirement(line).name for line in cell.constraints()} == set(lowest())
    assert cell.torch.startswith(lowest()['torch'])


# ------------------------------------------------------------------------ environments


@pytest.fixture
def environment(tmp_path) -> Environment:
    """One whose Python is this one."""
    environment = Environment(tmp_path)
    environment.bin.mkdir(parents=True)
    (environment.bin / 'python').symlink_to(sys.executable)
    return environment


def test_a_command_tells_both_its_streams(environment) -> None:
    code = 'import sys; print(1); print(2, file=sys.stderr)'
    assert environment.run('python', '-c', code) == '1\n2\n'


def test_a_command_that_fails_says_why(environment, tmp_path) -> None:
    code = 'import sys; print("noise"); raise KeyError(sys.argv[1])'
    place = f'{tmp_path} of ftp://host/x'
    with pytest.raises(Failed) as caught:
        environment.run('python', '-c', code, place)
    assert str(caught.value) == "KeyError: 'FOLDER of ADDRESS"
    assert 'noise' in (tmp_path / 'failed.log').read_text()


def test_last_words_of_nothing(environment) -> None:
    assert environment.last_words('') == 'nothing'
    assert environment.last_words('error: no\nbye') == 'error: no'


def test_a_package_that_is_absent_has_no_version(environment) -> None:
    assert set(environment.versions(['no-such-package'])) == {'python'}


def test_a_python_is_looked_for(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv('PYENV_ROOT', str(tmp_path))
    with pytest.raises(Failed, match=r'no Python 2\.0'):
        find_python('2.0')
    own = '.'.join(map(str, sys.version_info[:2]))
    path = tmp_path / f'versions/{own}.0/bin/python'
    path.parent.mkdir(parents=True)
    path.symlink_to(sys.executable)
    assert find_python(own) == str(path)


# ------------------------------------------------------------------------------ checks


def test_nothing_found_is_equal_to_nothing() -> None:
    assert compare([], []) == 'boxes within 0 px, scores within 0'


def test_differences_up_to_the_tolerance_pass() -> None:
    moved = [BOX_XYXY[0] - BOX / 2, *BOX_XYXY[1:]]
    told = compare([instance(0.5 + SCORE / 2, box_xyxy=moved)], [instance()])
    assert told == f'boxes within {BOX / 2:.1g} px, scores within {SCORE / 2:.1g}'


@pytest.mark.parametrize(
    ('other', 'said'),
    [
        ([], 'expected'),
        ([instance(label='star')], 'star'),
        ([instance(prompt_id=1)], 'expected'),
        ([instance(0.5 - 2 * SCORE)], 'allowed'),
        ([instance(box_xyxy=[0.0, 1.0, 20.0, 30.0 + 2 * BOX])], 'allowed'),
    ],
)
def test_other_answers_fail(other, said) -> None:
    with pytest.raises(Failed, match=said):
        compare(other, [instance()])


@pytest.mark.parametrize('line', ['Could not import OneDL', 'x.py:1: FutureWarning: y'])
def test_noise_is_heard(line) -> None:
    assert NOISE.search(line)
    assert not NOISE.search('found in 1 image: 3 x star')


# --------------------------------------------------------------------------------- run


def test_a_cell_is_done_when_its_checks_ran(tmp_path) -> None:
    told = tmp_path / 'a.json'
    assert not is_done(told, ['install'])
    for said, wanted, done in (
        (record(install=''), ['install', 'predict'], False),
        (record(install='', predict='other boxes'), ['install', 'predict'], True),
        (record(install='no wheel'), ['install', 'predict'], True),
    ):
        told.write_text(json.dumps(said))
        assert is_done(told, wanted) == done


def test_what_could_not_be_installed_is_not_checked(environment, monkeypatch) -> None:
    def refuse(*args) -> None:
        raise Failed('no wheel')

    monkeypatch.setattr(environment, 'install', refuse)
    unused = environment.folder
    (record,) = try_cell(REFERENCE, environment, unused, unused, [])
    told = dict(install=dict(passed=False, said='no wheel'))
    assert record == dict(versions={}, checks=told)


# -------------------------------------------------------------------------------- page


def test_cells_that_were_not_run_again_keep_their_rows(monkeypatch, tmp_path) -> None:
    """And the first one of them is what the others are compared with."""
    written = {}
    known = {REFERENCE: {**record(install=''), 'instances': []}, 'upstream': record()}
    for name, fake in dict(
        earlier=lambda: known,
        copy_source=lambda _: tmp_path,
        make_image=lambda _: (tmp_path, []),
        write_page=written.update,
        try_cell=lambda name, *_: [{**record(install=''), 'versions': {'torch': '9'}}],
    ).items():
        monkeypatch.setattr(run, name, fake)
    words = ['compatibility', '--cells', 'locked', '--write', '--folder', str(tmp_path)]
    monkeypatch.setattr(run.sys, 'argv', words)
    monkeypatch.setattr(run.os, 'nice', lambda _: None)
    assert run.main() == 0
    assert written.keys() == {REFERENCE, 'locked', 'upstream'}
    assert written['locked']['versions'] == {'torch': '9'}
    assert written['upstream'] is known['upstream']


def test_no_cell_was_run() -> None:
    lines = cells_table({}).splitlines()
    assert len(lines) == 2 + len(CELLS)
    assert all(line.count('not run') == 5 for line in lines[2:])
    assert failures_list({}) == 'Nothing failed.'


def test_a_failure_is_in_the_row_and_in_the_list() -> None:
    records = {REFERENCE: record(install='', predict='no `star`')}
    row = cells_table(records).splitlines()[2]
    assert [cell.strip() for cell in row.split('|')][7:9] == ['passed', '**failed**']
    assert failures_list(records) == f"- `{REFERENCE}`, predict: `no 'star'`"


def test_the_page_tells_what_was_found() -> None:
    """If this fails: make compat, or write the page by compatibility.page."""
    records = json.loads(Path(DATA).read_text())
    assert set(records) <= set(CELLS)
    page = Path(PAGE).read_text()
    assert page == fill(page, page_parts(records))
