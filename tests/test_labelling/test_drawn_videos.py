"""Videos that people labelled in Label Studio: from an export to a set to train on."""

from __future__ import annotations

import json

import cv2
import pytest

from helpers.labelling import write_clip
from helpers.made_up_results import HEIGHT, WIDTH
from helpers.tools import message_of_failure
from uninext.cli import main
from uninext.fine_tuning.data import read_own_set
from uninext.formats.label_studio import track_region
from uninext.labelling import write_drawn_videos

SIZE_WH = WIDTH, HEIGHT
LOCAL = '/data/local-files/?d='
BOX = [8.0, 6, 20, 30]


@pytest.fixture
def folder(tmp_path):
    write_clip(tmp_path / 'files/a b/clip.mp4', frames=5)
    write_clip(tmp_path / 'media/upload/1/clip.mp4', frames=4)
    return tmp_path


def task(number: int, url: str, *tracks: tuple, count: int = 5) -> dict:
    regions = [
        track_region(i, label, boxes, SIZE_WH, count, 10)
        for i, (label, boxes) in enumerate(tracks)
    ]
    annotations = [dict(result=regions, was_cancelled=False)]
    return dict(id=number, data=dict(video=url), annotations=annotations)


@pytest.fixture
def export(folder):
    def write(*tasks: dict):
        (folder / 'export.json').write_text(json.dumps(tasks))
        return folder / 'export.json'

    return write


def written(folder, export, **given):
    given.setdefault('files', folder / 'files')
    given.setdefault('media', folder / 'media')
    return write_drawn_videos(export, folder / 'out', **given)


def test_nothing_is_drawn(folder, export):
    with pytest.raises(ValueError, match='has no video with an object'):
        written(folder, export())
    with pytest.raises(ValueError, match='has no video with an object'):
        written(folder, export(task(1, f'{LOCAL}nowhere.mp4')))
    assert not (folder / 'out').exists()


def test_a_set_to_train_on(folder, export):
    given = export(
        task(1, f'{LOCAL}a%20b/clip.mp4', ('dog', {1: BOX, 2: BOX}), ('cat', {4: BOX})),
        task(2, '/data/upload/1/clip.mp4', ('dog', {0: BOX}), count=4),
        task(3, f'{LOCAL}nowhere.mp4'),
        dict(id=4, data=dict(video='x'), annotations=[]),
    )
    done = written(folder, given)
    assert (done.num_videos, done.num_frames, done.num_tracks) == (2, 9, 3)
    assert done.left_out == (
        'task 4: it has no annotation',
        'task 3: nothing is drawn',
    )
    own = read_own_set(done.path)  # what `uninext train --data` reads
    assert own.kind.source == 'video_categories'
    assert own.names == ['cat', 'dog']
    assert own.notes == ()
    assert own.summary().startswith('2 videos, 9 frames, 3 objects')
    content = json.loads(done.path.read_text())
    sizes = [(v['width'], v['height'], v['length']) for v in content['videos']]
    assert sizes == [(*SIZE_WH, 5), (*SIZE_WH, 4)]
    names = [v['file_names'][-1] for v in content['videos']]
    assert names == ['frames/clip/000004.jpg', 'frames/clip-2/000003.jpg']
    for name in names:
        assert cv2.imread(str(folder / 'out' / name)).shape[1::-1] == SIZE_WH
    box = pytest.approx(BOX)
    assert [a['bboxes'] for a in content['annotations']] == [
        [None, box, box, None, None],
        [None, None, None, None, box],
        [box, None, None, None],
    ]
    assert [(a['video_id'], a['category_id']) for a in content['annotations']] == [
        (1, 2), (1, 1), (2, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('url', 'count', 'message'),
    [
        ('https://elsewhere/a.mp4', 5, 'files are read from local storage'),
        (f'{LOCAL}../export.json', 5, 'There is no file'),
        ('/data/upload/1/clip.mp4', 5, 'give its folder by --media'),
        (f'{LOCAL}a b/clip.mp4', 12, 'has 5 frames, and task 1 was labelled as 12: .*'
         'the framerate 10, that of the file'),
    ],
)  # fmt: skip
def test_what_cannot_be_used(folder, export, url, count, message):
    given = export(task(1, url, ('dog', {0: BOX}), count=count))
    with pytest.raises(ValueError, match=message):
        written(folder, given, media=None)
    assert not (folder / 'out/labels.json').exists()


def test_a_video_of_two_tasks(folder, export):
    one, other = (task(i, f'{LOCAL}a b/clip.mp4', ('dog', {0: BOX})) for i in (1, 2))
    with pytest.raises(ValueError, match=r'Task 1 and task 2 show .*clip\.mp4'):
        written(folder, export(one, other))


def test_the_command(folder, export, capsys):
    given = export(task(1, f'{LOCAL}a b/clip.mp4', ('dog', {0: BOX})), task(2, 'x'))
    argv = ['label-studio', '--read', str(given), '--files', str(folder / 'files')]
    said = message_of_failure(main, capsys, *argv)
    assert '--read EXPORT and --out DIR belong together' in said
    out = str(folder / 'out')
    assert main([*argv, '--out', out]) == 0
    said = capsys.readouterr().out
    assert f'written to {out}/labels.json: 1 videos, 5 frames, 1 objects' in said
    assert 'left out: task 2: nothing is drawn' in said
    assert f'uninext train --data {out}/labels.json' in said
    said = message_of_failure(main, capsys, *argv, '--out', out)
    assert 'is not empty. Give a new folder' in said
