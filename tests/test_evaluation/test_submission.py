from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from uninext.evaluation import check_submission, write_submission
from uninext.formats.index_png import write_mask

BOXES = '1,2,3,4\n1.5,2,3,4\n'
TUBES = json.dumps([dict(video_id=1, score=1, category_id=1, segmentations=[])])


def make_zip(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, 'w') as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_an_empty_zip_and_no_zip(tmp_path: Path):
    with pytest.raises(ValueError, match='has nothing'):
        check_submission(make_zip(tmp_path / 'a.zip'), 'trackingnet')
    with pytest.raises(ValueError, match='not a zip'):
        check_submission(tmp_path / 'absent.zip', 'trackingnet')
    with pytest.raises(ValueError, match='layout must be one of'):
        check_submission(tmp_path / 'a.zip', 'otb')


@pytest.mark.parametrize(
    ('layout', 'name', 'content'),
    [
        ('trackingnet', 'seq.txt', BOXES),
        ('got10k', 'seq/seq_001.txt', BOXES),
        ('got10k', 'seq/seq_time.txt', '0.1\n0.2\n'),
        ('ytvos', 'Annotations/v/0.png', '\x89'),
        ('refytvos', 'Annotations/v/0/0.png', '\x89'),
        ('ytvis', 'results.json', TUBES),
    ],
)
def test_layouts(tmp_path: Path, layout: str, name: str, content: str):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    if name.endswith('png'):
        write_mask(np.eye(3, dtype=bool), tmp_path / name)
    else:
        (tmp_path / name).write_text(content)
    path = write_submission(tmp_path / 'new' / 's.zip', [name], tmp_path, layout)
    assert check_submission(path, layout, [name]) == 1
    assert [p.name for p in path.parent.iterdir()] == ['s.zip']
    with pytest.raises(ValueError, match='in 1 files'):
        check_submission(path, layout, [name, 'other'])
    with pytest.raises(ValueError, match="'deeper/"):
        check_submission(make_zip(path, **{f'deeper/{name}': content}), layout)
    with pytest.raises(ValueError, match=name):
        check_submission(
            make_zip(path, **{name: '[1]' if 'json' in name else 'x'}), layout
        )


def test_results_that_are_no_json(tmp_path: Path):
    with pytest.raises(ValueError, match='not JSON'):
        check_submission(make_zip(tmp_path / 'a.zip', **{'results.json': '{'}), 'ytvis')


def test_lines_of_wrong_length_and_files_that_are_gone(tmp_path: Path):
    path = make_zip(tmp_path / 'a.zip', **{'s.txt': '1,2,3\n'})
    with pytest.raises(ValueError, match='line 1 has 3 numbers'):
        check_submission(path, 'trackingnet')
    with pytest.raises(ValueError, match='no line'):
        check_submission(make_zip(path, **{'s.txt': ''}), 'trackingnet')
    with pytest.raises(ValueError, match='file system'):
        write_submission(tmp_path / 'b.zip', ['s.txt'], tmp_path, 'trackingnet')


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('nan,nan,nan,nan', 'not finite'),
        ('1,2,inf,4', 'not finite'),
        ('1,2,-3,4', 'negative size'),
        ('1,2,3,-0.1', 'negative size'),
        ('1,2,3,1e999', 'not finite'),
    ],
)
@pytest.mark.parametrize(
    ('layout', 'name'), [('trackingnet', 's.txt'), ('got10k', 's/s_001.txt')]
)
def test_boxes_that_are_none(tmp_path: Path, layout, name, line, message):
    path = make_zip(tmp_path / 'a.zip', **{name: f'-1,-2,0,0\n{line}\n'})
    with pytest.raises(ValueError, match=f'{name} in .*: line 2 has a .*{message}'):
        check_submission(path, layout)


@pytest.mark.parametrize('line', ['-0.1', 'nan', '1,2,3,4'])
def test_times_that_are_none(tmp_path: Path, line):
    path = make_zip(tmp_path / 'a.zip', **{'s/s_time.txt': f'{line}\n'})
    with pytest.raises(ValueError, match='line 1 has'):
        check_submission(path, 'got10k')
    path = make_zip(tmp_path / 'a.zip', **{'s/s_001.txt': '0.1\n'})
    with pytest.raises(ValueError, match='expected 4'):
        check_submission(path, 'got10k')


def test_every_frame_has_a_line(tmp_path: Path):
    path = make_zip(tmp_path / 'a.zip', **{'s.txt': BOXES})
    assert check_submission(path, 'trackingnet', num_lines={'s.txt': 2}) == 1
    with pytest.raises(ValueError, match='has 2 lines; expected 3, one a frame'):
        check_submission(path, 'trackingnet', num_lines={'s.txt': 3})
    with pytest.raises(ValueError, match='has no lines; expected 1'):
        check_submission(path, 'trackingnet', num_lines={'t.txt': 1})
    path = make_zip(path, **{'s/s_001.txt': BOXES, 's/s_time.txt': '0.1\n'})
    with pytest.raises(ValueError, match='s_time.txt in .* has 1 lines; expected 2'):
        check_submission(path, 'got10k')


def tubes_of(*masks, **changes) -> dict:
    tube = dict(video_id=1, score=0.5, category_id=1, segmentations=list(masks))
    return {**tube, **changes}


RLE = dict(size=[2, 2], counts='04')


@pytest.mark.parametrize(
    ('tubes', 'message'),
    [
        ([tubes_of(RLE, score=float('nan'))], 'the number NaN'),
        ([tubes_of(RLE, score=float('inf'))], 'the number Infinity'),
        ([tubes_of(RLE, score=None)], 'result 0 has the score None'),
        ([tubes_of(RLE, None), tubes_of(RLE)], 'result 1 has 1 segm.* have 2'),
        ([tubes_of(RLE, segmentations=None)], 'result 0 has no list'),
        ([tubes_of(None, dict(RLE, counts='03'))], 'frame 1: .*3 pixels'),
        ([tubes_of(dict(RLE, size=[-2, -2]))], 'frame 0: '),
        ([tubes_of(dict(size=[2, 2]))], 'frame 0: .*counts'),
        ([tubes_of([[1, 1, 2, 2, 1, 2]])], 'frame 0: expected an RLE'),
    ],
)
def test_tubes_that_are_none(tmp_path: Path, tubes, message):
    path = tmp_path / 'a.zip'
    good = json.dumps([tubes_of(RLE, None), tubes_of(video_id=2)])
    assert check_submission(make_zip(path, **{'results.json': good}), 'ytvis') == 1
    make_zip(path, **{'results.json': json.dumps(tubes)})
    with pytest.raises(ValueError, match=message):
        check_submission(path, 'ytvis')


def test_a_png_that_is_cut_off(tmp_path: Path):
    write_mask(np.eye(9, dtype=bool), tmp_path / 'm.png')
    whole = (tmp_path / 'm.png').read_bytes()
    name = 'Annotations/v/0.png'
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr(name, whole[:-20])
    with pytest.raises(ValueError, match='not a PNG, or damaged'):
        check_submission(tmp_path / 'a.zip', 'ytvos')
