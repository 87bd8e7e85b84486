"""YouTube-VOS's G, from the download to the metric and to ``uninext eval``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from PIL import Image

from uninext.converters import convert_youtube_vos
from uninext.datasets import SingleObjectDataset
from uninext.evaluation.result_files import evaluate_ytvos
from uninext.structures import UninextDataSample

SIZE_HW = (24, 32)
CATEGORIES = {1: 'cat', 2: 'yak'}
NUM_FRAMES = 4


def make_ids(frame: int) -> np.ndarray:
    ids = np.zeros(SIZE_HW, np.uint8)
    ids[2:10, 2 + frame : 12 + frame] = 1
    if frame:  # comes in later
        ids[13:20, 8:18] = 2
    return ids


def write_download(root: Path) -> Path:
    for split, numbers in (('train', (1,)), ('valid', (1, 2))):
        objects = {str(n): dict(category=CATEGORIES[n]) for n in numbers}
        for frame in range(NUM_FRAMES):
            for folder, image in (
                ('JPEGImages', Image.new('RGB', SIZE_HW[::-1])),
                ('Annotations', Image.fromarray(make_ids(frame))),
            ):
                suffix = 'jpg' if folder == 'JPEGImages' else 'png'
                path = root / split / folder / f'v/{frame:05d}.{suffix}'
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
        meta = dict(videos=dict(v=dict(objects=objects)))
        (root / split / 'meta.json').write_text(json.dumps(meta))
    return root


def test_g_occurs_from_the_download_on(tmp_path: Path):
    root = write_download(tmp_path / 'ytvos')
    ann_file = tmp_path / 'valid.json'
    convert_youtube_vos(root, ann_file, 'valid', all_masks=True, progress=False)
    dataset = SingleObjectDataset(
        ann_file=str(ann_file),
        data_prefix=dict(img=str(root / 'valid/JPEGImages')),
        target='mask',
        test_mode=True,
        pipeline=[],
    )
    out = tmp_path / 'out'
    metric = dict(type='VOSMetric', frames='after_first', outfile_prefix=str(out))
    evaluator = Evaluator([metric])
    for frame in range(NUM_FRAMES):
        info = dataset[frame]
        keys = ('img_path', 'frame_id', 'video_id', 'video_name', 'video_length')
        meta = {key: info[key] for key in keys}
        meta.update(ori_shape=SIZE_HW, instances=info['instances'])
        sample = UninextDataSample(metainfo=meta)
        masks = np.stack([np.roll(make_ids(frame) == n, n, axis=1) for n in CATEGORIES])
        sample.pred_instances = InstanceData(
            masks=torch.from_numpy(masks), instances_ids=torch.tensor([1, 2])
        )
        evaluator.process([sample])
    metrics = evaluator.evaluate(NUM_FRAMES)
    # One pixel off on ten, two on ten: seen is better than unseen.
    assert metrics['vos/J_seen'] == pytest.approx(9 / 11)
    assert metrics['vos/J_unseen'] == pytest.approx(8 / 12)
    four = [
        metrics[f'vos/{letter}_{kind}']
        for letter in 'JF'
        for kind in ('seen', 'unseen')
    ]
    assert metrics['vos/G'] == pytest.approx(np.mean(four))
    by_files = evaluate_ytvos(root / 'valid', out)['mean']
    assert {f'vos/{k}': v for k, v in by_files.items()} == pytest.approx(metrics)


def test_categories_that_are_not_known_give_no_g(tmp_path: Path):
    root = write_download(tmp_path)
    masks = root / 'valid/Annotations'
    assert evaluate_ytvos(masks, masks)['mean']['G'] == 1
    (root / 'train/meta.json').write_text('{}')
    with pytest.raises(ValueError, match='meta.json is not of the layout'):
        evaluate_ytvos(masks, masks)
    (root / 'train/meta.json').unlink()
    assert 'G' not in evaluate_ytvos(masks, masks)['mean']
