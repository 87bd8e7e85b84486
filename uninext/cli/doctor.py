"""``uninext doctor``: what is installed, what is fast, what works; what to do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from uninext.cli.doctor_packages import BROKEN, OK, SLOW, Finding, package_findings

DESCRIPTION = 'Check packages, fast paths and the shipped model; say what to do.'
_MARKS = {OK: 'ok', SLOW: 'slow', BROKEN: 'BROKEN'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of checking."""
    parser.add_argument(
        '--json', action='store_true', help='print the lines as a JSON array'
    )
    parser.add_argument(
        '--no-self-test',
        action='store_true',
        help='ask the shipped model nothing: a second instead of some',
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each check.

    Returns:
        1 if something is broken; what is slow works.
    """
    found = []
    for finding in findings(self_test=not args.no_self_test):
        found.append(finding)
        if not args.json:
            print(_line(finding), flush=True)
    if args.json:
        print(json.dumps([finding._asdict() for finding in found], indent=2))
    else:
        print(_summary(found))
    return int(any(finding.state == BROKEN for finding in found))


def findings(self_test: bool = True) -> Iterator[Finding]:
    """Check all, in the order to print; nothing that is absent ends it."""
    packages = list(package_findings())
    yield from packages
    if any(finding.state == BROKEN for finding in packages):
        yield Finding(
            'network', BROKEN, 'not tried', 'Install the packages above first.'
        )
        return
    try:
        from uninext.cli import doctor_network
    except Exception as error:  # a package that is there, and damaged
        found = f'cannot be imported: {type(error).__name__}: {error}'
        yield Finding('network', BROKEN, found, 'Install that package again.')
        return
    yield from doctor_network.speed_findings()
    shipped = doctor_network.shipped_model()
    yield shipped
    if self_test and shipped.state == OK:
        yield from doctor_network.self_test()


def _line(finding: Finding) -> str:
    line = f'{_MARKS[finding.state]:<7}{finding.name:<22}{finding.found}'
    return f'{line}\n{"":<29}{finding.advice}' if finding.advice else line


def _summary(found: list[Finding]) -> str:
    states = [finding.state for finding in found]
    counts = [f'{states.count(state)} {state}' for state in (OK, SLOW, BROKEN)]
    return f'\n{len(states)} checks: {", ".join(counts)}.'
