"""``uninext doctor``, with packages, weights and tests that are made to fail."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from helpers.tools import ROOT
from uninext.cli import doctor, doctor_network, main
from uninext.cli.doctor_packages import (
    BROKEN,
    EXTRAS,
    OK,
    PACKAGES,
    PYTHON,
    SLOW,
    package_findings,
)
from uninext.model_zoo import MODEL_ZOO


def without(monkeypatch, *names: str) -> None:
    """Make packages absent."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'importlib.util.find_spec',
        lambda name, *rest: None if name in names else find(name, *rest),
    )


def by_name(findings) -> dict:
    return {finding.name: finding for finding in findings}


# ---------------------------------------------------------------- what the tables say


@pytest.fixture
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    return parser


def test_packages_are_those_of_setup_cfg(setup_cfg):
    lines = setup_cfg['options']['install_requires'].strip().splitlines()
    wanted = {r.name: r.specifier for r in map(Requirement, lines)}
    assert {entry.distributions[0] for entry in PACKAGES.values()} == set(wanted)
    for entry in PACKAGES.values():
        lowest = [
            s.version for s in wanted[entry.distributions[0]] if '>' in s.operator
        ]
        if len(entry.distributions) == 1 or entry.newest is None:
            assert [entry.lowest] == lowest
        else:  # upstream's line was tried too
            assert Version(entry.lowest) <= Version(lowest[0])
    assert setup_cfg['options']['python_requires'] == f'>={PYTHON.lowest}'


def test_newest_versions_are_those_of_the_page():
    page = (ROOT / 'docs/compatibility.md').read_text()
    table = page.split('<!-- cells -->')[1].split('<!-- /cells -->')[0]
    rows = [[c.strip() for c in row.split('|')[2:]] for row in table.split('\n')[3:-1]]
    tried = [row for row in rows if row[5] == 'passed']
    columns = ['python', 'torch', 'transformers', 'numpy']
    newest = {
        name: max(Version(row[i]) for row in tried) for i, name in enumerate(columns)
    }
    newest |= zip(
        ('mmengine', 'mmcv', 'mmdet'),
        (max(map(Version, c)) for c in zip(*(row[4].split(', ') for row in tried))),
    )
    for name, version in newest.items():
        told = (PYTHON if name == 'python' else PACKAGES[name]).newest
        assert Version(told).release == version.release[: told.count('.') + 1], name


def test_extras_are_those_of_setup_cfg(setup_cfg):
    extras = dict(setup_cfg['options.extras_require'])
    for name, extra, *_ in EXTRAS:
        assert name.replace('_', '-') in extras[extra]


# --------------------------------------------------------------------------- packages


def test_what_is_absent_is_told(monkeypatch):
    without(monkeypatch, 'av', 'gradio', 'faster_coco_eval')
    found = by_name(package_findings())
    assert found['av'].state == BROKEN
    assert found['av'].advice == "pip install 'av>=14'."
    assert (found['gradio'].state, found['faster_coco_eval'].state) == (OK, SLOW)
    assert "pip install 'uninext[fast]'" in found['faster_coco_eval'].advice
    assert found['torch'].state == OK


@pytest.mark.parametrize(
    ('version', 'state', 'words'),
    [
        ('2.3.1', BROKEN, 'older than 2.4'),
        ('2.4.0', OK, ''),
        ('2.13.0+cpu', OK, ''),
        ('2.14.1', OK, 'newer than 2.13.0, the newest that was tried'),
    ],
)
def test_versions(monkeypatch, version, state, words):
    monkeypatch.setattr('importlib.metadata.version', lambda _: version)
    found = by_name(package_findings())['torch']
    assert (found.state, found.found.startswith(version)) == (state, True)
    assert words in found.found


def test_without_torch_nothing_else_is_tried(monkeypatch, capsys):
    without(monkeypatch, 'torch')
    monkeypatch.setitem(sys.modules, 'uninext.cli.doctor_network', None)
    assert main(['doctor']) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "pip install 'torch>=2.4'." in lines[2]
    assert lines[-4].split() == ['BROKEN', 'network', 'not', 'tried']
    assert re.fullmatch(r'\d+ checks: \d+ ok, \d+ slow, 2 broken\.', lines[-1])


