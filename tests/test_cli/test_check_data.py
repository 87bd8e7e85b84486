from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from uninext.cli import main


@pytest.fixture
def content() -> dict:
    return dict(
        images=[dict(id=1, file_name='a.png', width=8, height=6)],
        annotations=[dict(id=5, image_id=1, category_id=2, bbox=[1, 1, 3, 3])],
        categories=[dict(id=2, name='dog')],
    )


@pytest.fixture
def check(tmp_path, capsys, content):
    """Write the file, and check it."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((6, 8, 3), dtype=np.uint8))

    def run(*argv: str) -> tuple[int, str]:
        (tmp_path / 'f.json').write_text(json.dumps(content))
        status = main(['check-data', *(argv or (str(tmp_path / 'f.json'),))])
        return status, capsys.readouterr().out

    return run


def test_a_file(check, content, tmp_path):
    assert check() == (0, f'{tmp_path}/f.json: nothing wrong\n')
    content['annotations'] += [{}, dict(content['annotations'][0], bbox=[1, 1, 0, 3])]
    content['images'][0]['width'] = 9
    status, out = check()
    assert status == 2
    assert 'error: 1 x record of annotations has no image_id' in out
    assert 'left out: 1 x box without area' in out
    assert '1 of 1 sets have problems.' in out
    status, out = check(f'{tmp_path}/f.json', '--images', str(tmp_path))
    assert 'a.png (8 x 6, not 9 x 6)' in out


def test_a_config(check, content, tmp_path, capsys):
    dataset = dict(
        type='PromptCocoDataset',
        data_root=str(tmp_path),
        ann_file='f.json',
        data_prefix=dict(img=''),
    )
    sources = [dict(name=n, dataset=dataset) for n in 'ab']
    loader = dict(dataset=dict(type='MultiTaskDataset', sources=sources))
    config = tmp_path / 'c.py'
    tests = dict(dataset, test_mode=True)
    config.write_text(
        f'train_dataloader = {loader!r}\nval_dataloader = dict(dataset={tests!r})\n'
    )
    status, out = check(str(config))
    assert status == 0
    assert out.count('f.json (PromptCocoDataset, for t') == 2  # one file, two uses
    content['annotations'][0]['category_id'] = 3
    status, out = check(str(config))
    assert status == 2
    assert '2 of 2 sets have problems.' in out
    (tmp_path / 'empty.py').write_text('a = 1')
    assert main(['check-data', str(tmp_path / 'empty.py')]) == 2
    assert 'no data set' in capsys.readouterr().err
