"""``make mutants``: change one thing of the source at random; does a test notice?

A test that fails notices a mutant, and so does a time limit: tests that name its file
or what the file defines, then those of its room. All is done in a copy of the tree.
Outcomes are kept in work_dirs/mutants, and the same command goes on from there.

``changes``: what a mutant is. ``forks``: runs tests in forks. ``equivalents.yml``:
changes that no test can notice, left out. Own code, as mutmut and cosmic-ray try whole
packages with one command of tests: no sample over rooms, no tests by file.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import yaml

from mutants.changes import Mutant, is_other_code, mutants_of
from mutants.forks import Copy

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ['models', 'evaluation', 'datasets', 'structures', 'engine']
EQUIVALENTS = Path(__file__).with_name('equivalents.yml')


class State:
    """Lines of JSON in a file: a sample and its outcomes, or seconds of tests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        text = path.read_text(encoding='utf-8')
        whole = text[: text.rfind('\n') + 1]  # a kill may have cut the last line
        path.write_text(whole, encoding='utf-8')
        self.lines = [json.loads(line) for line in whole.splitlines()]

    def add(self, **line: Any) -> None:
        """Append a line."""
        self.lines.append(line)
        with self.path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(line) + '\n')

    def last(self, name: str, **known: Any) -> Any:
        """The value of a name in the newest line that has it and these values."""
        for line in reversed(self.lines):
            if name in line and known.items() <= line.items():
                return line[name]
        return None


def main() -> int:
    """Run mutants; exit status."""
    parser = argparse.ArgumentParser(prog='mutants', description=__doc__.split('\n')[0])
    parser.add_argument('--num', type=int, default=60, help='how many mutants')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--room', nargs='+', default=ROOMS, help='or engine/loops.py')
    parser.add_argument('--again', action='store_true', help='try survivors again')
    parser.add_argument('--root', type=Path, default=ROOT)
    parser.add_argument('--package', default='uninext')
    args = parser.parse_args()
    root = args.root.resolve()
    rooms = 'all' if args.room == ROOMS else '-'.join(args.room).replace('/', '.')
    name = f'{rooms}-seed{args.seed}-n{args.num}.jsonl'
    state = State(root / 'work_dirs/mutants' / name)
    sample = find_sample(root, args, state)
    # So that the temporary folder is removed:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('The same command goes on.'))
    with tempfile.TemporaryDirectory(prefix='mutants-') as folder:
        outcomes = try_all(Copy(root, Path(folder), args.package), sample, state, args)
    print_report(outcomes)
    return 0


def find_sample(root: Path, args: argparse.Namespace, state: State) -> list[Mutant]:
    """The mutants of the state file that are still there, or new random ones."""
    found = sorted(
        path.relative_to(root).as_posix()
        for place in (root / args.package / room for room in args.room)
        for path in (place.rglob('*.py') if place.is_dir() else [place])
    )
    equivalent = {equivalent_key(line) for line in read_equivalents()}
    mutants = [mutant for file in found for mutant in mutants_of(root, file)]
    mutants = [mutant for mutant in mutants if tuple(mutant.key[:3]) not in equivalent]
    if kept := state.last('sample'):
        by_key = {tuple(mutant.key): mutant for mutant in mutants}
        sample = [by_key[tuple(key)] for key in kept if tuple(key) in by_key]
        gone = len(kept) - len(sample)
        print(f'{state.path} goes on; {gone} are gone or listed as equivalent')
        return sample
    total, sample = len(mutants), []
    random.Random(args.seed).shuffle(mutants)
    while mutants and len(sample) < args.num:
        mutant = mutants.pop()
        sample += [mutant] if is_other_code(root, mutant) else []
    state.add(sample=[mutant.key for mutant in sample])
    print(f'{len(sample)} of {total} mutants, seed {args.seed}; to {state.path}')
    return sample


def read_equivalents() -> list[dict[str, str]]:
    """Changes that no test can notice: ``file, line, becomes, reason``."""
    return yaml.safe_load(EQUIVALENTS.read_text(encoding='utf-8')) or []


def equivalent_key(line: dict[str, str]) -> tuple[str, str, str]:
    """What an equivalent and its mutants have in common."""
    return line['file'], line['line'], line['becomes']


def try_all(
    copy: Copy, sample: list[Mutant], state: State, args: argparse.Namespace
) -> dict[Mutant, str]:
    """Run the tests of all mutants that have no outcome yet, a line for each."""
    todo = {'passed', None} if args.again else {None}
    outcomes = {m: state.last('outcome', mutant=m.key) for m in sample}
    left = [mutant for mutant in sample if outcomes[mutant] in todo]
    rooms = sorted({room_of(mutant) for mutant in left})
    copy.enter(rooms) if rooms else None
    usual = State(state.path.with_name('times.jsonl'))  # of all samples
    times, unknown = {}, {}
    for room in rooms:
        for file, digest in copy.tests_in(room).items():
            times[file] = usual.last('seconds', file=file, digest=digest)
            if times[file] is None:
                unknown[file] = digest
    if unknown:
        print(f'{len(unknown)} test files without a change ...', flush=True)
        for file, seconds in copy.usual_times(list(unknown)).items():
            times[file] = seconds
            usual.add(file=file, digest=unknown[file], seconds=seconds)
    for index, mutant in enumerate(left, 1):
        found = copy.meet_tests(mutant, times)
        state.add(mutant=mutant.key, **found)
        outcomes[mutant] = found['outcome']
        word = {'passed': 'SURVIVED', 'failed': 'noticed'}.get(*[found['outcome']] * 2)
        print(f'{index}/{len(left)} {word} {found["seconds"]:.1f} s  {mutant}')
        print(f'      {found["by"]}' if found['by'] else '', flush=True)
    return outcomes


def print_report(outcomes: dict[Mutant, str]) -> None:
    """Print the share noticed of each room, then what no test noticed."""
    rooms = defaultdict(Counter)
    for mutant, outcome in outcomes.items():
        rooms[room_of(mutant)][outcome] += 1
        rooms['all'][outcome] += 1
    for room, counts in sorted(rooms.items(), key=lambda item: item[0] == 'all'):
        total, noticed = counts.total(), counts.total() - counts['passed']
        late = f', {counts["time-out"]} by the time limit' * bool(counts['time-out'])
        print(f'{room:12} {noticed / total:6.1%} noticed: {noticed} of {total}{late}')
    for mutant in (mutant for mutant in outcomes if outcomes[mutant] == 'passed'):
        print(f'survived: {mutant}')


def room_of(mutant: Mutant) -> str:
    """The folder of the package in which its file is."""
    return Path(mutant.file).parts[1]


if __name__ == '__main__':
    sys.exit(main())
