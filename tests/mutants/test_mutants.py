"""What is changed, and what is not; a run over a package of one file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from helpers.tools import ROOT
from mutants.changes import Mutant, is_other_code, mutants_of
from mutants.sample import equivalent_key, read_equivalents

NO_CODE = '''
"""Of 3 > 2."""
from typing import Literal

number: Literal[1, 2]


class Thing:
    """1 + 1."""

    def __repr__(self) -> str:
        return 'Thing' * 2


def refuse(value: Literal[3]) -> None:
    raise ValueError(f'{value + 1}' + 'is' * 2)
'''

CHANGES = {
    'none': ('', []),
    'order': ('a < b', ['a <= b', 'a >= b']),
    'chain': ('a <= b == c', ['a < b == c', 'a > b == c', 'a <= b != c']),
    'member': ('a  not  in b', ['a  in b']),
    'identity': ('a is b', ['a is not b']),
    'arithmetic': ('(a + b) * c', ['(a - b) * c', '(a + b) / c']),
    'no other': ('a @ b', []),
    'assignment': ('a += b', ['a -= b']),
    'boolean': ('a and b and c', ['a or b and c', 'a and b or c']),
    'number': ('a[1, .5]', ['a[2, .5]', 'a[1, 1.0]']),
    'sign': ('-a', ['a']),
    'zero': ('a = 0.0, 0', ['a = 1.0, 0', 'a = 0.0, 1']),
    'flag': ('a = True', ['a = False']),
    'inverse': ('a if not b else c', ['a if b else c']),
    'condition': ('if a: b', ['if (not (a)): b']),
    'a > b': ('if a > b: c', ['if (not (a > b)): c', 'if a >= b: c', 'if a <= b: c']),
    'filter': ('[a for a in b if a]', ['[a for a in b if (not (a))]']),
    'bytes': ('"é" if "é" in b else c', ['"é" if "é" not in b else c']),
    'return': ('def f(): return a', ['def f(): return None']),
    'nothing': ('def f(): return None', []),
    'default': ('def f(a="b", c=d): e', ["def f(a='b_', c=d): e"]),
    'said': ('warnings.warn("a" + b)', []),
    'assertion': ('assert a, b + c', ['assert (not (a)), b + c']),
}


@pytest.mark.parametrize(('source', 'expected'), CHANGES.values(), ids=CHANGES)
def test_changes(tmp_path: Path, source: str, expected: list[str]):
    (tmp_path / 'a.py').write_text(source + '\n', encoding='utf-8')
    mutants = list(mutants_of(tmp_path, 'a.py'))
    made = {mutant.apply(source.encode()).decode() for mutant in mutants}
    assert made == set(expected)
    assert len(mutants) == len(expected)
    assert all(is_other_code(tmp_path, mutant) for mutant in mutants)


def test_no_change_of_what_is_no_code(tmp_path: Path):
    (tmp_path / 'a.py').write_text(NO_CODE, encoding='utf-8')
    assert list(mutants_of(tmp_path, 'a.py')) == []


def test_same_code_in_other_words_is_no_mutant(tmp_path: Path):
    (tmp_path / 'a.py').write_text('a + b\n', encoding='utf-8')
    (mutant,) = mutants_of(tmp_path, 'a.py')
    assert is_other_code(tmp_path, mutant)
    assert not is_other_code(tmp_path, replace(mutant, text='  + '))
    assert not is_other_code(tmp_path, replace(mutant, text=') + '))


def test_equal_lines_are_told_apart_by_a_number(tmp_path: Path):
    """Also after lines before them have changed."""
    (tmp_path / 'a.py').write_text('a + b\n\na + b\n')
    keys = [mutant.key for mutant in mutants_of(tmp_path, 'a.py')]
    assert keys == [['a.py', 'a + b', 'a - b', 0], ['a.py', 'a + b', 'a - b', 1]]
    (tmp_path / 'a.py').write_text('c = d\na + b  \na + b\n')
    assert keys == [mutant.key for mutant in mutants_of(tmp_path, 'a.py')]


@pytest.mark.parametrize('line', read_equivalents(), ids=lambda line: line['line'])
def test_equivalents_are_still_there(line: dict[str, str]):
    """If this fails: the line is another now. Is the change still unseen?"""
    assert set(line) == {'file', 'line', 'becomes', 'reason'}
    known = {tuple(mutant.key[:3]) for mutant in _mutants_of(line['file'])}
    assert equivalent_key(line) in known


@cache
def _mutants_of(file: str) -> list[Mutant]:
    return list(mutants_of(ROOT, file))


CLIP = """
def clip(number: int, low: int = 0) -> int:
    if number < low:
        return low
    return number
