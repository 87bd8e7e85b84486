"""Look locked versions up in a file of advisories, without a network.

ADVISORIES is in the format of OSV, which the Python Packaging Advisory Database has
too: a zip, a folder with folders below, or one file, of .json or .yaml records.
Exit status 1 if a version is affected. Where the network is there, pip-audit asks a
service: `make advisories`.

  python tools/misc/advisories.py advisory-database.zip
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from uninext.cli.common import run_tool

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / 'requirements/lock').glob('*.txt'))
SUFFIXES = ('.json', '.yaml', '.yml')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('advisories', type=Path, metavar='ADVISORIES')
    parser.add_argument(
        '--lock', type=Path, nargs='+', default=LOCKS, help='default: requirements/lock'
    )
    parser.add_argument(
        '--ignore', nargs='+', default=(), metavar='ID', help='known and accepted'
    )


def read_lock(path: Path) -> set[tuple[str, str]]:
    """(name, version) of each line ``name==version``.

    Raises:
        ValueError: If there is none.
    """
    found = set(re.findall(r'^([\w.-]+)==([^\s;\\]+)', path.read_text(), re.MULTILINE))
    if not found:
        raise ValueError(f'{path} has no line name==version.')
    return {(_canonical(name), version) for name, version in found}


def read_advisories(path: Path) -> list[dict[str, Any]]:
    """The records of PyPI's packages that were not withdrawn.

    Raises:
        ValueError: If a record cannot be read, or there is none.
    """
    records = []
    for name, text in _texts(path):
        try:
            record = _parse(name, text)
            pypi = [a for a in record['affected'] if _package(a)[0] == 'PyPI']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{name}: no advisory in the format of OSV: {error}'
            ) from error
        if pypi and 'withdrawn' not in record:
            records.append({**record, 'affected': pypi})
    if not records:
        raise ValueError(f"{path} has no advisory about PyPI's packages.")
    return records


def affects(affected: dict[str, Any], version: str) -> bool:
    """Whether a version is listed, or lies in a range.

    Follows: OSV schema, "Evaluation"; versions are ordered as pip orders them.
    """
    from packaging.version import Version

    if version in affected.get('versions', ()):
        return True
    asked = Version(version)
    for span in affected.get('ranges', ()):
        if span['type'] != 'ECOSYSTEM':
            continue  # commits, which no release tells
        events = [(Version(v), kind) for e in span['events'] for kind, v in e.items()]
        inside = False
        for at, kind in sorted(events, key=lambda event: event[0]):
            if kind == 'introduced' and asked >= at:
                inside = True
            elif (kind == 'fixed' and asked >= at) or (
                kind == 'last_affected' and asked > at
            ):
                inside = False
        if inside:
            return True
    return False


def run(args: argparse.Namespace) -> int:
    """Print what is affected."""
    records = read_advisories(args.advisories)
    locked = sorted(set().union(*map(read_lock, args.lock)))
    count = 0
    for record in records:
        names = {record['id'], *record.get('aliases', ())}
        if names & set(args.ignore):
            continue
        for name, version in locked:
            if any(
                _canonical(_package(a)[1]) == name and affects(a, version)
                for a in record['affected']
            ):
                count += 1
                told = record.get('summary') or record.get('details', '')
                print(f'{name} {version}: {" ".join(sorted(names))}: {told[:200]}')
    print(f'{len(records)} advisories, {len(locked)} versions: {count} affected')
    return int(count > 0)


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix == '.zip':
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(SUFFIXES):
                    yield f'{path}/{name}', archive.read(name).decode()
        return
    files = sorted(path.rglob('*')) if path.is_dir() else [path]
    for file in files:
        if file.suffix in SUFFIXES:
            yield str(file), file.read_text()


def _parse(name: str, text: str) -> dict[str, Any]:
    if name.endswith('.json'):
        return json.loads(text)
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _package(affected: dict[str, Any]) -> tuple[str, str]:
    package = affected['package']
    return package['ecosystem'], package['name']


def _canonical(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
