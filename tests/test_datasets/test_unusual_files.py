"""Names in other scripts, spaces in paths, images that are not 8-bit RGB: in datasets.

How one image is read: test_transforms/test_transform_loading.py.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from uninext.datasets import (
    MultiTaskDataset,
    PromptCocoDataset,
    ReferringDataset,
    SampleDraw,
    SingleObjectDataset,
    UnreadableImageError,
    VideoInstanceDataset,
)
from uninext.registry import DATASETS

FOLDER = 'meine Daten \u732b/\u0444\u043e\u0442\u043e'
NAMES = ('\u732b', 'Stra\xdfenbahn', "l'\xe2ne gris", 'red car')
EXPRESSION = 'le chien \xe0 gauche'
LOAD = [dict(type='LoadImageOrExplain'), dict(type='LoadPromptAnnotations')]
TRAIN = [
    *LOAD,
    dict(type='RandomFlip', prob=0.5),
    dict(type='Resize', scale=(64, 48), keep_ratio=True, backend='pillow'),
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
REFER = [*LOAD, dict(type='SampleExpressionPrompt'), dict(type='PackUninextInputs')]
VIDEO = [
    dict(type='SampleFramePair'),
    dict(type='ForEachFrame', transforms=[*LOAD, dict(type='SampleCategoryPrompt')]),
    dict(type='PackClipInputs'),
]
SIZE_WH = (40, 30)


def save(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding='utf-8')


def painted(mode: str = 'RGB') -> Image.Image:
    """Grey ground with a bright square where the object is."""
    if mode == 'I;16':
        deep = np.full(SIZE_WH[::-1], 100 * 256, np.uint16)
        deep[6:16, 4:14] = 250 * 256
        return Image.fromarray(deep)
    image = Image.new('RGB', SIZE_WH, (100, 100, 100))
    image.paste((250, 250, 250), (4, 6, 14, 16))
    return image.convert(mode)


def records(file_names: list[str], **more) -> dict:
    """An object an image, each of another category."""
    size = dict(width=SIZE_WH[0], height=SIZE_WH[1])
    return dict(
        images=[
            dict(id=i, file_name=name, **size, **more)
            for i, name in enumerate(file_names)
        ],
        annotations=[
            dict(id=i, image_id=i, category_id=i % len(NAMES) + 1, bbox=[4, 6, 10, 10])
            for i in range(len(file_names))
        ],
        categories=[dict(id=i, name=name) for i, name in enumerate(NAMES, start=1)],
    )


@pytest.fixture
def arguments(tmp_path: Path) -> dict:
    """Of a set whose folders, files and categories have names in other scripts."""
    root = tmp_path / FOLDER
    files = [f'{name} {i}/bild #{i} 100%.png' for i, name in enumerate(NAMES)]
    for name in files:
        (root / 'bilder' / name).parent.mkdir(parents=True)
        painted().save(root / 'bilder' / name)
    save(root / 'gr\xf6\xdfe.json', records(files, expressions=[EXPRESSION]))
    return dict(
        data_root=str(root), ann_file='gr\xf6\xdfe.json', data_prefix=dict(img='bilder')
    )


def test_names_in_other_scripts_are_asked_for(arguments):
    dataset = MultiTaskDataset(
        [dict(name='\u732b', dataset=PromptCocoDataset(**arguments, pipeline=TRAIN))]
    )
    asked = set()
    for index, name in enumerate(NAMES):
        sample = dataset[SampleDraw(index, seed=index)]['data_samples']
        (label,) = sample.gt_instances.labels.tolist()
        assert sample.prompt.names[label] == name
        assert sample.source == '\u732b'
        asked |= set(sample.prompt.names)
    assert asked >= set(NAMES)


def test_expressions_in_other_scripts_are_asked_for(arguments):
    dataset = ReferringDataset(**arguments, pipeline=REFER)
    assert dataset[0]['data_samples'].prompt.text == EXPRESSION


def test_videos_with_names_in_other_scripts(arguments):
    root = Path(arguments['data_root'])
    files = [f'{NAMES[0]} 0/{i}.png' for i in range(3)]
    for name in files:
        painted().save(root / 'bilder' / name)
    content = records(files)
    video = {**content['images'][0], 'file_names': files, 'name': NAMES[0]}
    annotation = dict(id=1, video_id=0, category_id=1, bboxes=[[4, 6, 10, 10]] * 3)
    content.update(videos=[video], annotations=[annotation])
    save(root / arguments['ann_file'], content)
    dataset = VideoInstanceDataset(**arguments, pipeline=VIDEO)
    sample = dataset[0]['data_samples']
    assert NAMES[0] in sample.prompt.names
    assert SingleObjectDataset(**arguments).get_data_info(0)['video_name'] == NAMES[0]


@pytest.mark.parametrize('name', ['a.jpg', 'a.tiff'])
@pytest.mark.parametrize('mode', ['1', 'L', 'RGB', 'CMYK', 'I;16'])
def test_every_kind_of_image_shows_its_object(tmp_path, mode, name):
    """The square is brighter than its ground, and neither is all white."""
    if mode in ('1', 'I;16'):
        name = Path(name).with_suffix('.png').name
    painted(mode).save(tmp_path / name)
    save(tmp_path / 'ann.json', records([name]))
    dataset = DATASETS.build(
        dict(
            type='PromptCocoDataset',
            data_root=str(tmp_path),
            ann_file='ann.json',
            pipeline=TRAIN,
        )
    )
    packed = dataset[0]
    image, sample = packed['inputs'].float(), packed['data_samples']
    assert image.shape[0] == 3
    x1, y1, x2, y2 = sample.gt_instances.bboxes.tensor[0].round().int().tolist()
    inside = image[:, y1 + 2 : y2 - 2, x1 + 2 : x2 - 2]
    assert inside.mean() > 240
    assert 60 < image[:, -10:].mean() < 160


def turned(path: Path) -> None:
    """An image that is stored lying, 40 x 30, and stands, 30 x 40."""
    exif = Image.Exif()
    exif[0x0112] = 6
    painted().save(path, exif=exif)


def test_annotations_are_of_the_turned_image(tmp_path):
    turned(tmp_path / 'a.jpg')
    content = records(['a.jpg'])
    content['images'][0].update(width=SIZE_WH[1], height=SIZE_WH[0])
    content['annotations'][0]['bbox'] = [14, 4, 10, 10]  # the square, turned
    save(tmp_path / 'ann.json', content)
    dataset = PromptCocoDataset(
        data_root=str(tmp_path), ann_file='ann.json', pipeline=LOAD
    )
    image = dataset[0]['img']
    assert image.shape == (40, 30, 3)
    assert image[5:13, 15:23].min() > 200
    assert not dataset.sampling_table().landscape[0]


def test_annotations_of_the_stored_image_are_refused_in_words(tmp_path, monkeypatch):
    turned(tmp_path / 'a.jpg')
    save(tmp_path / 'ann.json', records(['a.jpg']))
    args = dict(data_root=str(tmp_path), ann_file='ann.json')
    testing = PromptCocoDataset(**args, pipeline=LOAD, test_mode=True)
    with pytest.raises(UnreadableImageError, match='EXIF orientation turns it'):
        testing[0]
    said = []
    monkeypatch.setattr(
        'uninext.datasets.detection.print_log',
        lambda text, level, **_: said.append((level, text)),
    )
    assert PromptCocoDataset(**args, pipeline=LOAD).prepare_data(0) is None
    assert said[0][0] == logging.WARNING
    assert 'EXIF orientation turns it' in said[0][1]
    as_stored = [{**LOAD[0], 'color_type': 'color_ignore_orientation'}, LOAD[1]]
    assert PromptCocoDataset(**args, pipeline=as_stored)[0]['img'].shape == (30, 40, 3)
