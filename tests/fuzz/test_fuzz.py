"""A slice of ``make fuzz``; seeds that are right, outcomes that are told apart."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from fuzz import driver
from fuzz.driver import ERROR, FINDING, RIGHT, run_cases
from fuzz.kinds import KINDS, Kind, cached
from uninext.formats.errors import DatasetError

SLICE = 2000


@pytest.mark.parametrize('name', KINDS)
def test_seeds_are_right(tmp_path: Path, name: str):
    kind = KINDS[name]
    for file, content in cached(kind.seed).items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    if cached(kind.seed):
        kind.read(tmp_path, random.Random(0))


def test_a_case_is_a_number(tmp_path: Path):
    kind = KINDS['results: coco']
    contents = []
    for folder in ('a', 'b'):
        kind.prepare(tmp_path / folder, random.Random('0'))
        files = sorted(p for p in (tmp_path / folder).rglob('*') if p.is_file())
        contents.append([path.read_bytes() for path in files])
    assert contents[0] == contents[1]
    assert contents[0] != list(cached(kind.seed).values())


def _seed() -> dict[str, bytes]:
    return {'a.bin': b'x' * 100}


def _read(action: str):
    def read(folder: Path, rng: random.Random) -> None:
        if action == 'words':
            raise DatasetError(f'{folder}/a.bin is damaged')
        if action == 'no file':
            raise DatasetError('it is damaged')
        if action == 'bug':
            return {}['key']
        if action == 'hang':
            time.sleep(60)
        if action == 'crash':
            signal.raise_signal(signal.SIGKILL)
        return None

    return read


@pytest.mark.parametrize(
    ('action', 'outcome', 'said'),
    [
        ('nothing', RIGHT, ''),
        ('words', ERROR, ''),
        ('no file', FINDING, 'no file is named'),
        ('bug', FINDING, 'KeyError'),
        ('hang', FINDING, 'hang'),
        ('crash', FINDING, 'crash: exit code -9'),
    ],
)
def test_outcomes(monkeypatch, action: str, outcome: str, said: str):
    if action == 'hang':  # on a busy machine a process may be slow to start
        monkeypatch.setattr(driver, 'TIME_LIMIT', 3)
    monkeypatch.setitem(KINDS, 'one', Kind(_seed, _read(action)))
    monkeypatch.setitem(KINDS, 'right', Kind(_seed, _read('nothing')))
    report = run_cases([('one', 0), ('right', 1)])
    assert report.counts == {('one', outcome): 1, ('right', RIGHT): 1}
    assert [said in detail for _, _, detail in report.findings] == [True] * (
        outcome == FINDING
    )


@pytest.mark.slow
def test_a_slice():
    numbers = range(SLICE // len(KINDS) + 1)
    report = run_cases([(kind, number) for number in numbers for kind in KINDS])
    assert not report.findings, report.grouped()
    assert sum(report.counts.values()) >= SLICE
    # Damage is noticed, and not all of it.
    assert 0.2 < sum(report.counts[kind, ERROR] for kind in KINDS) / SLICE < 0.8
