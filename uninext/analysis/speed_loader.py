"""Images a second of the data loader alone: read, augment, choose the prompt, pack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uninext.analysis.timing import Timing, measure

IMAGES, OBJECTS, SIZE_HW = 8, 7, (480, 640)  # COCO: 7.3 objects an image


def loader_timing(
    folder: Path, pipeline: Sequence[dict[str, Any]], calls: int
) -> Timing:
    """Read ``IMAGES`` generated JPEG files with polygons again and again, one process.

    Args:
        folder: Where they are written.
        pipeline: Of training.
        calls: That count, of all images each.

    Raises:
        ValueError: If a sample is not what the network is trained on.
    """
    from uninext.datasets import PromptCocoDataset

    _write_images(folder)
    dataset = PromptCocoDataset(
        ann_file='instances.json',
        data_root=str(folder),
        data_prefix=dict(img=''),
        pipeline=[dict(step) for step in pipeline],
    )
    np.random.seed(0)
    for index in range(len(dataset)):
        _check(dataset[index])
    return measure(
        lambda: [dataset[i] for i in range(len(dataset))], calls, 0, items=len(dataset)
    )


def _check(sample: dict[str, Any]) -> None:
    image, instances = sample['inputs'], sample['data_samples'].gt_instances
    size_hw = tuple(image.shape[1:])
    masks = (instances.masks.height, instances.masks.width)
    if masks != size_hw or len(instances.masks) != len(instances.bboxes):
        raise ValueError(
            f'A sample has an image of {size_hw}, {len(instances.bboxes)} boxes and '
            f'{len(instances.masks)} masks of {masks}. The loader is not timed.'
        )


def _write_images(folder: Path) -> None:
    generator = np.random.default_rng(0)
    height, width = SIZE_HW
    images, annotations = [], []
    for number in range(IMAGES):
        small = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f'{number}.jpg'), cv2.resize(small, (width, height)))
        name = f'{number}.jpg'
        images.append(dict(id=number, file_name=name, width=width, height=height))
        for _ in range(OBJECTS):
            x, y = (float(v) for v in generator.uniform(0, 0.5, 2) * (width, height))
            w, h = (float(v) for v in generator.uniform(0.2, 0.5, 2) * (width, height))
            ring = [x, y, x + w, y, x + w, y + h, x + w / 2, y + h * 0.7, x, y + h]
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=int(generator.integers(1, 5)),
                    bbox=[x, y, w, h],
                    area=w * h,
                    iscrowd=0,
                    segmentation=[ring],
                )
            )
    names = ('person', 'car', 'dog', 'bicycle')
    categories = [dict(id=i, name=name) for i, name in enumerate(names, 1)]
    content = dict(images=images, annotations=annotations, categories=categories)
    (folder / 'instances.json').write_text(json.dumps(content))
