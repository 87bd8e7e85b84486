"""``uninext calibrate`` with the model that comes along."""

from __future__ import annotations

import shutil

import pytest

from helpers.predicting import files_in
from helpers.tools import message_of_failure
from uninext.checkpoint import read_meta
from uninext.checkpoint.thresholds import carried_thresholds
from uninext.cli import main
from uninext.model_zoo import DEFAULT_MODEL, MODEL_ZOO
from uninext.shapes import generate_suite


@pytest.fixture
def suite(tmp_path):
    generate_suite(tmp_path / 'suite', (1, 1, 0), (0, 0), size_wh=(96, 96))
    return tmp_path / 'suite'


def fails(capsys, *arguments: object) -> str:
    given = 'calibrate', DEFAULT_MODEL, *map(str, arguments)
    return message_of_failure(main, capsys, *given)


def test_what_is_wrong_is_told_before_a_model_is_built(suite, tmp_path, capsys):
    rate = '--false-alarms', 0.1
    for options, message in (
        (('--data', suite, '--false-alarms', -1), 'must be 0 or more, got -1'),
        (('--data', suite, *rate, '--limit', 0), '--limit must be at least 1, got 0'),
        (('--data', suite), 'one of the arguments --false-alarms --best-f1 is requi'),
        (('--data', suite, *rate), 'belongs to the package and is left as it is'),
        (('--data', tmp_path, *rate, '--out', 'a.safetensors'), 'has no COCO annot'),
    ):
        assert message in fails(capsys, *options)


def test_thresholds_are_found_stored_and_told(suite, tmp_path, capsys):
    out = tmp_path / 'mine.safetensors'
    shutil.copy(MODEL_ZOO[DEFAULT_MODEL].checkpoint, out)
    options = '--data', str(suite), '--false-alarms', '0'
    assert main(['calibrate', str(out), *options]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[-5:]] == [
        *('kind', 'category', 'expression', 'target', 'stored'),
    ]
    assert '-> 0.000' in printed[-3]  # expressions: none is reported
    stored = carried_thresholds(read_meta(out), str(out))
    assert set(stored) == {'category', 'expression'}
    assert stored['expression'] > 0
    assert main(['info', str(out)]) == 0
    expected = f'expression {stored["expression"]:.3f} (calibrated), target 0'
    assert expected in capsys.readouterr().out
    assert [name for name in files_in(tmp_path) if 'suite' not in name] == [out.name]
