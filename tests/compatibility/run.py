"""``make compat``: the shipped model, a training and tests in other environments.

``cells``: what is tried. ``environments``: how it is installed, outside of the
repository. ``checks``: what is run there. ``page``: the table of docs/compatibility.md.
A cell that is done is not run again; what is told of it lies beside its environment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from compatibility.cells import CELLS, REFERENCE, ROOT
from compatibility.checks import Checks
from compatibility.environments import Environment, Failed, copy_source
from compatibility.page import CHECKS, DATA, VERSIONS, write_page


def main() -> int:
    """Run the cells; exit status."""
    parser = argparse.ArgumentParser(
        prog='compatibility', description=__doc__.split('\n')[0]
    )
    parser.add_argument('--cells', nargs='+', choices=CELLS, default=list(CELLS))
    parser.add_argument(
        '--folder', type=Path, default=Path(tempfile.gettempdir(), 'uninext-compat')
    )
    parser.add_argument(
        '--shared', type=Path, help="packages for all cells: CUDA's are gigabytes"
    )
    parser.add_argument('--checks', nargs='+', choices=CHECKS, default=CHECKS)
    parser.add_argument('--again', action='store_true', help='those that are done too')
    parser.add_argument('--keep', action='store_true', help='the environments')
    parser.add_argument('--write', action='store_true', help='the table of docs/')
    args = parser.parse_args()
    os.nice(5)
    folder = args.folder.resolve()
    source = copy_source(folder / 'source')
    image, box = make_image(folder)
    for name in sorted(args.cells, key=list(CELLS).index):
        told = folder / f'{name}.json'
        if args.again or not is_done(told, args.checks):
            print(f'[{name}] {CELLS[name].why}', flush=True)
            environment = Environment(folder / name, args.shared)
            for record in try_cell(name, environment, source, image, box, args.checks):
                told.write_text(json.dumps(record, indent=1))
            if not args.keep:
                shutil.rmtree(folder / name / 'venv', ignore_errors=True)
    records = {p.stem: json.loads(p.read_text()) for p in folder.glob('*.json')}
    if args.write:  # what was told of the others earlier stays
        known = earlier() | records
        write_page({name: known[name] for name in CELLS if name in known})
    return int(any(failures(records[name]) for name in args.cells))


def earlier() -> dict[str, Any]:
    """What the table in docs/ was made of, by cell."""
    return json.loads(DATA.read_text()) if DATA.is_file() else {}


def make_image(folder: Path) -> tuple[Path, list[float]]:
    """A generated image, once for all cells, beside data to train on; a box in it."""
    image = folder / 'image.png'
    if not image.is_file():
        tool = ROOT / 'tools/dataset_converters/shapes.py'
        command = [sys.executable, str(tool), 'data/tiny', '--size', '160', '120']
        command += ['--train', '4', '--val', '2', '--videos', '0', '0']
        env = {**os.environ, 'PYTHONPATH': str(ROOT)}
        subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
        Image.open(folder / 'data/tiny/val/val_000000.jpg').save(image)
    path = folder / 'data/tiny/annotations/instances_val.json'
    x, y, width, height = json.loads(path.read_text())['annotations'][0]['bbox']
    return image, [x, y, x + width, y + height]


def is_done(told: Path, wanted: Collection[str]) -> bool:
    """Whether a cell's checks all ran, or could not: it was not installed."""
    if not told.is_file():
        return False
    checks = json.loads(told.read_text())['checks']
    return not checks['install']['passed'] or set(wanted) <= set(checks)


def try_cell(
    name: str,
    environment: Environment,
    source: Path,
    image: Path,
    box: list[float],
    wanted: Collection[str] = CHECKS,
) -> Iterator[dict[str, Any]]:
    """Install and check a cell: its versions, and what each check told so far."""
    start = time.perf_counter()
    record: dict[str, Any] = dict(versions={}, checks={})
    told = environment.folder.with_name(f'{REFERENCE}.json')
    reference = json.loads(told.read_text()) if told.is_file() else earlier()[REFERENCE]
    try:
        environment.install(CELLS[name], source)
        record['versions'] = environment.versions(VERSIONS)
    except Failed as error:
        record['checks']['install'] = dict(passed=False, said=str(error))
        print(f'  install: FAILED: {error}', flush=True)
        yield record
        return
    record['checks']['install'] = dict(passed=True, said='')
    print(f'  installed in {time.perf_counter() - start:.0f} s', flush=True)
    expected = None
    if name != REFERENCE:
        expected = reference['instances']
    checks = Checks(environment, source, image, box, expected)
    for check, run in checks.all().items():
        if check not in wanted:
            continue
        try:
            told = dict(passed=True, said=run())
        except Failed as error:
            told = dict(passed=False, said=str(error))
        record['checks'][check] = told
        word = 'passed' if told['passed'] else 'FAILED'
        print(f'  {check}: {word}: {told["said"]}', flush=True)
        if name == REFERENCE:
            record['instances'] = checks.instances
        yield record


def failures(record: dict[str, Any]) -> list[str]:
    """Checks that failed."""
    return [name for name, told in record['checks'].items() if not told['passed']]


if __name__ == '__main__':
    sys.exit(main())
