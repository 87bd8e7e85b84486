"""``make fuzz``: damaged input of every kind that is read.

A case is right, left out with a warning, or refused in words that name its file; all
else is a finding, and the exit status 1. A case is a number: the same one is the same
input wherever it runs. ``test_fuzz.py`` runs a few.

``seeds``: small files that are right. ``mutators``: what is done to them. ``kinds``:
who reads them. ``driver``: runs cases in a process that may hang or die.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

from mmengine.registry import init_default_scope

import uninext.registry  # noqa: F401  (before mmdet)
from fuzz.driver import run_case, run_cases
from fuzz.kinds import KINDS

MOST_SHOWN = 600  # characters of a finding


def main() -> int:
    """Run the cases; exit status."""
    parser = argparse.ArgumentParser(prog='fuzz', description=__doc__.split('\n')[0])
    parser.add_argument('--cases', type=int, default=100_000)
    parser.add_argument('--first', type=int, default=0, help='number of the first')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--kind', help='this one alone: ' + '; '.join(KINDS))
    args = parser.parse_args()
    init_default_scope('uninext')
    logging.disable(logging.ERROR)
    kinds = [args.kind] if args.kind else list(KINDS)
    if args.kind and args.cases == 1:
        outcome, said = run_case(args.kind, args.first, args.seed)
        print(f'{outcome}: {said}')
        return outcome == 'finding'
    numbers = range(args.first, args.first + args.cases // len(kinds) + 1)
    cases = [(kind, number) for number in numbers for kind in kinds]
    start = time.perf_counter()
    # What libraries in C print about damaged files is not ours.
    errors, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    report = run_cases(cases, args.seed)
    os.dup2(errors, 2)
    print(report)
    print(f'{len(cases):,} cases in {time.perf_counter() - start:.0f} s')
    for (kind, number, detail), count in report.grouped():
        print(f'\n{count} x: --cases 1 --kind {kind!r} --first {number}')
        print(detail.rstrip()[-MOST_SHOWN:])
    return 1 if report.findings else 0


if __name__ == '__main__':
    sys.exit(main())
