from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from uninext.evaluation import check_submission, write_submission
from uninext.evaluation.metrics.object_pictures import PALETTE, paint_ids, write_mask

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


def test_palette_and_painting():
    assert PALETTE[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
    assert len(set(zip(*[iter(PALETTE)] * 3))) == 256
    masks = np.array([[[1, 1, 0]], [[0, 1, 1]]], bool)
    assert paint_ids(masks, np.array([4, 9]), np.array([0.9, 0.1])).tolist() == [
        [4, 4, 9]
    ]
    assert paint_ids(masks, np.array([4, 9]), np.array([0.1, 0.9])).tolist() == [
        [4, 9, 9]
    ]
    with pytest.raises(ValueError, match='1 to 254'):
        paint_ids(masks, np.array([0, 9]), np.zeros(2))


def test_a_mask_is_written_as_it_is(tmp_path: Path):
    write_mask(np.eye(3, dtype=bool), tmp_path / 'deep' / 'm.png')
    image = Image.open(tmp_path / 'deep' / 'm.png')
    assert np.array(image).tolist() == (np.eye(3) * 255).tolist()
