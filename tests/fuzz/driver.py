"""Run cases in processes of their own, which may hang or die."""

from __future__ import annotations

import gc
import multiprocessing
import random
import re
import resource
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz.kinds import KINDS
from uninext.apis.images import SourceWarning
from uninext.utils.error_origin import is_for_users, message_of

RIGHT, SKIPPED, ERROR, FINDING = 'right', 'skipped', 'error', 'finding'
OUTCOMES = (RIGHT, SKIPPED, ERROR, FINDING)
TIME_LIMIT = 20.0  # seconds without a word from a process
MEMORY = 6 << 30  # bytes that a case may add


@dataclass
class Report:
    """Counts by kind and outcome; a finding as (kind, number, what)."""

    counts: Counter = field(default_factory=Counter)
    findings: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, kind: str, number: int, outcome: str, detail: str) -> None:
        """Count a case."""
        self.counts[kind, outcome] += 1
        if outcome == FINDING:
            self.findings.append((kind, number, detail))

    def grouped(self) -> list[tuple[tuple[str, int, str], int]]:
        """One finding of each line of code, and how many there are; most first."""
        first, counts = {}, Counter()
        for finding in self.findings:
            lines = re.findall(r'  File .*', finding[2])
            key = lines[-1] if lines else finding[0] + finding[2]
            first.setdefault(key, finding)
            counts[key] += 1
        return [(first[key], count) for key, count in counts.most_common()]

    def __str__(self) -> str:
        head = f'{"":30}' + ''.join(f'{outcome:>10}' for outcome in OUTCOMES)
        rows = [(kind, [self.counts[kind, o] for o in OUTCOMES]) for kind in KINDS]
        totals = [sum(counts) for counts in zip(*(counts for _, counts in rows))]
        lines = [
            f'{name:30}' + ''.join(f'{count:10,}' for count in counts)
            for name, counts in [*rows, ('all', totals)]
        ]
        return '\n'.join([head, *lines])


def run_case(kind: str, number: int, seed: int = 0) -> tuple[str, str]:
    """Outcome of a case, and what was said."""
    rng = random.Random(f'{seed} {kind} {number}')
    with (
        tempfile.TemporaryDirectory() as name,
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter('always')
        folder = Path(name)
        names = KINDS[kind].prepare(folder, rng)
        try:
            KINDS[kind].read(folder, rng)
        except Exception as error:
            message = message_of(error)
            shown = ''.join(traceback.format_exception(error)[-4:])
            if not is_for_users(error):
                return FINDING, shown
            parts = {part for path in names for part in Path(path).parts}
            parts |= {'passwd', folder.name}  # of an annotation; if no file is left
            if KINDS[kind].names_files and not any(part in message for part in parts):
                return FINDING, f'no file is named: {shown}'
            return ERROR, message
    skipped = any(issubclass(w.category, SourceWarning) for w in told)
    return (SKIPPED, str(told[0].message)) if skipped else (RIGHT, '')


def run_cases(cases: Sequence[tuple[str, int]], seed: int = 0) -> Report:
    """Run cases in turn; a hang or a crash ends its process, not the run."""
    report, start = Report(), 0
    while start < len(cases):
        for place, outcome, detail in _in_process(cases[start:], seed):
            report.add(*cases[start + place], outcome, detail)
            done = start + place + 1
        start = done
    return report


def _in_process(
    cases: Sequence[tuple[str, int]], seed: int
) -> Iterator[tuple[int, str, str]]:
    context = multiprocessing.get_context('fork')
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, cases, seed), daemon=True)
    process.start()
    theirs.close()
    place = 0
    try:
        for place in range(len(cases)):
            if not ours.poll(TIME_LIMIT):
                yield place, FINDING, f'hang: {TIME_LIMIT:g} s without an answer'
                return
            yield place, *ours.recv()
    except EOFError:
        process.join()
        yield place, FINDING, f'crash: exit code {process.exitcode}'
    finally:
        process.kill()
        process.join()


def _serve(pipe: Any, cases: Sequence[tuple[str, int]], seed: int) -> None:
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    gc.freeze()  # readers collect: what libraries hold would be walked each time
    for kind, number in cases:
        pipe.send(run_case(kind, number, seed))
