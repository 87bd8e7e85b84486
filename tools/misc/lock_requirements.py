"""Write requirements/lock/: exact versions with hashes, for a release.

Of what setup.cfg requires, the newest that requirements/ and each Python from 3.10 on
allow; a line holds for the Pythons and systems that it names. torch.txt has torch as
the index offers it, with CUDA's libraries; runtime.txt all the rest. Needs uv
(requirements/release.txt).

  make lock
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from uninext.cli.common import run_tool

ROOT = Path(__file__).resolve().parents[2]
PINS = ('build', 'mminstall', 'runtime', 'weights')
OF_TORCH = re.compile(r'torch==|triton==|nvidia-|cuda-')
HEADER = """\
# Made by `make lock`. {}
#   pip install --no-deps --require-hashes -r requirements/lock/{}.txt
"""
NOTES = dict(
    torch='Skip it where another build of torch is installed.',
    runtime='Complete but for torch, which is in torch.txt.',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('--out', type=Path, default=ROOT / 'requirements/lock')
    parser.add_argument('--uv', default='uv', help='the program, or its path')


def compiled(uv: str) -> str:
    """The lines of all packages as uv finds them.

    Raises:
        ValueError: If uv is not there, or finds no versions that fit together.
    """
    if shutil.which(uv) is None:
        raise ValueError(
            f'The program {uv!r} was not found: pip install -r requirements/release.txt'
        )
    command = [uv, 'pip', 'compile', '--quiet', 'setup.cfg', '--python-version=3.10']
    command += ['--universal', '--generate-hashes', '--no-header', '--no-annotate']
    command += [f'--constraint=requirements/{part}.txt' for part in PINS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f'uv found no versions:\n{done.stderr}')
    return done.stdout


def split(lines: str) -> dict[str, str]:
    """The text of each file.

    Raises:
        ValueError: If a line names an address.
    """
    if '://' in lines:
        raise ValueError('The lines of uv name an address; lock files must not.')
    parts: dict[str, list[str]] = {name: [] for name in NOTES}
    for entry in filter(None, re.split(r'\n(?=[A-Za-z0-9])', lines.strip())):
        parts['torch' if OF_TORCH.match(entry) else 'runtime'].append(entry)
    return {
        name: '\n'.join([HEADER.format(NOTES[name], name).strip(), *entries, ''])
        for name, entries in parts.items()
    }


def run(args: argparse.Namespace) -> None:
    """Write the files."""
    texts = split(compiled(args.uv))
    args.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (args.out / f'{name}.txt').write_text(text)
        print(
            f'{args.out / name}.txt: {len(re.findall("^[a-z]", text, re.M))} versions'
        )


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
