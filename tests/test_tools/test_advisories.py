"""Locked versions are looked up as OSV's schema says."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from helpers.tools import load_tool, message_of_failure

LOCK = """\
pillow==9.1.0 ; sys_platform == 'linux' \\
    --hash=sha256:0a
Py_YAML==6.0 \\
    --hash=sha256:0b
"""
SPAN = dict(
    type='ECOSYSTEM',
    events=[{'introduced': '0'}, {'fixed': '9.1.1'}, {'introduced': '10'}],
)


@pytest.fixture(scope='module')
def tool():
    return load_tool('tools/misc/advisories.py')


@pytest.fixture
def lock(tmp_path) -> Path:
    (tmp_path / 'lock.txt').write_text(LOCK)
    return tmp_path / 'lock.txt'


def record(name: str = 'pillow', ecosystem: str = 'PyPI', **fields) -> dict:
    package = dict(name=name, ecosystem=ecosystem)
    return dict(
        dict(id='PYSEC-1', aliases=['CVE-1'], summary='A hole.'),
        affected=[dict(dict(package=package, ranges=[SPAN]), **fields)],
    )


def run(tool, lock: Path, path: Path, *more: str) -> int:
    return tool.main([str(path), '--lock', str(lock), *more])


def test_nothing_to_look_in_is_an_error(tool, lock, tmp_path, capsys) -> None:
    empty = tmp_path / 'empty'
    empty.mkdir()
    for path in (empty, tmp_path / 'gone.json'):
        said = message_of_failure(tool.main, capsys, path, '--lock', lock)
        assert str(path) in said
    lock.write_text('')
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(record()))
    said = message_of_failure(tool.main, capsys, path, '--lock', lock)
    assert 'no line name==version' in said


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"affected": [{}]}'])
def test_what_is_no_advisory_is_named(tool, lock, tmp_path, capsys, text) -> None:
    path = tmp_path / 'a.json'
    path.write_text(text)
    assert 'a.json' in message_of_failure(tool.main, capsys, path, '--lock', lock)


@pytest.mark.parametrize(
    ('version', 'inside'),
    [('0.1', True), ('9.1', True), ('9.1.1', False), ('9.9', False), ('10.0', True)],
)
def test_ranges(tool, version, inside) -> None:
    assert tool.affects(dict(ranges=[SPAN]), version) == inside


def test_the_last_one_is_affected_and_commits_say_nothing(tool) -> None:
    span = dict(SPAN, events=[{'last_affected': '2.9'}, {'introduced': '1.0rc1'}])
    inside = [
        tool.affects(dict(ranges=[span]), v) for v in ('0.9', '1.0', '2.9', '2.10')
    ]
    assert inside == [False, True, True, False]
    assert not tool.affects(dict(ranges=[dict(SPAN, type='GIT')]), '1')
    assert tool.affects(dict(versions=['1']), '1')


@pytest.mark.parametrize('kind', ['json', 'yaml', 'folder', 'zip'])
def test_an_affected_version_is_told(tool, lock, tmp_path, capsys, kind) -> None:
    import yaml

    text = json.dumps(record())
    path = tmp_path / 'found'
    if kind == 'zip':
        path = path.with_suffix('.zip')
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('vulns/pillow/PYSEC-1.json', text)
    elif kind == 'folder':
        (path / 'vulns').mkdir(parents=True)
        (path / 'vulns' / 'PYSEC-1.yaml').write_text(yaml.dump(record()))
    else:
        path = path.with_suffix(f'.{kind}')
        path.write_text(text if kind == 'json' else yaml.dump(record()))
    assert run(tool, lock, path) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == 'pillow 9.1.0: CVE-1 PYSEC-1: A hole.'
    assert said[1] == '1 advisories, 2 versions: 1 affected'
    assert run(tool, lock, path, '--ignore', 'CVE-1') == 0


def test_names_are_those_of_pypi(tool, lock, tmp_path) -> None:
    def status(**fields) -> int:
        withdrawn = fields.pop('withdrawn', None)
        content = [record('other'), record(**fields)]
        content[1] |= dict(withdrawn=withdrawn) if withdrawn else {}
        for number, one in enumerate(content):
            (tmp_path / f'{number}.json').write_text(json.dumps(one))
        return run(tool, lock, tmp_path)

    assert status(name='PY.yaml') == 1
    assert status(ecosystem='npm') == 0
    assert status(withdrawn='2026-01-01T00:00:00Z') == 0
