"""Parquet: images in it are images of files; shards of it, and batches of Ray Data."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.brightness_finder import (
    ASKED,
    BrightnessFinder,
    question,
    write_images,
    write_video,
)
from uninext.apis.bulk import FindInBatches, predict_in_bulk
from uninext.apis.bulk.parquet import items_of, read_items
from uninext.apis.images import EncodedImage

pa = pytest.importorskip('pyarrow')
parquet = pytest.importorskip('pyarrow.parquet')


@pytest.fixture
def photos(tmp_path) -> list[str]:
    return write_images(tmp_path / 'photos', 5)


def rows_in(folder: Path) -> list[dict]:
    files = sorted(folder.glob('shard-*.parquet'))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


def without_path(rows: list[dict]) -> list[dict]:
    return [{k: v for k, v in row.items() if k != 'path'} for row in rows]


def test_no_value():
    assert items_of([], []) == []
    assert items_of([None, 3], ['a', 'b']) == [
        EncodedImage(b'', 'a'),
        EncodedImage(b'', 'b'),
    ]


def test_values_of_all_kinds():
    both = dict(bytes=b'1', path='x.png')
    values = ['a.png', '/b.png', b'2', both, dict(bytes=None, path='c.png')]
    assert items_of(values, list('vwxyz'), '/root') == [
        '/root/a.png',
        '/b.png',
        EncodedImage(b'2', 'x'),
        EncodedImage(b'1', 'y'),
        '/root/c.png',
    ]


@pytest.mark.parametrize('size', [1, 3, 100])
def test_any_rows_of_any_groups(tmp_path, size):
    table = pa.table(dict(path=[str(i) for i in range(10)]))
    parquet.write_table(table, tmp_path / 'a.parquet', row_group_size=size)
    for start, stop in [(0, 10), (0, 1), (2, 4), (3, 9), (9, 10)]:
        items = read_items(str(tmp_path / 'a.parquet'), start, stop, 'path')
        assert items == [str(tmp_path / str(i)) for i in range(start, stop)]


def test_rows_are_what_the_inferencer_says(tmp_path, photos):
    video = write_video(tmp_path / 'a.mp4', 2)
    Path(photos[3]).write_bytes(b'no image')
    out = tmp_path / 'out'
    predict_in_bulk([*photos, video], out, question(layout='parquet'), shard_size=2)
    rows = rows_in(out)
    options = dict(ASKED, stream=True, progress=False)
    expected = [*BrightnessFinder()(video, as_video=True, **options)]
    expected += BrightnessFinder()([*photos[:3], photos[4]], as_video=False, **options)
    for row, result in zip([r for r in rows if r['error'] is None], expected):
        told = result.to_dict()
        for instance in told['instances']:
            instance.setdefault('track_id', None)
        assert row == dict(told, path=result.path or video, error=None)
    (failed,) = [row for row in rows if row['error'] is not None]
    assert failed['path'] == photos[3]
    assert 'Cannot read' in failed['error']
    assert (failed['instances'], failed['height']) == ([], None)
    assert len(parquet.read_table(out)) == 7  # a folder is one table


@pytest.mark.parametrize('kind', ['bytes', 'path', 'image'])
def test_images_in_parquet_are_images_of_files(tmp_path, photos, kind):
    Path(photos[3]).write_bytes(b'no image')
    contents = [Path(path).read_bytes() for path in photos]
    values = dict(
        bytes=contents,
        path=[f'photos/{i}.png' for i in range(5)],
        image=[dict(bytes=content, path=None) for content in contents],
    )
    table = str(tmp_path / 'a.parquet')
    parquet.write_table(pa.table({kind: values[kind]}), table)
    of_files, of_rows = tmp_path / 'of_files', tmp_path / 'of_rows'
    wanted = question(layout='parquet')
    predict_in_bulk(photos, of_files, wanted, shard_size=2)
    predict_in_bulk([table], of_rows, wanted, shard_size=2)
    expected, rows = rows_in(of_files), rows_in(of_rows)
    names = photos if kind == 'path' else [f'{table}#{i}' for i in range(5)]
    assert [row['path'] for row in rows] == names
    for row in (expected[3], rows[3]):
        assert f'Cannot read {row["path"]}' in row.pop('error')
    assert without_path(rows) == without_path(expected)


def test_batches(photos):
    find = FindInBatches(BrightnessFinder(), column='bytes', **ASKED)
    contents = [Path(path).read_bytes() for path in photos]
    batch = pa.table(dict(bytes=contents, path=photos, width=range(5), mine=range(5)))
    found = find(batch).to_pylist()
    assert [row['path'] for row in found] == photos
    assert [row['mine'] for row in found] == list(range(5))
    assert [row['width'] for row in found] == [6, 7, 6, 7, 6]
    assert [len(row['instances']) for row in found] == [0, 1, 1, 1, 1]
    empty = find(batch.slice(0, 0))
    assert len(empty) == 0
    assert empty.schema == find(batch).schema


def test_batches_of_paths(photos):
    find = FindInBatches(BrightnessFinder(), column='file', **ASKED)
    found = find(pa.table(dict(file=[*photos, 'none.png']))).to_pylist()
    assert [row['path'] for row in found] == [*photos, 'none.png']
    assert found[-1]['error'] == 'There is no image file none.png.'
