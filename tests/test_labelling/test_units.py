"""What sources hold: each image and video once."""

from __future__ import annotations

import pytest

from helpers.labelling import write_clip, write_photos
from uninext.labelling.units import Unit, units_of


@pytest.fixture
def folder(tmp_path):
    write_photos(tmp_path, 'a-10.jpg', 'a-2.jpg', 'below/c.jpg')
    (tmp_path / 'notes.md').write_text('-')
    write_clip(tmp_path / 'walk.mp4')
    return tmp_path


def names(units: list[Unit]) -> list[str]:
    return [unit.path.name for unit in units]


def test_nothing(tmp_path):
    assert units_of([]) == []
    with pytest.raises(ValueError, match='holds neither image nor video'):
        units_of([tmp_path])
    for source in ('nowhere.jpg', '0', 'rtsp://a/b'):
        with pytest.raises(ValueError, match='There is no file or folder'):
            units_of([source])
    with pytest.raises(ValueError, match='an empty text'):
        units_of([''])


def test_a_folder_has_images_and_videos(folder):
    units = units_of([folder])
    assert names(units) == ['a-2.jpg', 'a-10.jpg', 'walk.mp4']
    assert [unit.is_video for unit in units] == [False, False, True]
    assert {unit.root for unit in units} == {folder.resolve()}
    assert units[-1].frames is None


def test_patterns_start_from_a_folder(folder):
    (unit,) = units_of([f'{folder}/**/c.jpg'])
    assert unit.path == folder / 'below/c.jpg'
    assert unit.root == folder


def test_a_list_has_sources_beside_it(folder):
    (folder / 'list.txt').write_text('\nbelow\na-2.jpg\n')
    assert names(units_of([folder / 'list.txt'])) == ['c.jpg', 'a-2.jpg']


def test_a_file_is_there_once(folder):
    units = units_of([folder / 'below/c.jpg', f'{folder}/below/../below', folder])
    assert names(units) == ['c.jpg', 'a-2.jpg', 'a-10.jpg', 'walk.mp4']


def test_a_folder_as_video(folder):
    (unit,) = units_of([folder / 'below'], as_video=True)
    assert unit.is_video
    assert [path.name for path in unit.frames] == ['c.jpg']


def test_what_is_no_video(folder):
    (folder / 'b.mp4').write_text('no video')
    assert names(units_of([folder]))  # its content is told when it is read
    with pytest.raises(ValueError, match='holds neither image nor video'):
        units_of([f'{folder}/*.md'])
