"""``uninext predict``: what is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from helpers.painted_world import frame
from helpers.predicting import GREEN, NAMES, RED, fails, moved, run

pytestmark = pytest.mark.usefixtures('workplace')


def records_of(name: str) -> list[dict]:
    """Of each frame, what is written of it."""
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


# --------------------------------------------------------------- shown in another image


def test_nothing_is_shown_in_it(video, capsys):
    cv2.imwrite('photo.png', frame())
    message = fails(capsys, video, '--categories', 'red', '--shown-in', 'photo.png')
    assert 'shown_in is another image that shows a target' in message
    assert 'Cannot read no.png' in fails(capsys, video, '--shown-in', 'no.png', *BOX)


BOX = ['--box', '10', '10', '30', '30']


def test_what_a_photograph_shows(photos, video):
    cv2.imwrite('photo.png', frame((40, 40), green=(10, 10, 30, 30)))
    assert run(video, photos / 'a.png', *BOX, '--shown-in', 'photo.png') == 0
    for i, record in enumerate(records_of('found/walk.jsonl')):
        (found,) = record['instances']
        assert found['box_xyxy'] == pytest.approx(moved(GREEN, i), abs=1)
    (found,) = json.loads(Path('found/a.json').read_text())['instances']
    assert found['box_xyxy'] == list(GREEN) != list(RED)


# ------------------------------------------------------------------------------- limits


@pytest.mark.parametrize('name', ['--max-objects', '--keep-lost'])
def test_limits_that_are_none_are_refused(video, capsys, name):
    assert f'{name} must be at least 1' in fails(capsys, video, *NAMES, name, 0)


@pytest.mark.parametrize('wrong', [-0.5, 1.5, 'nan'])
def test_scores_that_are_none_are_refused(video, capsys, wrong):
    message = fails(capsys, video, *NAMES, '--init-score-thr', wrong)
    assert f'--init-score-thr must be a number in 0..1, got {wrong}.' in message


def test_what_gets_an_id_in_a_video(video, capsys):
    assert run(video, *NAMES, '--init-score-thr', 1) == 0
    assert not any(record['instances'] for record in records_of('found/walk.jsonl'))
    assert '--init-score-thr below' in capsys.readouterr().out


def test_limits_of_images_and_videos(photos, video):
    limits = ['--max-objects', 1, '--keep-lost', 2, '--init-score-thr', 0.5]
    assert run(photos / 'a.png', video, *NAMES, *limits) == 0
    for record in records_of('found/walk.jsonl'):
        assert len(record['instances']) == 1
    assert len(json.loads(Path('found/a.json').read_text())['instances']) == 1


# -------------------------------------------------------------------- prompts of a file


def test_files_of_prompts_that_are_none(photos, video, capsys):
    Path('prompts.json').write_text('[{"categories": "red"}, {"remove": "it"}]')
    message = fails(capsys, video, '--prompts', 'prompts.json')
    assert "prompts.json, step 2: there is no 'it'" in message
    assert '--prompts is of frames' in fails(capsys, photos, '--prompts', 'x.json')
    assert 'nowhere.json' in fails(capsys, video, '--prompts', 'nowhere.json')


def test_a_file_of_prompts(video):
    steps = [
        dict(frame=0, expression='red', name='it'),
        dict(frame=2, categories='green'),
        dict(frame=3, remove='it'),
    ]
    Path('prompts.json').write_text(json.dumps(steps))
    assert run(video, '--prompts', 'prompts.json') == 0
    labels = [
        sorted(one['label'] for one in record['instances'])
        for record in records_of('found/walk.jsonl')
    ]
    assert labels == [['red'], ['red'], ['green', 'red'], ['green']]
