"""Tasks: what sources hold, each once, in pieces of a size."""

from __future__ import annotations

import json
import shutil

import pytest

from helpers.brightness_finder import write_images, write_video
from uninext.apis.bulk.tasks import Sources, Task, new_tasks, sorted_sources


def test_nothing(tmp_path):
    assert new_tasks(Sources([], [], [])) == []
    with pytest.raises(ValueError, match='holds no image'):
        sorted_sources([str(tmp_path)])
    (tmp_path / 'list.txt').write_text('\n \n')
    with pytest.raises(ValueError, match=r'The list .*list\.txt has no line'):
        sorted_sources([str(tmp_path / 'list.txt')])


def test_sources_of_all_kinds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = write_images(tmp_path / 'photos', 12)
    video = write_video(tmp_path / 'a.mp4', 2)
    (tmp_path / 'lists').mkdir()
    (tmp_path / 'lists/list.txt').write_text('../photos/3.png\n\n../a.mp4\n../photos\n')
    found = sorted_sources(['photos/1?.png', 'lists/list.txt', 'photos', 'a.mp4'])
    others = [images[i] for i in range(12) if i not in (10, 11, 3)]
    assert found == Sources([images[10], images[11], images[3], *others], [video], [])


def test_a_folder_of_videos_and_frames(tmp_path):
    (tmp_path / 'videos').mkdir()
    videos = [write_video(tmp_path / f'videos/{i}.mp4', 1) for i in range(2)]
    assert sorted_sources([str(tmp_path / 'videos')]).videos == videos
    write_images(tmp_path / 'frames', 2)
    frames = str(tmp_path / 'frames')
    assert sorted_sources([frames], as_video=True) == Sources([], [frames], [])


@pytest.mark.parametrize('source', ['0', 'rtsp://camera.local/live'])
def test_what_may_never_end_is_refused(source):
    with pytest.raises(ValueError, match=f'{source} may never end'):
        sorted_sources([source])


def test_large_videos_first_then_images_in_pieces(tmp_path):
    short, long = tmp_path / 'short.mp4', tmp_path / 'long.mp4'
    short.write_bytes(b'1')
    long.write_bytes(b'22')
    sources = Sources(list('abcde'), [str(short), str(long)], [])
    tasks = new_tasks(sources, shard_size=2)
    assert tasks == [
        Task('video', (str(long),)),
        Task('video', (str(short),)),
        Task('images', ('a', 'b')),
        Task('images', ('c', 'd')),
        Task('images', ('e',)),
    ]
    assert [Task.from_dict(json.loads(json.dumps(t.to_dict()))) for t in tasks] == tasks
    assert new_tasks(sources, tasks) == []
    longer = Sources(list('xaby'), [str(short)], [])
    assert new_tasks(longer, tasks) == [Task('images', ('x', 'y'))]


def test_rows_of_parquet(tmp_path):
    pytest.importorskip('pyarrow')
    from uninext.apis.bulk.parquet import arrow

    def write(name: str, **columns: list) -> str:
        arrow().parquet.write_table(arrow().table(columns), tmp_path / name)
        return str(tmp_path / name)

    empty = write('empty.parquet', path=[])
    table = write('a.parquet', number=range(5), path=list('abcde'))
    sources = sorted_sources([empty, table])
    assert sources == Sources([], [], [empty, table])
    pattern = str(tmp_path / '[ae]*.parquet')
    for given in (str(tmp_path), pattern):
        assert sorted_sources([given]) == Sources([], [], [table, empty])
    photos = write_images(tmp_path, 1)
    assert sorted_sources([str(tmp_path)]) == Sources(photos, [], [table, empty])
    tasks = new_tasks(sources, shard_size=2)
    spans = [(0, 2), (2, 4), (4, 5)]
    assert tasks == [Task('rows', (table,), *span, 'path') for span in spans]
    write('a.parquet', number=range(7), path=list('abcdefg'))  # what is new is new
    assert new_tasks(sources, tasks) == [Task('rows', (table,), 5, 7, 'path')]
    (chosen,) = new_tasks(Sources([], [], [table]), column='number')
    assert chosen.column == 'number'
    with pytest.raises(ValueError, match='no column x; it has number, path'):
        new_tasks(Sources([], [], [table]), column='x')
    shutil.move(write('b.parquet', x=[1]), table)
    with pytest.raises(ValueError, match=r'no column of images \(image, bytes, '):
        new_tasks(sources)
