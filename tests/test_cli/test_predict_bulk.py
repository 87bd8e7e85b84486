"""``uninext predict --shards`` and ``--engine``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.predicting import NAMES, fails, files_in, run
from uninext.apis.bulk import engines
from uninext.apis.bulk import run as bulk_run
from uninext.apis.bulk.shards import LAYOUTS
from uninext.cli import predict_bulk

pytestmark = pytest.mark.usefixtures('workplace')


def test_what_help_says_is_what_there_is():
    assert tuple(LAYOUTS) == predict_bulk.SHARDS
    assert predict_bulk.ENGINES == engines.ENGINES


def test_images_and_a_video_and_once_more(photos, video, capsys):
    # of all, and of videos alone
    limits = ['--max-objects', 5, '--keep-lost', 3, '--init-score-thr', 0.5]
    command = [photos, video, *NAMES, *limits, '--shards', 'coco', '--shard-size', 1]
    assert run(*command) == 0
    shards = [f'shard-{i:06d}.json' for i in range(3)]
    assert files_in(Path('found')) == ['_lock', '_plan.jsonl', *shards]
    out = capsys.readouterr().out
    assert 'found in 6 images and frames: 3 x red, 3 x green\n' in out
    assert '3 shards written to found\n' in out
    content = json.loads(Path('found', shards[1]).read_text())
    assert content['images'][0]['file_name'] == str(photos / 'a.png')
    assert run(*command) == 0
    assert '0 shards written to found, 3 were there\n' in capsys.readouterr().out
    error = fails(capsys, photos, *NAMES, '--shards', 'coco')
    assert (
        'max_objects is None, was 5; keep_lost is None, was 3; init_score_thr' in error
    )
    assert 'is None, was 0.5. Ask the' in error


def test_damage(photos, capsys):
    (photos / 'b.png').write_bytes(b'')
    assert run(photos, *NAMES, '--shards', 'coco') == 3
    out = capsys.readouterr().out
    assert f'1 could not be used:\n  Cannot read {photos}/b.png' in out
    assert 'found in 1 images and frames: 1 x red, 1 x green' in out


def test_stopped(photos, capsys, monkeypatch):
    def engine(make_worker, tasks):
        yield next(engines.run_here(make_worker, tasks))
        raise KeyboardInterrupt

    command = [photos, *NAMES, '--shards', 'coco', '--shard-size', 1]
    with monkeypatch.context() as patch:
        patch.setattr(bulk_run, 'run_here', engine)
        assert run(*command) == 130
    out = capsys.readouterr().out
    assert 'stopped; shards are kept, and the same command goes on\n' in out
    assert run(*command) == 0
    assert '1 shards written to found, 1 were there\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('--workers 2', '--workers is of --engine ray'),
        ('--engine local --address auto', '--address is of --engine ray'),
        ('--engine ray --workers 0', '--workers must be at least 1, got 0'),
        ('--shard-size 2', '--shard-size is of bulk prediction. Add --shards'),
        ('--column x', '--column is of bulk prediction'),
        ('--shards coco --save json', '--save does not go with --shards'),
        ('--shards coco --prompts a.json', '--prompts does not go with --shards'),
        ('--engine ray --overwrite', '--overwrite does not go with --shards'),
    ],
)
def test_options_that_do_not_go_together(photos, capsys, options, message):
    assert message in fails(capsys, photos, *NAMES, *options.split())
