"""Lock files: complete, hashed, of the versions that requirements/ names."""

from __future__ import annotations

import configparser
import re
import sys

import pytest
from packaging.requirements import Requirement

from helpers.tools import ROOT, load_tool

LOCK = ROOT / 'requirements/lock'
PYTHONS = ('3.10', '3.11', '3.12', '3.13')
LINES = """\
numpy==2.2.6 ; python_full_version < '3.11' \\
    --hash=sha256:0a \\
    --hash=sha256:0b
nvidia-cublas==13.1 ; sys_platform == 'linux' \\
    --hash=sha256:0c
torch==2.13.0 \\
    --hash=sha256:0d
torchfix==1.0 \\
    --hash=sha256:0e
"""


@pytest.fixture(scope='module')
def tool():
    return load_tool('tools/misc/lock_requirements.py')


def entries(name: str) -> list[str]:
    text = (LOCK / f'{name}.txt').read_text()
    return re.split(r'\n(?=[a-zA-Z0-9])', text)[1:]


def locked(python: str) -> dict[str, str]:
    """By name, the version for Linux."""
    found = {}
    environment = dict(python_full_version=f'{python}.9', python_version=python)
    environment |= dict(sys_platform='linux', platform_machine='x86_64')
    for entry in entries('torch') + entries('runtime'):
        requirement = Requirement(entry.split('\\')[0])
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (spec,) = requirement.specifier
            assert found.setdefault(requirement.name, spec.version) == spec.version
    return found


def test_no_line(tool) -> None:
    texts = tool.split('')
    assert not [x for t in texts.values() for x in t.splitlines() if x[:1] not in '#']


def test_torch_and_what_it_alone_needs_have_a_file(tool) -> None:
    texts = tool.split(LINES)
    names = {n: re.findall(r'^([\w-]+)==', t, re.MULTILINE) for n, t in texts.items()}
    assert names == dict(
        torch=['nvidia-cublas', 'torch'], runtime=['numpy', 'torchfix']
    )
    assert texts['runtime'].count('--hash=') == 3


def test_an_address_is_refused(tool) -> None:
    with pytest.raises(ValueError, match='must not'):
        tool.split('a @ file:///b')


def test_without_uv_it_says_what_to_install(tool) -> None:
    with pytest.raises(ValueError, match='pip install -r requirements/release.txt'):
        tool.compiled('no-such-uv')


def test_what_uv_says_is_told(tool, tmp_path) -> None:
    uv = tmp_path / 'uv'
    uv.write_text(f'#!{sys.executable}\nimport sys\nsys.exit("no solution")\n')
    uv.chmod(0o755)
    with pytest.raises(ValueError, match='no solution'):
        tool.compiled(str(uv))


def test_every_line_has_a_hash() -> None:
    for entry in entries('torch') + entries('runtime'):
        assert re.search(r'--hash=sha256:[0-9a-f]{64}', entry), entry


@pytest.mark.parametrize('python', PYTHONS)
def test_the_lock_is_what_is_required(python) -> None:
    """If this fails: make lock."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    required = parser['options']['install_requires'].strip().splitlines()
    for part in ('build', 'mminstall', 'runtime', 'weights'):
        lines = (ROOT / f'requirements/{part}.txt').read_text().splitlines()
        required += [x for x in lines if '==' in x and not x.startswith('#')]
    versions = locked(python)
    for requirement in map(Requirement, required):
        assert requirement.specifier.contains(versions[requirement.name]), requirement
