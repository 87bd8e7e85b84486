"""Runs the tests of a mutant: in a copy of the tree, in a fork that has a time limit.

The process that forks has imported what the tests import of other packages, but not
what is mutated: a mutant that is noticed costs a second or two.
"""

from __future__ import annotations

import ast
import compileall
import contextlib
import hashlib
import importlib
import json
import os
import py_compile
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from mutants.changes import Mutant

# Below the rooms that are mutated, and to be imported before mmdet.
FIRST = ('registry', 'utils')
MEMORY = 12 << 30  # bytes; a mutant may allocate for ever
SPARE_SECONDS, SLOWER = 30, 5  # time limit: so many, and so many times the usual
LONG = 10  # seconds


class Recorder:
    """A plugin of pytest: the seconds of each file, and what failed first."""

    def __init__(self) -> None:
        self.times, self.failed = defaultdict(float), None

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.times[report.nodeid.split('::')[0]] += report.duration
        self.pytest_collectreport(report)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid


class Copy:
    """A copy of the repository whose tests run in forks of this process.

    Args:
        root: The repository: what git tracks or would add is copied.
        folder: An empty one, for the copy and for what the tests write.
        package: The folder of the source.
    """

    def __init__(self, root: Path, folder: Path, package: str) -> None:
        self.root, self.folder, self.package = root, folder, package
        self.tree = folder / 'tree'
        self.log = folder / 'log.txt'  # what pytest printed last
        self.digest = self._fill()  # of all code but the tests

    def _fill(self) -> str:
        listing = ('git', '-C', self.root, 'ls-files', '-zco', '--exclude-standard')
        listed = subprocess.run(listing, check=True, stdout=subprocess.PIPE).stdout
        digest = hashlib.sha256()
        for name in sorted(set(listed.decode().split('\0')) - {''}):
            source, target = self.root / name, self.tree / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
                if name.endswith('.py') and not target.name.startswith('test_'):
                    digest.update(source.read_bytes())
        return digest.hexdigest()

    def enter(self, rooms: list[str]) -> None:
        """Go there and import what tests of the rooms import of other packages."""
        os.chdir(self.tree)
        os.environ |= {'PYTHONPATH': str(self.tree), 'OMP_NUM_THREADS': '1'}
        checkout = ('', str(self.root), str(self.root / 'tests'))
        sys.path[:] = [str(self.tree), *(p for p in sys.path if p not in checkout)]
        # A change may keep size and second of a file: bytecode goes by its hash.
        hashed = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(self.package, quiet=1, invalidation_mode=hashed)
        tests = [f'tests/test_{room}' for room in rooms]
        collected = self.run(['--collect-only', *tests], seconds=600)
        for name in collected.get('modules', []):
            package, room, *_ = [*name.split('.'), '']
            if package != self.package or room in FIRST:
                with contextlib.suppress(Exception):  # such as tests themselves
                    importlib.import_module(name)
        kept = [n for n in sys.modules if n.split('.')[:1] == [self.package]]
        if early := [n for n in kept if n.split('.')[1:2] in ([r] for r in rooms)]:
            raise RuntimeError(f'{early} are imported: no change of them would count.')

    def tests_in(self, room: str) -> dict[str, str]:
        """The test files of a room, each with a digest of all that it depends on."""
        files = sorted(Path(f'tests/test_{room}').rglob('test_*.py'))
        return {str(f): _digest(self.digest, f.read_bytes()) for f in files}

    def usual_times(self, files: list[str]) -> dict[str, float]:
        """Seconds of test files without a change; all of them have to pass."""
        found = self.run(files, seconds=3600)
        if found['outcome'] != 'passed':
            raise RuntimeError(
                f'{self.log.read_text()}\nWithout any change, a test fails: '
                f'{found["by"]}. A mutant can only be noticed by tests that pass.'
            )
        return {file: found['times'].get(file, 0.0) for file in files}

    def meet_tests(self, mutant: Mutant, times: dict[str, float]) -> dict[str, Any]:
        """Run its tests, the likely ones first; returns ``outcome, by, seconds``."""
        path, started = self.tree / mutant.file, time.monotonic()
        tests, source = self.tests_of(mutant.file, times), path.read_bytes()
        found = {'outcome': 'passed', 'by': ''}
        path.write_bytes(mutant.apply(source))
        for files in filter(None, tests):
            usual = sum(times[file] for file in files)
            found = self.run(files, SPARE_SECONDS + SLOWER * usual)
            if found['outcome'] != 'passed':
                break
        path.write_bytes(source)
        seconds = round(time.monotonic() - started, 1)
        return {'outcome': found['outcome'], 'by': found['by'], 'seconds': seconds}

    def tests_of(self, file: str, times: dict[str, float]) -> list[list[str]]:
        """Test files that name a source file or what it defines; others of its room.

        Others that take long are left out: what they alone notice counts as survived.
        """
        stem, folder = Path(file).stem, f'tests/test_{Path(file).parts[1]}/'
        defined = [getattr(n, 'name', '_') for n in ast.parse(_read(file)).body]
        public = '|'.join(name for name in defined if not name.startswith('_'))
        mirrors, friends, others = [], [], []
        for test in sorted(times, key=times.get):
            if test.startswith(folder) and stem in Path(test).stem:
                mirrors.append(test)
            elif test.startswith(folder):
                if public and re.search(rf'\b({public})\b', _read(test)):
                    friends.append(test)
                elif times[test] < LONG:
                    others.append(test)
        return [mirrors + friends, others]

    def run(self, words: list[str], seconds: float) -> dict[str, Any]:
        """Run pytest in a fork of this process, until the first failure.

        Returns:
            ``outcome``: 'passed', 'failed' or 'time-out'; ``by``: the test that failed;
            of a run that ended by itself ``times``, seconds by file, and ``modules``.
        """
        report = self.folder / 'report.json'
        report.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _run_and_exit(words, seconds, report, self.log)
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        finally:  # also what the tests started and left
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        if status == -signal.SIGALRM:
            return {'outcome': 'time-out', 'by': f'after {seconds:.0f} s'}
        found = json.loads(report.read_text()) if report.exists() else {}
        passed = status in (0, 5)  # 5: no test was collected
        by = '' if passed else found.get('failed') or f'exit status {status}'
        return {**found, 'outcome': 'passed' if passed else 'failed', 'by': by}


def _digest(*parts: str | bytes) -> str:
    whole = b''.join(p.encode() if isinstance(p, str) else p for p in parts)
    return hashlib.sha256(whole).hexdigest()


def _read(file: str) -> str:
    return Path(file).read_text(encoding='utf-8')


def _run_and_exit(words: list[str], seconds: float, report: Path, log: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(int(seconds) + 1)  # ends this process, also if its parent is gone
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with log.open('wb') as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    import pytest

    recorder = Recorder()
    options = ['-x', '-q', '-p', 'no:cacheprovider', f'--basetemp={report.parent}/tmp']
    status = pytest.main([*options, *words], plugins=[recorder])
    found = vars(recorder) | {'modules': list(sys.modules)}
    report.write_text(json.dumps(found), encoding='utf-8')
    sys.stdout.flush()
    os._exit(status)