"""
TEST = """
from tiny.sums.clip import clip


def test_clip():
    assert clip(-1) == 0
    assert clip(3) == 3
"""
TINY = ('-m', 'mutants.sample', '--package=tiny', '--room=sums')
SLOW = 'from time import sleep\n\n\ndef test_slow():\n    sleep(60)\n'
LIMITED = """
import sys
from pathlib import Path
from mutants.forks import Copy

copy = Copy(*map(Path, sys.argv[1:]), 'tiny')
copy.enter([])
print(copy.run(['tests/test_slow.py'], seconds=1))
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A repository of one function and one test, which leaves one mutant."""
    files = {'tiny/sums/clip.py': CLIP, 'tests/test_sums/test_clip.py': TEST}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding='utf-8')
    (tmp_path / '.gitignore').write_text('work_dirs\n__pycache__\n', encoding='utf-8')
    subprocess.run(['git', 'init', '-q'], cwd=tmp_path, check=True)
    return tmp_path


def run(*words: object) -> str:
    """Run Python where tests may be imported; what it printed."""
    given = os.environ | {'PYTHONPATH': str(ROOT / 'tests')}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, env=given, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def run_mutants(root: Path, *words: str) -> str:
    """Run the tool on the tiny package."""
    return run(*TINY, '--root', root, *words)


def test_a_run_that_is_cut_goes_on(tiny: Path):
    said = run_mutants(tiny)
    report = 'all           83.3% noticed: 5 of 6\nsurvived: tiny/sums/clip.py:3  '
    survivor = 'if number < low:  ->  if number <= low:'
    assert said.endswith(f'{report}{survivor}\n')
    assert said.count(' noticed 0.') + said.count(' noticed 1.') == 5, said
    assert (tiny / 'tiny/sums/clip.py').read_text(encoding='utf-8') == CLIP
    tracked = ['git', 'ls-files', '-o', '--exclude-standard']
    assert len(subprocess.check_output(tracked, cwd=tiny).split()) == 3

    (state,) = (tiny / 'work_dirs/mutants').glob('sums-*')
    lines = state.read_text(encoding='utf-8').splitlines()
    assert len(lines) == 7, 'a sample, six outcomes'
    state.write_text('\n'.join(lines[:4]) + '\n' + lines[4][:20], encoding='utf-8')
    said = run_mutants(tiny)
    assert said.count('sums/clip.py:') == 3 + 1, 'three more, and the report'
    assert said.endswith(f'{report}{survivor}\n')

    with (tiny / 'tests/test_sums/test_clip.py').open('a', encoding='utf-8') as file:
        file.write('    assert clip(False) is False\n')
    said = run_mutants(tiny, '--again')
    assert '1/1 noticed' in said
    assert said.endswith('all          100.0% noticed: 6 of 6\n')


def test_tests_have_to_pass_without_a_change(tiny: Path):
    path = tiny / 'tests/test_sums/test_clip.py'
    path.write_text(TEST.replace('== 3', '== 4'), encoding='utf-8')
    with pytest.raises(subprocess.CalledProcessError):
        run_mutants(tiny)
    (state,) = (tiny / 'work_dirs/mutants').glob('sums-*')
    assert list(json.loads(state.read_text(encoding='utf-8'))) == ['sample']


def test_a_time_limit_ends_all(tiny: Path, tmp_path_factory: pytest.TempPathFactory):
    (tiny / 'tests/test_slow.py').write_text(SLOW, encoding='utf-8')
    folder = tmp_path_factory.mktemp('copy')
    assert "'outcome': 'time-out'" in run('-c', LIMITED, tiny, folder)
