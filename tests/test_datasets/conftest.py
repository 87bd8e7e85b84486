"""Small data sets on disk for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

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
    """Two referred objects on one photograph, with two and one sentences."""
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