def test_a_package_that_cannot_be_imported_is_a_line(monkeypatch):
    monkeypatch.delattr('uninext.cli.doctor_network')
    monkeypatch.setitem(sys.modules, 'uninext.cli.doctor_network', None)
    last = list(doctor.findings())[-1]
    assert (last.name, last.state) == ('network', BROKEN)
    assert 'cannot be imported: ModuleNotFoundError' in last.found


# ------------------------------------------------------------------------- fast paths


@pytest.mark.parametrize(
    ('backend', 'state', 'advice'),
    [
        ('bags', OK, ''),
        ('pytorch', SLOW, 'torch-ms-deform-attn'),
        ('none', BROKEN, "='none' is unknown"),
    ],
)
def test_attention(monkeypatch, backend, state, advice):
    monkeypatch.setenv('UNINEXT_DEFORM_ATTN', backend)
    found = doctor_network._attention('cpu')
    assert (found.state, advice in found.advice) == (state, True)


def test_what_an_option_needs(monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    found = by_name(doctor_network.speed_findings())
    assert found['torch.compile'].found.startswith('not here, and off by default')
    assert found['devices'].found.startswith('cpu')


def test_idle_cores(monkeypatch):
    monkeypatch.setattr('torch.get_num_threads', lambda: 1)
    monkeypatch.setattr('os.sched_getaffinity', lambda _: range(8))
    found = doctor_network._threads()
    assert (found.state, found.found) == (SLOW, '1 of 8 cores')
    assert 'OMP_NUM_THREADS=8' in found.advice


# -------------------------------------------------------------------- the shipped model


def test_weights_that_are_absent_or_damaged(monkeypatch, tmp_path):
    named = MODEL_ZOO['uninext_tiny']
    path = tmp_path / 'uninext_tiny.safetensors'
    monkeypatch.setitem(MODEL_ZOO, 'uninext_tiny', replace(named, checkpoint=path))
    doctor_network._inferencer.cache_clear()
    assert 'there is no' in doctor_network.shipped_model().found
    path.write_bytes(named.checkpoint.read_bytes()[:-9])
    found = doctor_network.shipped_model()
    assert (found.state, 'cannot be loaded' in found.found) == (BROKEN, True)
    assert 'Install uninext again' in found.advice
    monkeypatch.setattr(doctor_network, '_recorded_hash', lambda _: 'another')
    assert 'not the file that was installed' in doctor_network.shipped_model().found


def test_a_test_that_fails_ends_no_other(monkeypatch):
    monkeypatch.setattr(doctor_network, '_inferencer', lambda: 1 / 0)
    monkeypatch.setattr(doctor_network, '_convert_and_back', lambda: (False, 'none'))
    image, track, conversion = doctor_network.self_test()
    assert image.found == track.found == 'ZeroDivisionError: division by zero'
    assert {image.state, track.state, conversion.state} == {BROKEN}


def test_overlap():
    assert doctor_network._iou(np.array([0, 0, 2, 2]), np.array([5, 5, 6, 6])) == 0
    one = np.array([0, 0, 2, 2])
    assert doctor_network._iou(one, one) == 1
    assert doctor_network._iou(one, np.array([1, 0, 3, 2])) == pytest.approx(1 / 3)


def test_all_is_well_here(capsys):
    assert main(['doctor', '--json']) == 0
    found = {one['name']: one for one in json.loads(capsys.readouterr().out)}
    assert not [one for one in found.values() if one['state'] == BROKEN]
    for name in ('shipped model', 'an image', 'a track', 'a conversion'):
        assert found[name]['state'] == OK
    assert set(found['torch']) == {'name', 'state', 'found', 'advice'}


def test_without_the_self_test(monkeypatch, capsys):
    monkeypatch.setattr(doctor_network, 'self_test', lambda: 1 / 0)
    assert main(['doctor', '--no-self-test']) == 0
    assert 'shipped model' in capsys.readouterr().out
