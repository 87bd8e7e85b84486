"""Small copies of the layouts in which video sets are downloaded.

Every image is 24 x 16 (width x height), dark noise on which objects are bright: 1 is
red, 2 green, 3 blue. What is drawn is what the tests expect.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE_WH = (24, 16)
PALETTE = [0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200]
DARKEST_OBJECT, BRIGHTEST_GROUND = 230, 50
# object -> [x, y, width, height] a frame, None where it is absent
BOXES = {
    1: [[2, 3, 5, 4], [3, 3, 5, 4], None],
    2: [None, [12, 8, 1, 1], [12, 7, 6, 5]],
}


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    return path


def write_frames(
    folder: Path,
    names: list[str],
    size_wh=SIZE_WH,
    boxes: dict[int, list] | None = None,
) -> None:
    """Write frames; ``boxes`` as :data:`BOXES` says what is painted."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(len(names))
    for index, name in enumerate(names):
        shape = (size_wh[1], size_wh[0], 3)
        pixels = rng.randint(0, BRIGHTEST_GROUND, shape).astype(np.uint8)
        for number, of_frames in (boxes or {}).items():
            if of_frames[index] is not None:
                x, y, width, height = (round(v) for v in of_frames[index])
                color = np.arange(1, 4) == number
                pixels[y : y + height, x : x + width] = DARKEST_OBJECT * color
        Image.fromarray(pixels).save(folder / name, quality=95, subsampling=0)


def index_image(boxes: dict[int, list | None]) -> np.ndarray:
    pixels = np.zeros(SIZE_WH[::-1], np.uint8)
    for number, box in boxes.items():
        if box is not None:
            x, y, width, height = box
            pixels[y : y + height, x : x + width] = number
    return pixels


