"""``uninext label`` with rectangles that are found by their colour."""

from __future__ import annotations

import json
import os
import signal

import pytest

from helpers.predicting import GREEN, NAMES, RED
from helpers.tools import message_of_failure
from uninext.checkpoint.thresholds import store_thresholds
from uninext.cli import main
from uninext.model_zoo import DEFAULT_MODEL, MODEL_ZOO

pytestmark = pytest.mark.usefixtures('workplace')


def run(*arguments: object) -> int:
    return main(['label', *map(str, arguments)])


def test_nothing_is_asked(photos, capsys):
    said = message_of_failure(main, capsys, 'label', photos)
    assert "Give --categories 'person, car' or --expression" in said
    given = 'label', photos, *NAMES
    assert 'got 0' in message_of_failure(main, capsys, *given, '--batch-size', 0)
    assert 'must not be above' in message_of_failure(main, capsys, *given, '--review=1')


def test_a_folder(photos, workplace, capsys):
    assert run(photos, *NAMES) == 0
    path = workplace / 'labels/coco/accept/labels.json'
    content = json.loads(path.read_text())
    assert [i['file_name'] for i in content['images']] == ['a.png', 'b.png']
    boxes = [a['bbox'] for a in content['annotations'][:2]]
    assert boxes == [[x, y, x2 - x, y2 - y] for x, y, x2, y2 in (RED, GREEN)]
    out = capsys.readouterr().out
    assert 'predicted 2, 0 were there before' in out
    assert 'accept (from 0.5): 2, 2 x red, 2 x green' in out
    assert 'review (0.3 to 0.5): 0' in out
    assert f'file names start from {photos}' in out


CATEGORY, EXPRESSION = 0.44, 0.58


@pytest.fixture
def calibrated(tmp_path) -> str:
    """A checkpoint as `uninext calibrate` leaves it."""
    path = tmp_path / 'mine.safetensors'
    thresholds = dict(category=CATEGORY, expression=EXPRESSION)
    store_thresholds(MODEL_ZOO[DEFAULT_MODEL].checkpoint, path, thresholds)
    return str(path)


@pytest.mark.parametrize(
    ('prompts', 'options', 'bands'),
    [
        (NAMES, [], (0.6, 0.44)),
        (['--expression', 'red'], [], (0.7, 0.58)),
        ([*NAMES, '--expression', 'red'], [], (0.7, 0.58)),
        (NAMES, ['--accept', '0.5'], (0.5, 0.44)),
        (NAMES, ['--review', '0.2'], (0.6, 0.2)),
    ],
)
def test_bands_are_as_the_checkpoint_says(
    photos, calibrated, capsys, prompts, options, bands
):
    assert run(photos, *prompts, '--model', calibrated, *options) == 0
    out = capsys.readouterr().out
    assert f'accept (from {bands[0]:g})' in out
    assert f'review ({bands[1]:g} to {bands[0]:g})' in out


def test_one_threshold_beyond_the_default_of_the_other(photos, calibrated, capsys):
    given = 'label', photos, *NAMES, '--model', calibrated, '--accept', '0.4'
    said = message_of_failure(main, capsys, *given)
    assert 'review, 0.44, must not be above that of accept, 0.4' in said
    assert 'Give both' in said


def test_going_on_builds_no_model(photos, workplace, monkeypatch, capsys):
    assert run(photos, *NAMES) == 0

    def build(*_, **__):
        raise AssertionError('a model was built')

    monkeypatch.setattr('uninext.apis.UninextInferencer', build)
    assert run(photos, *NAMES, '--to', 'labelme', '--quiet') == 0
    assert (workplace / 'labels/labelme/accept/a.json').is_file()
    said = message_of_failure(main, capsys, 'label', photos, '--categories', 'red')
    assert 'was labelled with categories' in said


def test_a_video(video, workplace):
    assert run(video, *NAMES, '--to', 'mot', '--accept', '0.4') == 0
    lines = (workplace / 'labels/mot/accept/walk/gt/gt.txt').read_text().splitlines()
    assert len(lines) == 8
    assert (workplace / 'labels/review.html').is_file()


def test_damage_and_interruption(photos, monkeypatch, capsys):
    (photos / 'a-1.png').write_text('no image')
    assert run(photos, *NAMES) == 3
    said = capsys.readouterr()
    assert '1 image skipped' in said.out
    assert 'a-1.png' in said.err
    (photos / 'a-1.png').unlink()

    def interrupt(*_):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr('uninext.labelling.labeller.write_thumbnail', interrupt)
    assert run(photos, *NAMES, '--out', 'other') == 130
    assert 'predicted 1, 0 were there before, 1 left' in capsys.readouterr().out
