"""Bulk prediction: nothing is lost, nothing doubled, whatever ends a run."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from helpers.brightness_finder import (
    BrightnessFinder,
    question,
    write_images,
    write_video,
)
from uninext.apis.bulk import engines, predict_in_bulk, run
from uninext.utils.files import FileError


@pytest.fixture
def photos(tmp_path) -> list[str]:
    return write_images(tmp_path / 'photos', 5)


def texts_in(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted(folder.glob('shard-*.json'))}


def shards_in(folder: Path) -> dict[str, dict]:
    return {name: json.loads(text) for name, text in texts_in(folder).items()}


def joined(folder: Path) -> dict[str, list]:
    """The label sets of all shards as one."""
    shards = shards_in(folder).values()
    content = {
        key: [record for shard in shards for record in shard[key]]
        for key in ('images', 'annotations')
    }
    return dict(content, categories=next(iter(shards))['categories'])


def file_names(folder: Path) -> list[str]:
    return [image['file_name'] for image in joined(folder)['images']]


def test_no_source(tmp_path):
    report = predict_in_bulk([], tmp_path / 'empty', question())
    assert report.num_written == report.num_images == 0
    with pytest.raises(ValueError, match='There is no file or folder'):
        predict_in_bulk([str(tmp_path / 'none.jpg')], tmp_path / 'out', question())
    assert not (tmp_path / 'out').exists()


def test_label_sets_join(tmp_path, photos):
    video = write_video(tmp_path / 'a.mp4', 3)
    out = tmp_path / 'out'
    report = predict_in_bulk(
        [str(tmp_path / 'photos'), video], out, question(), shard_size=2
    )
    assert sorted(shards_in(out)) == [f'shard-{i:06d}.json' for i in range(4)]
    assert file_names(out) == [*(f'{video}#{i}' for i in range(3)), *photos]
    assert (report.num_written, report.num_images) == (4, 8)
    assert report.found == Counter(light=5)  # the dark one has none, a track is one
    whole = tmp_path / 'whole.json'
    whole.write_text(json.dumps(joined(out)))
    coco = COCO(whole)
    assert len(coco.imgs) == 8
    assert len(coco.anns) == 7
    names = {a['image_id']: coco.imgs[a['image_id']] for a in coco.anns.values()}
    assert photos[0] not in [image['file_name'] for image in names.values()]


def test_what_cannot_be_used_is_told(tmp_path, photos):
    Path(photos[1]).write_bytes(b'no image')
    damaged = tmp_path / 'damaged.mp4'
    damaged.write_bytes(b'no video')
    sources = [*photos, str(damaged)]
    out = tmp_path / 'out'
    report = predict_in_bulk(sources, out, question())
    assert len(report.errors) == 2
    assert 'No frame can be read from' in report.errors[0]
    assert f'Cannot read {photos[1]}' in report.errors[1]
    assert file_names(out) == [p for p in photos if p != photos[1]]
    infos = [shard['info']['errors'] for shard in shards_in(out).values()]
    assert [error for errors in infos for error in errors] == report.errors


def test_what_goes_after_it_was_planned_is_told(tmp_path, photos):
    class Vanishing(BrightnessFinder):
        def __init__(self) -> None:
            super().__init__()
            Path(photos[2]).unlink()

    report = predict_in_bulk(photos, tmp_path / 'out', question(Vanishing))
    assert report.errors == [f'There is no image file {photos[2]}.']
    assert file_names(tmp_path / 'out') == [p for p in photos if p != photos[2]]


def test_a_restart_does_what_is_not_done(tmp_path, photos):
    find = BrightnessFinder()
    out = tmp_path / 'out'

    def again(sources: list[str]) -> tuple[int, int]:
        find.seen.clear()
        report = predict_in_bulk(sources, out, question(lambda: find), shard_size=2)
        return report.num_before, report.num_written

    assert again(photos) == (0, 3)
    assert find.seen == photos
    assert again(photos) == (3, 0)
    assert find.seen == []
    (out / 'shard-000001.json').unlink()
    assert again(photos) == (2, 1)
    assert find.seen == photos[2:4]
    more = write_images(tmp_path / 'photos', 2, first=5)
    assert again([more[1], *photos, more[0]]) == (3, 1)
    assert find.seen == more[::-1]
    assert sorted(file_names(out)) == sorted([*photos, *more])


def _killed(event: int, sources: list[str], out: Path) -> None:
    """A run that is killed before it moves, or makes sure of, a file."""
    count = itertools.count()

    def deadly(function):
        def call(*args):
            if next(count) == event:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args)

        return call

    os.replace, os.fsync = deadly(os.replace), deadly(os.fsync)
    predict_in_bulk(sources, out, question(), shard_size=2)
    os._exit(0)


def test_killed_at_every_write(tmp_path, photos):
    video = write_video(tmp_path / 'a.mp4', 3)
    sources = [*photos, video]
    predict_in_bulk(sources, tmp_path / 'whole', question(), shard_size=2)
    expected = texts_in(tmp_path / 'whole')
    assert len(expected) == 4
    fork = multiprocessing.get_context('fork')
    for event in itertools.count():
        out = tmp_path / f'killed-{event}'
        process = fork.Process(target=_killed, args=(event, sources, out))
        process.start()
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert texts_in(out).items() <= expected.items()
        predict_in_bulk(sources, out, question(), shard_size=2)
        assert texts_in(out) == expected
        assert not list(out.glob('*.tmp'))
    assert event == 2 * (1 + len(expected))  # all of them


def test_another_question_is_refused(tmp_path, photos):
    out = tmp_path / 'out'
    predict_in_bulk(photos, out, question(model=dict(model='a')))
    with pytest.raises(ValueError, match="model is 'b', was 'a'. Ask the same, or"):
        predict_in_bulk(photos, out, question(model=dict(model='b')))
    predict_in_bulk(photos, out, question(model=dict(model='a'), batch_size=2))


def test_another_folder_is_refused(tmp_path, photos):
    with pytest.raises(ValueError, match=r'photos holds no shards, but \d.png'):
        predict_in_bulk(photos, tmp_path / 'photos', question())
    out = tmp_path / 'out'
    out.mkdir()
    (out / '_plan.jsonl').write_text('{}')
    with pytest.raises(FileError, match='is no plan of shards'):
        predict_in_bulk(photos, out, question())


def test_two_runs_do_not_share_a_folder(tmp_path, photos):
    class Second(BrightnessFinder):
        def __init__(self) -> None:
            super().__init__()
            with pytest.raises(ValueError, match='Another run writes to'):
                predict_in_bulk(photos, tmp_path / 'out', question())

    report = predict_in_bulk(photos, tmp_path / 'out', question(Second))
    assert report.num_written == 1
    assert predict_in_bulk(photos, tmp_path / 'out', question()).num_before == 1


def test_unknown_engine(tmp_path):
    with pytest.raises(ValueError, match="one of .*'local', 'ray'.*, got 'spark'"):
        predict_in_bulk([], tmp_path, question(), engine='spark')


def test_what_a_layout_needs_is_looked_for_at_once(monkeypatch):
    with pytest.raises(ValueError, match="one of parquet, coco, got 'csv'"):
        question(layout='csv')
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(ImportError, match=r'needs the package pyarrow .*--shards coco'):
        question(layout='parquet')


def test_the_engine_is_given_what_is_to_do(tmp_path, photos, monkeypatch):
    given = []

    def engine(make_worker, tasks, num_workers, address):
        given.append((num_workers, address))
        done = list(engines.run_here(make_worker, tasks))
        yield from done[::-1]  # in any order
        yield 0, None  # and one that was given up

    monkeypatch.setattr(run, 'run_on_ray', engine)
    report = predict_in_bulk(
        photos, tmp_path / 'out', question(), engine='ray', num_workers=2, address='a:1'
    )
    assert given == [(2, 'a:1')]
    assert report.num_written == 1
    assert report.not_done == [f'shard 0, from {photos[0]} on']
