"""``train --dry-run``: the mixture is counted and samples are drawn, nothing trains."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine import Config

from helpers.tools import message_of_failure, run_tool
from uninext.cli import main

BROWSE = 'tools/misc/browse_dataset.py'


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A config that trains on one generated video, and has nothing but data."""
    names = [f'{t}.png' for t in range(3)]
    for name in names:
        pixels = np.random.randint(0, 255, (40, 60, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), pixels)
    boxes = [[5, 5, 20, 20]] * 3
    content = dict(
        videos=[dict(id=1, width=60, height=40, file_names=names)],
        annotations=[dict(id=1, video_id=1, category_id=1, bboxes=boxes)],
        categories=[dict(id=1, name='dog')],
    )
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    dataset = dict(
        type='VideoInstanceDataset',
        data_root=str(tmp_path),
        ann_file='ann.json',
        pipeline=[
            dict(type='SampleFramePair'),
            dict(
                type='ForEachFrame',
                transforms=[
                    dict(type='LoadImageOrExplain'),
                    dict(type='LoadPromptAnnotations'),
                    dict(type='SampleCategoryPrompt'),
                ],
            ),
            dict(type='PackClipInputs'),
        ],
    )
    loader = dict(
        batch_size=2,
        batch_sampler=dict(type='MultiTaskBatchSampler'),
        dataset=dict(
            type='MultiTaskDataset', sources=[dict(name='v', dataset=dataset)]
        ),
    )
    path = tmp_path / 'config.py'
    path.write_text(f"default_scope = 'uninext'\ntrain_dataloader = {loader!r}\n")
    return str(path)


def test_whole_command(config, tmp_path, capsys, monkeypatch):
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    options = ['--dry-run-ranks', '2', '--dry-run-batches', '5']
    images = ['--dry-run-images', str(tmp_path / 'images')]
    assert main(['train', config, '--dry-run', *options, *images]) == 0
    said = capsys.readouterr().out
    assert '2 ranks x 5 batches' in said
    assert '20 samples in 10 batches' in said
    assert sorted(p.name for p in (tmp_path / 'images').iterdir()) == [
        'v_0.jpg',
        'v_1.jpg',
    ]
    assert cv2.imread(str(tmp_path / 'images' / 'v_0.jpg')).shape[1] == 120
    assert not list((tmp_path / 'elsewhere').iterdir())


def test_sizes_are_compared_with_the_files(config, tmp_path, capsys):
    content = json.loads((tmp_path / 'ann.json').read_text())
    content['videos'][0].update(width=30, height=20)  # a factor of two
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    argv = ['train', config, '--dry-run', '--dry-run-batches', 2]
    message = message_of_failure(main, capsys, *argv)
    assert "the annotations of 'v' says: " in message
    assert '0.png (60 x 40, not 30 x 20)' in message


def test_one_image_of_another_size_among_many_is_a_note(config, tmp_path, capsys):
    content = json.loads((tmp_path / 'ann.json').read_text())
    (annotation,) = content['annotations']
    other = dict(content['videos'][0], id=2, width=90)
    content['videos'].append(other)
    content['annotations'].append(dict(annotation, id=2, video_id=2))
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    assert main(['train', config, '--dry-run', '--dry-run-batches', '2']) == 0
    said = capsys.readouterr().out
    assert 'note: of 2 images that were probed, 1 images have another size' in said
    assert '(60 x 40, not 90 x 40)' in said


@pytest.mark.parametrize('option', ['--dry-run-ranks', '--dry-run-batches'])
def test_numbers_must_be_positive(config, option, capsys):
    argv = ['train', config, '--dry-run', option, 0]
    assert 'must be at least 1' in message_of_failure(main, capsys, *argv)


def test_only_mixtures(config, tmp_path, capsys):
    text = Path(config).read_text()
    cfg = Config.fromstring(text, '.py')
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.sources[0].dataset
    cfg.dump(str(tmp_path / 'plain.py'))
    argv = ['train', tmp_path / 'plain.py', '--dry-run']
    assert 'expected a MultiTaskDataset' in message_of_failure(main, capsys, *argv)


def test_browsing_draws_the_samples_of_the_training(config, tmp_path, capsys):
    out = tmp_path / 'seen'
    argv = [config, '--out', str(out), '--num', '3', '--sheet']
    assert run_tool(BROWSE, *argv) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ['sheet.jpg', 'v_0.jpg', 'v_1.jpg', 'v_2.jpg']
    assert cv2.imread(str(out / 'sheet.jpg')).shape[1] > 3 * 480
    assert run_tool(BROWSE, *argv, '--sources', 'w') == 2
    assert "--sources ['w']: there are ['v']" in capsys.readouterr().err
