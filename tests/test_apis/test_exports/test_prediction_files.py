"""Files appear whole, under names of their own; what fails leaves nothing behind."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.made_up_results import make_result, make_video
from uninext.apis.exports import EXPORTS, Origin, OutputFolder, PredictionFiles
from uninext.apis.exports.prediction_files import _append
from uninext.utils.files import FileError

VIDEO = Origin('v', is_video=True, is_tracked=True, fps=5)


def names_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*.*'))


def test_nothing_found_nothing_written(tmp_path):
    with PredictionFiles(OutputFolder(tmp_path / 'o'), list(EXPORTS)) as files:
        pass
    assert files.folder.written == []
    assert not (tmp_path / 'o').exists()


def test_unknown_exports(tmp_path):
    with pytest.raises(ValueError, match="no export 'voc'; choose from images, video"):
        PredictionFiles(OutputFolder(tmp_path), ['video', 'voc'])


def test_everything_of_a_video(tmp_path):
    with PredictionFiles(OutputFolder(tmp_path), list(EXPORTS)) as files:
        files.begin(VIDEO)
        drawn = [files.add(result)() for result in make_video()]
    frames = [f'{i:06d}.jpg' for i in range(4)]
    assert names_in(tmp_path) == sorted(
        ['coco_labels.json', 'coco_results.json', 'ytvis_labels.json']
        + ['ytvis_results.json', 'v.jsonl', 'v.mp4', 'v.txt', 'v.xml']
        + [f'frames/v/{name}' for name in frames]
        + [f'v/{name}' for name in frames]
    )
    assert sorted(files.folder.written) == sorted(
        tmp_path / n for n in names_in(tmp_path)
    )
    raw = cv2.imread(str(tmp_path / 'frames/v/000000.jpg'))
    assert np.abs(raw.astype(int) - 50).max() < 3  # without anything drawn
    seen = cv2.imread(str(tmp_path / 'v/000002.jpg'))
    off_drawn, off_raw = (np.abs(seen.astype(int) - x).mean() for x in (drawn[2], raw))
    assert off_drawn < off_raw / 2


def test_images_in_memory_have_numbers(tmp_path):
    folder = OutputFolder(tmp_path)
    with PredictionFiles(folder, ['images', 'json', 'coco']) as files:
        files.begin(Origin('asked'))
        files.add(make_result())
        files.add(make_result())
    assert {'asked_000000.jpg', 'asked_000001.json'} <= set(names_in(tmp_path))
    labels = json.loads((tmp_path / 'coco_labels.json').read_text())
    names = [image['file_name'] for image in labels['images']]
    assert names == ['frames/asked/000000.jpg', 'frames/asked/000001.jpg']


def test_every_file_has_a_name_of_its_own(tmp_path):
    with PredictionFiles(OutputFolder(tmp_path), ['images', 'json']) as files:
        files.begin(Origin('asked', root=Path('p')))
        for name in ('p/a.jpg', 'p/a.png', 'p/a.gif', 'p/a.png'):
            result = make_result()
            result.path = name
            files.add(result)
    # OpenCV may or may not write GIFs
    images = [n for n in names_in(tmp_path) if not n.endswith('json')]
    assert len(images) == 4
    texts = [n for n in names_in(tmp_path) if n.endswith('json')]
    assert texts == ['a-2.json', 'a-3.json', 'a-4.json', 'a.json']


def test_images_that_cannot_be_written_are_png(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, 'haveImageWriter', lambda name: not name.endswith('.gif'))
    folder = OutputFolder(tmp_path)
    assert folder.write_image('a.gif', make_result().image).name == 'a.png'


def test_after_an_exception_what_was_begun_is_given_up(tmp_path):
    with (
        pytest.raises(KeyError),
        PredictionFiles(  # noqa: SIM117
            OutputFolder(tmp_path), ['video', 'cvat', 'coco', 'json']
        ) as files,
    ):
        files.begin(VIDEO)
        files.add(make_video()[0])
        raise KeyError
    assert names_in(tmp_path) == ['frames/v/000000.jpg', 'v.jsonl']


@pytest.mark.parametrize('names', [['video', 'cvat'], ['cvat', 'video']])
def test_a_table_that_cannot_be_written_takes_no_video_with_it(
    tmp_path, monkeypatch, names
):
    def fails(*_):
        raise FileError('full')

    monkeypatch.setattr(OutputFolder, 'write_text', fails)
    with (
        pytest.raises(FileError, match='full'),
        PredictionFiles(OutputFolder(tmp_path), names) as files,
    ):
        files.begin(VIDEO)
        files.add(make_video()[0])
    assert names_in(tmp_path) == ['v.mp4']


def test_frames_before_one_of_another_size_are_kept(tmp_path):
    first, other = make_video()[:2]
    other.image = np.zeros((60, 90, 3), np.uint8)
    with PredictionFiles(OutputFolder(tmp_path), ['ytvis', 'cvat']) as files:
        files.begin(VIDEO)
        files.add(first)
        with pytest.raises(ValueError, match='one size a video'):
            files.add(other)
    labels = json.loads((tmp_path / 'ytvis_labels.json').read_text())
    assert [video['length'] for video in labels['videos']] == [1]


def test_the_next_source_ends_the_one_before(tmp_path):
    with PredictionFiles(OutputFolder(tmp_path), ['video', 'images']) as files:
        files.begin(VIDEO)
        files.add(make_video()[0])
        files.begin(Origin('p'))
        assert (tmp_path / 'v.mp4').is_file()
        files.add(make_result())
    assert names_in(tmp_path) == ['p_000000.jpg', 'v.mp4']


@pytest.mark.parametrize(
    ('name', 'origin', 'fits'),
    [
        ('images', VIDEO, False),
        ('images', Origin('p'), True),
        ('video', Origin('p'), False),
        ('frames', VIDEO, True),
        ('mot', Origin('v', is_video=True), False),
        ('cvat', VIDEO, True),
        ('coco', Origin('p'), True),
    ],
)
def test_what_suits(name, origin, fits):
    assert EXPORTS[name].fits(origin) == fits


def test_a_file_of_lines_has_whole_lines_on_a_full_disk(tmp_path):
    class Full:
        """Writes two bytes, then none."""

        def __init__(self, file):
            self.file, self.left = file, 2

        def write(self, content):
            if not self.left:
                raise OSError(errno.ENOSPC, 'No space left on device')
            written = self.file.write(content[: self.left])
            self.left -= written
            return written

        def __getattr__(self, name):
            return getattr(self.file, name)

    with OutputFolder(tmp_path).lines('a.txt') as append:
        append('first')
        with pytest.raises(FileError, match=r'a\.txt .* No space left'):
            _append(Full(append.args[0]), 'second')
    assert (tmp_path / 'a.txt').read_bytes() == b'first\n'


def test_tables_are_whole_or_as_before(tmp_path, monkeypatch):
    (tmp_path / 'a.json').write_text('before')

    def fails(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', fails)
    with pytest.raises(FileError, match='What was written before is kept'):
        OutputFolder(tmp_path).write_text('a.json', 'after')
    monkeypatch.undo()
    assert names_in(tmp_path) == ['a.json']
    assert (tmp_path / 'a.json').read_text() == 'before'
