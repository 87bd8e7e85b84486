"""Files that make it a project: complete, consistent, without an index host."""

from __future__ import annotations

import configparser
import pkgutil
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from setuptools import Distribution
from setuptools.command.build_py import build_py

import uninext

ROOT = Path(__file__).resolve().parents[1]
PARTS = ('build', 'docs', 'mminstall', 'optional', 'runtime', 'tests', 'weights')
BINARY = {'.png', '.jpg', '.npz', '.pth', '.safetensors', '.mp4'}
WEIGHTS_LIMIT = 30 * 10**6  # bytes of a file of weights that is brought along
# Put together here, so that this file does not name them either.
HOSTS = [f'{name}.{top}' for name, top in (('pypi', 'org'), ('pythonhosted', 'org'))]
HOSTS += ['download.' + 'pytorch.org', 'index-' + 'url', 'trusted-' + 'host']


def requirements(name: str) -> dict[str, Requirement]:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith(('#', '-r '))]
    parsed = [Requirement(line) for line in lines]
    return {requirement.name: requirement for requirement in parsed}


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    return parser


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
    pinned = {**wanted, **requirements('weights')}
    pinned['torch'] = requirements('build')['torch']
    assert set(pinned) == set(ranges)
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


def test_console_entry_exists():
    entry = setup_cfg()['options.entry_points']['console_scripts']
    name, place = entry.strip().split(' = ')
    assert name == 'uninext' and callable(pkgutil.resolve_name(place))


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip('not a git checkout')
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_no_file_names_a_package_index():
    for path in tracked_files():
        if path.is_file() and path.suffix not in BINARY:
            text = path.read_text(errors='replace')
            assert not [host for host in HOSTS if host in text], path


def test_test_files_have_names_of_their_own():
    """Their folders are no packages: pytest knows them by their names alone."""
    names = [path.name for path in (ROOT / 'tests').rglob('*.py')]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice - {'conftest.py'}


def test_nothing_large_is_tracked_but_weights():
    sizes = {path: path.stat().st_size for path in tracked_files() if path.is_file()}
    large = {path for path, size in sizes.items() if size > 2**20}
    weights = set((ROOT / 'uninext' / 'assets').glob('*.safetensors'))
    assert not large - weights
    assert all(sizes[path] < WEIGHTS_LIMIT for path in large)


# ---------------------------------------------------------------- what is in the wheel


@pytest.fixture
def build(monkeypatch) -> build_py:
    """The command that collects the files of the package."""
    monkeypatch.chdir(ROOT)
    command_class = runpy.run_path('setup.py')['BuildWithMim']
    distribution = Distribution(
        dict(cmdclass={'build_py': command_class}, script_name='setup.py')
    )
    distribution.parse_config_files(['setup.cfg'])
    command = distribution.get_command_obj('build_py')
    command.ensure_finalized()
    return command


def files_below(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()}


def test_a_wheel_brings_configs_tools_and_weights(build, tmp_path):
    stale = tmp_path / 'uninext' / '.mim' / 'configs' / 'of_an_earlier_build.py'
    stale.parent.mkdir(parents=True)
    stale.touch()
    build.build_lib = str(tmp_path)
    build.run()
    built = files_below(tmp_path)
    wanted = {p.relative_to(ROOT) for p in tracked_files() if p.is_file()}
    outside = {str(p) for p in wanted if p.parts[0] in ('configs', 'tools')}
    assert {f'uninext/.mim/{name}' for name in outside | {'model-index.yml'}} <= built
    assert {str(p) for p in wanted if p.parts[0] == 'uninext'} <= built
    assert not [name for name in built if '__pycache__' in name or 'earlier' in name]


def test_a_checkout_is_linked_to(build, tmp_path, monkeypatch):
    """mim finds configs and tools of an editable install, as they are now."""
    for name in ('configs', 'tools', 'uninext'):
        (tmp_path / name).mkdir()
    (tmp_path / 'model-index.yml').write_text('Import: []')
    (tmp_path / 'configs' / 'one.py').touch()
    build._link(tmp_path / 'uninext' / '.mim')
    build._link(tmp_path / 'uninext' / '.mim')  # installing twice
    (tmp_path / 'configs' / 'two.py').touch()
    mim = tmp_path / 'uninext' / '.mim'
    assert {path.name for path in (mim / 'configs').iterdir()} == {'one.py', 'two.py'}
    assert (mim / 'model-index.yml').read_text() == 'Import: []'


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


def test_extras_are_those_of_requirements_and_documented():
    extras = dict(setup_cfg()['options.extras_require'])
    listed = {
        **requirements('optional'),
        **requirements('web'),
        **requirements('ray'),
        **requirements('onnx'),
        **requirements('tracking'),
    }
    table = (ROOT / 'README.md').read_text()
    for extra in ('web', 'fast', 'eval', 'ray', 'onnx', 'tensorboard'):
        assert f"`pip install '.[{extra}]'`" in table
        for line in extras[extra].strip().splitlines():
            requirement = Requirement(line)
            pins = listed[requirement.name].specifier
            exact = [pin.version for pin in pins if pin.operator == '==']
            assert requirement.specifier == pins or all(
                requirement.specifier.contains(version) for version in exact
            ), line
