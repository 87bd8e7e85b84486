"""A cell's environment, and commands that run in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from compatibility.cells import ROOT, UPSTREAM, Cell, default_torch, ranges

LIMIT = 3600  # seconds a command may take
MOST_SAID = 300  # characters of a command's last words
PIP = ('python', '-m', 'pip', 'install', '-q')
# What tests of the suite need beside uninext itself.
TESTS = ('pytest>=8', 'packaging')
# To build mmcv-lite's source distribution, of 2024.
OLD_BUILD = ('setuptools<81', 'wheel')


class Failed(Exception):
    """A command that ended with an error; what it said."""


class Environment:
    """A virtual environment in a folder of its own.

    Args:
        folder: What it may fill; ``venv`` is made in it.
        shared: A folder of packages that count as installed; None: of none.
    """

    def __init__(self, folder: Path, shared: Path | None = None) -> None:
        self.folder, self.shared = folder, shared
        self.bin = folder / 'venv' / 'bin'

    def run(self, *words: object, cwd: Path | None = None) -> str:
        """Run a command of the environment on the CPU; what it wrote, errors last.

        Raises:
            Failed: If its exit status is not zero, or it took too long.
        """
        command = [str(word) for word in words]
        command[0] = str(self.bin / command[0])
        hidden = {'PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV'}
        env = {k: v for k, v in os.environ.items() if k not in hidden}
        env |= {'CUDA_VISIBLE_DEVICES': '', 'MMCV_WITH_OPS': '0'}
        try:
            done = subprocess.run(
                command,
                cwd=cwd or self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors='replace',
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f'{words[0]} took more than {LIMIT} s') from error
        if done.returncode:
            (self.folder / 'failed.log').write_text(done.stdout + done.stderr)
            raise Failed(self.last_words(done.stdout + done.stderr))
        return done.stdout + done.stderr

    def last_words(self, text: str) -> str:
        """The line that tells an error, without addresses and this machine's paths."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        told = [x for x in lines if re.match(r'(ERROR|error|E|\w*Error):? ', x)]
        line = re.sub(r'\w+://\S+', 'ADDRESS', (told or lines or ['nothing'])[-1])
        return line.replace(str(self.folder), 'FOLDER')[:MOST_SAID]

    def install(self, cell: Cell, source: Path) -> None:
        """Make it as a user would: torch by itself, then ``pip install .``.

        One that was kept, of the same constraints, gets today's uninext alone.

        Raises:
            Failed: If pip does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        installed, wanted = self.folder / 'installed', '\n'.join(cell.constraints())
        if (
            self.bin.is_dir()
            and installed.is_file()
            and installed.read_text() == wanted
        ):
            self.run(*PIP, '--no-deps', '--force-reinstall', source)
            return
        installed.unlink(missing_ok=True)
        make = [find_python(cell.python), '-m', 'venv', '--clear', self.bin.parent]
        subprocess.run(make, check=True)
        if self.shared:
            (place,) = self.bin.parent.glob('lib/python*/site-packages')
            (place / 'shared.pth').write_text(f'{self.shared}\n')
        constraints = self.folder / 'constraints.txt'
        constraints.write_text(wanted)
        self.run(*PIP, f'torch=={cell.torch or default_torch()}')
        if cell.upstream:
            self.run(*PIP, *OLD_BUILD)
            self.run(*PIP, '--no-build-isolation', '-c', constraints, *UPSTREAM)
            others = [str(r) for r in ranges() if not r.name.startswith('onedl-')]
            self.run(*PIP, '-c', constraints, *others)
            self.run(*PIP, '--no-deps', source)
        elif cell.locked:
            lock = source / 'requirements/lock/runtime.txt'
            self.run(*PIP, '--no-deps', '--require-hashes', '-r', lock)
            self.run(*PIP, '--no-deps', source)
        else:
            self.run(*PIP, '-c', constraints, source)
        installed.write_text(wanted)

    def install_tests(self, source: Path) -> None:
        """Put in what the suite needs, and uninext itself in place."""
        self.run(*PIP, '-c', self.folder / 'constraints.txt', *TESTS)
        self.run(*PIP, '--no-deps', '-e', source)

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """Installed versions; packages that are absent are left out."""
        code = (
            'import importlib.metadata as m, platform\n'
            "print('python', platform.python_version())\n"
            f'for name in {list(names)}:\n'
            '    try: print(name, m.version(name))\n'
            '    except m.PackageNotFoundError: pass\n'
        )
        lines = self.run('python', '-c', code).splitlines()
        return dict(line.split() for line in lines)


def find_python(version: str) -> str:
    """The interpreter of a version such as '3.12'.

    Raises:
        Failed: If there is none: on the path, or among those of pyenv.
    """
    pyenv = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'))
    found = sorted(pyenv.glob(f'versions/{version}.*/bin/python'))
    on_path = shutil.which(f'python{version}')
    code = f'import sys, venv; sys.exit(sys.version_info[:2] != {_tuple(version)})'
    for python in filter(None, [*map(str, found), on_path]):
        if not subprocess.run([python, '-c', code], capture_output=True).returncode:
            return python
    raise Failed(f'no Python {version} is on the path or among those of pyenv')


def copy_source(target: Path) -> Path:
    """A copy of the tracked files, in which pip may build; its folder."""
    shutil.rmtree(target, ignore_errors=True)
    listed = subprocess.run(
        ['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split('\0')):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def _tuple(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split('.')))
