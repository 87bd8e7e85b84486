"""Small data sets on disk for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.runner import Runner
from torch.utils.data import DataLoader

LOAD_ONLY = [dict(type='LoadImageOrExplain'), dict(type='LoadPromptAnnotations')]


def square(x: float, y: float, size: float) -> list[list[float]]:
    return [[x, y, x + size, y, x + size, y + size, x, y + size]]


def annotation(ann_id: int, image_id: int, category_id: int = 1, **changes) -> dict:
    record = dict(
        id=ann_id,
        image_id=image_id,
        category_id=category_id,
        bbox=[4.0, 6.0, 10.0, 10.0],
        segmentation=square(4, 6, 10),
        area=100.0,
        iscrowd=0,
    )
    return {k: v for k, v in {**record, **changes}.items() if v is not ...}


@pytest.fixture
def coco_content() -> dict:
    """Four images (two landscape), ids 10..13; three categories with gaps in ids."""
    images = [
        dict(
            id=10 + i,
            file_name=f'{i}.png',
            width=40 if i % 2 else 32,
            height=32 if i % 2 else 40,
        )
        for i in range(4)
    ]
    return dict(
        images=images,
        annotations=[
            annotation(1, 10, 7),
            annotation(2, 10, 3, bbox=[0, 0, 5, 5], segmentation=square(0, 0, 5)),
            annotation(3, 11, 3),
            annotation(4, 12, 7),
            annotation(5, 12, 3, iscrowd=1, segmentation=...),
        ],
        categories=[
            dict(id=7, name='dog'),
            dict(id=3, name='red car'),
            dict(id=5, name='cat'),
        ],
    )


@pytest.fixture
def write_coco(tmp_path: Path) -> Callable[[dict], dict]:
    """Write a COCO-format dictionary and its images; returns dataset arguments."""

    def write(content: dict, images: bool = True) -> dict:
        (tmp_path / 'ann.json').write_text(json.dumps(content))
        (tmp_path / 'img').mkdir(exist_ok=True)
        for record in content['images'] if images else ():
            shape = (record['height'], record['width'], 3)
            pixels = np.random.RandomState(record['id']).randint(0, 255, shape)
            cv2.imwrite(
                str(tmp_path / 'img' / record['file_name']), pixels.astype(np.uint8)
            )
        return dict(
            data_root=str(tmp_path),
            ann_file='ann.json',
            data_prefix=dict(img='img/'),
            pipeline=LOAD_ONLY,
        )

    return write


@pytest.fixture
def refs_content() -> dict:
    """Two referred objects on one photograph, with two and one expressions."""
    return dict(
        images=[
            dict(
                id=1,
                file_name='a.png',
                width=40,
                height=32,
                original_id=77,
                expressions=['the dog on the left', 'second dog'],
            ),
            dict(
                id=2, file_name='a.png', width=40, height=32, expressions=['right one']
            ),
        ],
        annotations=[annotation(1, 1), annotation(2, 2, segmentation=...)],
        categories=[dict(id=1, name='whatever')],
    )


def track(ann_id: int, video_id: int, bboxes: list, category_id: int = 1, **changes):
    """An annotation of the YouTube-VIS layout; ``...`` as a value removes a key."""
    record = dict(
        id=ann_id,
        video_id=video_id,
        category_id=category_id,
        iscrowd=0,
        bboxes=bboxes,
        segmentations=[box and square(box[0], box[1], box[2]) for box in bboxes],
    )
    return {k: v for k, v in {**record, **changes}.items() if v is not ...}


@pytest.fixture
def video_content() -> dict:
    """Two videos: 4 landscape frames with two objects, 1 portrait frame with one."""
    left, right = [2.0, 4.0, 8.0, 8.0], [24.0, 6.0, 12.0, 12.0]
    return dict(
        videos=[
            dict(
                id=5,
                name='walk',
                width=48,
                height=32,
                length=4,
                file_names=[f'walk/{t}.png' for t in range(4)],
                expressions=['the dog on the left', 'left dog'],
            ),
            dict(
                id=6,
                width=32,
                height=48,
                length=1,
                file_names=['stand/0.png'],
                expressions=['a cat'],
            ),
        ],
        annotations=[
            track(1, 5, [left, left, left, None], 7),
            track(2, 5, [None, right, None, right], 3),
            track(3, 6, [left], 3),
        ],
        categories=[dict(id=7, name='dog'), dict(id=3, name='red car')],
    )


@pytest.fixture
def write_videos(tmp_path: Path) -> Callable[[dict], dict]:
    """Write a video annotation file and its frames; returns dataset arguments."""

    def write(content: dict, frames: bool = True) -> dict:
        (tmp_path / 'videos.json').write_text(json.dumps(content))
        for record in content['videos'] if frames else ():
            for t, name in enumerate(record['file_names']):
                path = tmp_path / 'frames' / name
                path.parent.mkdir(parents=True, exist_ok=True)
                shape = (record['height'], record['width'], 3)
                pixels = np.random.RandomState(t).randint(0, 255, shape)
                cv2.imwrite(str(path), pixels.astype(np.uint8))
        return dict(
            data_root=str(tmp_path),
            ann_file='videos.json',
            data_prefix=dict(img='frames/'),
            pipeline=[],
        )

    return write


@pytest.fixture
def load_batches() -> Callable[..., DataLoader]:
    """Build the loader of a training with batches of two."""

    def build(dataset: dict, num_workers: int) -> DataLoader:
        cfg = dict(
            batch_size=2,
            num_workers=num_workers,
            dataset=dataset,
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(type='MultiTaskBatchSampler'),
            collate_fn=dict(type='pseudo_collate'),
        )
        return Runner.build_dataloader(cfg, seed=3)

    return build