def write_mask(path: Path, pixels: np.ndarray, palette: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if palette:
        image.putpalette(PALETTE)
    image.save(path)


def write_masked_video(images: Path, masks: Path, name: str, boxes=BOXES) -> None:
    """Frames 00000, 00005, ... and a palette image for each."""
    length = len(next(iter(boxes.values())))
    stems = [f'{5 * i:05d}' for i in range(length)]
    write_frames(images / name, [f'{stem}.jpg' for stem in stems], boxes=boxes)
    for i, stem in enumerate(stems):
        pixels = index_image({k: v[i] for k, v in boxes.items()})
        write_mask(masks / name / f'{stem}.png', pixels)


def lasot(root: Path) -> Path:
    """Two classes; cat-2 is for testing; frame 3 of cat-10 is occluded, 4 is NaN."""
    for name, lines in {
        'cat-2': '1,2,5,6\n2,2,5,6\n',
        'cat-10': '1,2,5,6\n2,2,5,6\n3,2,5,6\nNaN,NaN,NaN,NaN\n5,2,5,6\n',
        'dog-1': '4,4,3,3\n0,0,0,0\n4,4,3,3\n',
    }.items():
        folder = root / name.split('-')[0] / name
        boxes = [
            None if line.startswith('NaN') else [int(v) for v in line.split(',')]
            for line in lines.splitlines()
        ]
        length = len(boxes)
        names = [f'{i + 1:08d}.jpg' for i in range(length)]
        write_frames(folder / 'img', names, boxes={1: boxes})
        write_text(folder / 'groundtruth.txt', lines)
        occluded = ['1' if (name, i) == ('cat-10', 2) else '0' for i in range(length)]
        unseen = ['1' if (name, i) == ('dog-1', 2) else '0' for i in range(length)]
        write_text(folder / 'full_occlusion.txt', ','.join(occluded))
        write_text(folder / 'out_of_view.txt', ','.join(unseen) + '\n')
        write_text(folder / 'nlp.txt', 'a cat')
    write_text(root / 'testing_set.txt', 'cat-2\n')
    return root


def got10k(root: Path) -> Path:
    """train: frame 2 absent, frame 3 wholly covered; test: only the first box."""
    for split, name in (('train', 'Train_000001'), ('test', 'Test_000001')):
        folder = root / split / f'GOT-10k_{name}'
        names = [f'{i + 1:08d}.jpg' for i in range(3)]
        write_frames(folder, names, boxes={1: [[1, 2, 5, 6]] * 3})
        box = '1.0000,2.0000,5.5000,6.0000\n'
        write_text(folder / 'groundtruth.txt', box * (3 if split == 'train' else 1))
        write_text(root / split / 'list.txt', folder.name + '\n')
        if split == 'train':
            write_text(folder / 'absence.label', '0\n1\n0\n')
            write_text(folder / 'cover.label', '8\n0\n0\n')
    return root


def trackingnet(root: Path) -> Path:
    """Parts 0 to 3 and 5, and TEST; frame 10 comes after frame 9, not after 1."""
    for part in ('TRAIN_0', 'TRAIN_1', 'TRAIN_2', 'TRAIN_3', 'TRAIN_5', 'TEST'):
        name = f'video_{part}'
        write_frames(
            root / part / 'frames' / name,
            [f'{i}.jpg' for i in range(11)],
            boxes={1: [[i + 0.5, 1, 4, 4] for i in range(11)]},
        )
        boxes = [f'{i}.5,1,4,4' for i in range(1 if part == 'TEST' else 11)]
        write_text(root / part / 'anno' / f'{name}.txt', '\n'.join(boxes))
    return root


def tnl2k(root: Path) -> Path:
    """Names without a common start; a second sequence lacks a frame."""
    frames_of = {'advS_1': ['a_9.png', 'a_10.png'], 'ball_2': ['1.png']}
    for name, frames in frames_of.items():
        write_frames(root / name / 'imgs', frames)
        write_text(root / name / 'groundtruth.txt', '1,1,4,4\n2,1,4,4\n')
        write_text(root / name / 'language.txt', 'the ball')
    return root


def otb(root: Path) -> Path:
    """All three separators, two targets, David from frame 300, frames after the end."""
    names = [f'{i:04d}.jpg' for i in (3, 4, 5)]
    write_frames(root / 'BlurCar3' / 'img', names)
    write_text(root / 'BlurCar3' / 'groundtruth_rect.txt', '1\t2\t5\t6\n2\t2\t5\t6\n')
    write_frames(root / 'Jogging' / 'img', ['0001.jpg'])
    write_text(root / 'Jogging' / 'groundtruth_rect.1.txt', '1,2,5,6\r\n\r\n')
    write_text(root / 'Jogging' / 'groundtruth_rect.2.txt', '7 2 5 6')
    write_frames(root / 'David' / 'img', ['0001.jpg', '0300.jpg', '0301.jpg'])
    write_text(root / 'David' / 'groundtruth_rect.txt', '1,2,5,6\n-9,2,5,6\n')
    return root


def youtube_vos(root: Path) -> Path:
    """train: two objects; valid: object 2 is given in the second frame."""
    for split in ('train', 'valid'):
        folder = root / split
        write_masked_video(folder / 'JPEGImages', folder / 'Annotations', 'v1')
        objects = {
            '1': dict(category='cat', frames=['00000', '00005']),
            '2': dict(category='dog', frames=['00005', '00010']),
        }
        meta = dict(videos=dict(v1=dict(objects=objects)))
        write_text(folder / 'meta.json', json.dumps(meta))
    (root / 'valid' / 'Annotations' / 'v1' / '00010.png').unlink()
    return root


def davis(root: Path, annotations: str = 'Annotations') -> Path:
    """DAVIS with one video, in train and in val."""
    images, masks = root / 'JPEGImages' / '480p', root / annotations / '480p'
    write_masked_video(images, masks, 'judo')
    for part in ('2016/train', '2016/val', '2017/train', '2017/val'):
        write_text(root / 'ImageSets' / f'{part}.txt', 'judo\n')
    return root


def ref_youtube_vos(root: Path) -> Path:
    """train: object 1 is seen twice, 3 never; valid lists a video of test."""
    train = root / 'train'
    boxes = {**BOXES, 2: [None, None, [12, 7, 6, 5]]}
    write_masked_video(train / 'JPEGImages', train / 'Annotations', 'v1', boxes)
    write_frames(root / 'valid' / 'JPEGImages' / 'v2', ['00000.jpg', '00005.jpg'])
    expressions = {
        '0': dict(exp='a cat on the left ', obj_id='1'),
        '1': dict(exp='the dog', obj_id='2'),
        '2': dict(exp='a cat on the left', obj_id='1'),
        '3': dict(exp='grey cat', obj_id='1'),
        '4': dict(exp=' . ', obj_id='1'),
        '5': dict(exp='nothing', obj_id='3'),
    }
    frames = ['00000', '00005', '00010', '00015']
    shown = dict(
        frames=frames[:2], expressions={'0': dict(exp='it'), '1': dict(exp='a')}
    )
    for split, videos in {
        'train': dict(v1=dict(frames=frames, expressions=expressions)),
        'valid': dict(v2=shown, v3=shown),
        'test': dict(v3=shown),
    }.items():
        path = root / 'meta_expressions' / split / 'meta_expressions.json'
        write_text(path, json.dumps(dict(videos=videos)))
    return root


def ref_davis(root: Path) -> Path:
    """Four files of expressions about the judo video."""
    davis(root / 'DAVIS', 'Annotations_unsupervised')
    for number, name in enumerate(
        ('annot1', 'annot1_full_video', 'annot2', 'annot2_full_video')
    ):
        lines = [f'judo 2 "man {number}"', f'judo 1 "a  caf\u00e9 {number}"', '']
        text = '\n'.join([*lines, 'dog-scale 1 "x"'])
        path = write_text(root / 'davis_text_annotations' / f'Davis17_{name}.txt', '')
        path.write_bytes(text.encode('latin-1' if number > 1 else 'utf-8'))
    return root
