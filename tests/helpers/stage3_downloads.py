"""A small copy of every download that stage 3 trains on, in the folders of its config.

Single images are 48 x 36 (width x height), frames 24 x 16. Objects are bright, 1 red,
2 green, on dark noise: what a sample says can be seen in its image.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

from . import download_layouts as layouts

IMAGE_WH = (48, 36)  # the configs leave out images with a side below 32
LEFT, RIGHT = [4, 8, 12, 16], [28, 6, 14, 20]
CATEGORIES = [dict(id=3, name='dog'), dict(id=8, name='red car')]
VIDEO_BOXES = {1: [[2, 3, 5, 4], [3, 3, 5, 4], None], 2: [[12, 7, 6, 5]] * 3}


def write_json(path: Path, content: object) -> None:
    layouts.write_text(path, json.dumps(content))


def polygon(box: list) -> list[list[float]]:
    x, y, w, h = box
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def rle(box: list | None, compressed: bool) -> dict | None:
    """The mask of a box in a frame; null where there is none."""
    if box is None:
        return None
    pixels = layouts.index_image({1: box})
    if compressed:
        packed = mask_utils.encode(np.asfortranarray(pixels))
        return dict(size=packed['size'], counts=packed['counts'].decode())
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels.T.ravel(), [0]])))
    counts = np.diff(np.concatenate([[0], edges, [pixels.size]]))
    return dict(size=list(pixels.shape), counts=counts.tolist())


def image_names(folder: Path, names: list[str]) -> None:
    boxes = {1: [LEFT] * len(names), 2: [RIGHT] * len(names)}
    layouts.write_frames(folder, names, IMAGE_WH, boxes)


def coco(root: Path) -> None:
    """COCO 2017: one image with two objects and a crowd."""
    image_names(root / 'train2017', ['000000000009.jpg'])
    image = dict(id=9, file_name='000000000009.jpg', width=48, height=36)
    found = dict(image_id=9, iscrowd=0, area=192)
    crowd = dict(size=[36, 48], counts=[0, 36, 1692])
    annotations = [
        dict(found, id=1, category_id=3, bbox=LEFT, segmentation=polygon(LEFT)),
        dict(found, id=2, category_id=8, bbox=RIGHT, segmentation=polygon(RIGHT)),
        dict(found, id=3, category_id=8, bbox=[0, 0, 1, 36], segmentation=crowd)
        | dict(iscrowd=1),
    ]
    write_json(
        root / 'annotations/instances_train2017.json',
        dict(images=[image], annotations=annotations, categories=CATEGORIES),
    )


def refer(root: Path, photographs: Path) -> None:
    """REFER: two objects of a photograph; another photograph is for validation."""
    names = [f'COCO_train2014_{i:012d}.jpg' for i in (1, 2)]
    image_names(photographs, names)
    annotations = [
        dict(id=10 * i + k, image_id=i, bbox=box, segmentation=polygon(box))
        for i in (1, 2)
        for k, box in enumerate((LEFT, RIGHT))
    ]
    instances = dict(
        images=[
            dict(id=i, file_name=name, width=48, height=36)
            for i, name in enumerate(names, start=1)
        ],
        annotations=annotations,
        categories=CATEGORIES,
    )
    refs = [
        dict(
            ref_id=a['id'],
            ann_id=a['id'],
            image_id=a['image_id'],
            split='train' if a['image_id'] == 1 else 'val',
            sentences=[dict(sent=text) for text in expressions],
        )
        for a, expressions in zip(annotations, 2 * (['left one', 'red'], ['right one']))
    ]
    for name in ('refcoco/refs(unc).p', 'refcoco+/refs(unc).p', 'refcocog/refs(umd).p'):
        write_json((root / name).with_name('instances.json'), instances)
        (root / name).write_bytes(pickle.dumps(refs, protocol=2))


def youtube_vis(images: Path, annotations: Path, compressed: bool) -> None:
    """YouTube-VIS and OVIS: null where an object is absent."""
    names = ['00000.jpg', '00005.jpg', '00010.jpg']
    layouts.write_frames(images / 'v1', names, boxes=VIDEO_BOXES)
    video = dict(id=1, width=24, height=16, length=3)
    tracks = [
        dict(
            id=number,
            video_id=1,
            category_id=CATEGORIES[number - 1]['id'],
            iscrowd=0,
            bboxes=boxes,
            segmentations=[rle(box, compressed) for box in boxes],
            areas=[box and box[2] * box[3] for box in boxes],
        )
        for number, boxes in VIDEO_BOXES.items()
    ]
    write_json(
        annotations,
        dict(
            info={},
            licenses=[],
            videos=[dict(video, file_names=[f'v1/{name}' for name in names])],
            annotations=tracks,
            categories=CATEGORIES,
        ),
    )


def bdd100k(root: Path) -> None:
    """All four sets: polygons of images, bitmasks of videos, a crowd, old names."""
    labels, images = root / 'labels', root / 'images'
    for folder in ('100k/train', '10k/train'):
        image_names(images / folder, ['a.jpg', 'b.jpg'])
    for folder in ('track/train/v', 'seg_track_20/train/v'):
        names = [f'v-{i + 1:07d}.jpg' for i in range(3)]
        layouts.write_frames(images / folder, names, boxes=VIDEO_BOXES)
    pair = [_box_label('1', 'person', LEFT), _box_label('2', 'car', RIGHT)]
    crowd = dict(_box_label('3', 'car', [0, 0, 3, 3]), attributes=dict(crowd=True))
    write_json(
        labels / 'det_20/det_train.json',
        [dict(name='a.jpg', labels=[*pair, crowd]), dict(name='b.jpg', labels=None)],
    )
    shapes = [_polygon_label('1', 'person', LEFT), _polygon_label('2', 'car', RIGHT)]
    write_json(
        labels / 'ins_seg/polygons/ins_seg_train.json',
        [dict(name='a.jpg', labels=shapes), dict(name='b.jpg', labels=shapes[:1])],
    )
    frames = []
    for index in range(3):
        boxes = {n: of_frame[index] for n, of_frame in VIDEO_BOXES.items()}
        found = [_box_label(str(n), 'car', box) for n, box in boxes.items() if box]
        name = f'v-{index + 1:07d}'
        frames.append(
            dict(name=f'{name}.jpg', videoName='v', frameIndex=index, labels=found)
        )
        pixels = np.zeros((16, 24, 4), np.uint8)  # class, flags, id (two bytes)
        drawn = layouts.index_image(boxes)
        pixels[..., 0], pixels[..., 3] = 3 * (drawn > 0), drawn
        path = labels / f'seg_track_20/bitmasks/train/v/{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    write_json(labels / 'box_track_20/train/v.json', frames)


def _box_label(identity: str, category: str, box: list) -> dict:
    x, y, w, h = box  # the last pixel belongs to the box
    box2d = dict(x1=x, y1=y, x2=x + w - 1, y2=y + h - 1)
    return dict(id=identity, category=category, attributes={}, box2d=box2d)


def _polygon_label(identity: str, category: str, box: list) -> dict:
    x, y, w, h = box
    outline = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
    shape = dict(vertices=outline, types='LLLL', closed=True)
    return dict(id=identity, category=category, attributes={}, poly2d=[shape])


def write_all(folder: Path) -> None:
    """Everything, below ``folder/data`` and ``folder/downloads``, not yet converted."""
    data = folder / 'data'
    coco(data / 'coco')
    refer(folder / 'downloads/refer', data / 'coco/train2014')
    layouts.lasot(data / 'lasot')
    layouts.got10k(data / 'got10k')
    covered = data / 'got10k/train/GOT-10k_Train_000001/cover.label'
    covered.write_text('8\n0\n3\n')  # seen twice: a target needs two frames
    layouts.trackingnet(data / 'trackingnet')
    layouts.youtube_vos(data / 'ytvos18')
    layouts.ref_youtube_vos(data / 'refytvos')
    bdd100k(data / 'bdd100k')
    for year, name in (
        (2019, 'annotations/instances_train_sub'),
        (2021, 'train/instances'),
    ):
        root = data / f'ytvis_{year}'
        youtube_vis(root / 'train/JPEGImages', root / f'{name}.json', compressed=False)
    youtube_vis(data / 'ovis/train', data / 'ovis/annotations_train.json', True)
