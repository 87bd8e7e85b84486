from __future__ import annotations

import json

import pytest

from helpers import download_layouts as layouts
from helpers.tools import load_tool
from uninext.converters import VideoCheck


@pytest.fixture
def tool():
    return load_tool('tools/dataset_converters/tiny_video.py')


@pytest.fixture
def davis(tmp_path):
    root = layouts.davis(tmp_path / 'davis')
    layouts.write_text(root / 'ImageSets' / 'val.txt', 'judo\n')
    expressions = {'0': dict(exp='both', obj_id='1')}
    videos = dict(judo=dict(frames=['00000', '00005'], expressions=expressions))
    meta = json.dumps(dict(videos=videos))
    layouts.write_text(root / 'meta_expressions_authored.json', meta)
    return root


@pytest.fixture
def mot17(tmp_path):
    sequence = tmp_path / 'mot17' / 'train' / 'MOT17-02-FRCNN'
    layouts.write_frames(sequence / 'img1', ['000001.jpg', '000002.jpg'])
    rows = '1,1,2,3,5,6,1,1,1\n2,1,3,3,5,6,1,1,1\n'
    layouts.write_text(sequence / 'gt' / 'gt.txt', rows)
    return tmp_path / 'mot17'


def test_nothing_there(tool, tmp_path, capsys):
    assert tool.main([str(tmp_path / 'o'), '--davis', str(tmp_path / 'no')]) == 2
    assert 'Expected: the DAVIS download' in capsys.readouterr().err
    assert not (tmp_path / 'o').exists()


def test_tiny_video(tool, davis, mot17, tmp_path, capsys):
    out = tmp_path / 'out'
    args = [str(out), '--davis', str(davis), '--mot17', str(mot17)]
    assert tool.main(args) == 0
    assert tool.main(args) == 0  # links are replaced
    assert (out / 'davis').is_symlink()
    assert capsys.readouterr().out.count('davis_sot_train.json') == 2
    for name in ('davis_vis', 'davis_sot', 'davis_refs', 'mot17'):
        images = out / name.split('_')[0]
        check = VideoCheck(out / f'{name}_train.json', images, progress=False)
        assert check.ok, check.found.skipped
        assert check.found.boxes
    assert tool.main([*args, '--copy']) == 0
    assert not (out / 'davis').is_symlink()
    assert (out / 'mot17' / 'MOT17-02-FRCNN' / 'img1' / '000001.jpg').is_file()
    assert tool.main(args) == 2
    assert 'is a folder, not a link' in capsys.readouterr().err


@pytest.mark.slow
def test_real_davis_and_mot17(tool, data_dir, tmp_path):
    """One of the eight sequences: all of them take too long for a test."""
    root, out = tmp_path / 'davis', tmp_path / 'out'
    layouts.write_text(root / 'ImageSets' / 'val.txt', 'car-shadow\n')
    for folder in ('JPEGImages', 'Annotations'):
        (root / folder).symlink_to(data_dir / 'davis2016' / folder)
    name = 'meta_expressions_authored.json'
    meta = json.loads((data_dir / 'davis2016' / name).read_text())
    meta['videos'] = {'car-shadow': meta['videos']['car-shadow']}
    layouts.write_text(root / name, json.dumps(meta))
    mot17 = str(data_dir / 'mot17_mini')
    assert tool.main([str(out), '--davis', str(root), '--mot17', mot17]) == 0
    check = VideoCheck(out / 'davis_refs_train.json', out / 'davis', progress=False)
    assert check.ok
    found = check.found
    assert (found.videos, found.frames, found.expressions) == (1, 40, 2)
    check = VideoCheck(out / 'mot17_train.json', out / 'mot17', progress=False)
    assert check.ok
    assert check.found.frames == 12
