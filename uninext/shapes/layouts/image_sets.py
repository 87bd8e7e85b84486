"""Images: COCO, Objects365, RefCOCO (REFER), and BDD100K's det and ins_seg.

A folder that ``generate_image_set`` wrote in; the downloads' layouts out.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

from uninext.formats.json_file import read_json, write_json
from uninext.shapes.layouts.files import link
from uninext.shapes.vocabulary import CATEGORIES

# Ids of a split's images begin after this number, so that splits can share a folder.
ID_OFFSETS = {'train': 0, 'val': 500_000}
# Folder and pickle of the REFER download -> what its splits besides train are called.
REFER_FILES = {
    ('refcoco', 'refs(unc).p'): ('val', 'testA', 'testB'),
    ('refcoco+', 'refs(unc).p'): ('val', 'testA', 'testB'),
    ('refcocog', 'refs(umd).p'): ('val', 'test'),
    ('refcocog', 'refs(google).p'): ('val',),
}


def write_coco(root: Path, source: Path) -> None:
    """Write ``{train,val}2017`` and ``annotations/instances_{train,val}2017.json``."""
    for split in ID_OFFSETS:
        content = _load(source, split)
        for image in content['images']:
            name = f'{image["id"]:012d}.jpg'
            link(image.pop('path'), root / f'{split}2017' / name)
            image['file_name'] = name
        write_json(content, root / f'annotations/instances_{split}2017.json')


def write_objects365(root: Path, source: Path) -> None:
    """Write boxes only, and images in ``{train,val}/patch<n>``."""
    for split in ID_OFFSETS:
        content = _load(source, split)
        for image in content['images']:
            patch = f'patch{image["id"] % 2}'
            name = f'objects365_v2_{image["id"]:08d}.jpg'
            link(image.pop('path'), root / split / patch / name)
            image['file_name'] = f'images/v2/{patch}/{name}'
        for annotation in content['annotations']:
            del annotation['segmentation']
        write_json(content, root / f'annotations/zhiyuan_objv2_{split}.json')


def write_refer(root: Path, source: Path, images: Path) -> None:
    """Write the REFER download: ``<set>/{instances.json,refs(...).p}``.

    The objects of ``val`` take turns in the splits to be tested on. All sets hold the
    same expressions. ``images`` is the folder ``train2014`` of COCO, which has the
    images of all splits.
    """
    merged: dict[str, list] = {'images': [], 'annotations': []}
    refs_of: dict[str, list[dict]] = {}
    for split, offset in ID_OFFSETS.items():
        content = _load(source, split)
        for image in content['images']:
            image['file_name'] = f'COCO_train2014_{image["id"]:012d}.jpg'
            link(image.pop('path'), images / image['file_name'])
        for key, records in merged.items():
            records += content[key]
        merged['categories'] = content['categories']
        refs_of[split] = _refs(source, split, offset)
    for (folder, name), splits in REFER_FILES.items():
        refs = [{**ref, 'split': 'train'} for ref in refs_of['train']]
        refs += [
            {**ref, 'split': splits[place % len(splits)]}
            for place, ref in enumerate(refs_of['val'])
        ]
        write_json(merged, root / folder / 'instances.json')
        (root / folder / name).write_bytes(pickle.dumps(refs, protocol=2))


def write_bdd100k_images(root: Path, source: Path) -> None:
    """Write det (boxes) and ins_seg (masks as RLE) in the Scalabel layout.

    The categories are those of the shapes.
    """
    for split in ID_OFFSETS:
        content = _load(source, split)
        labels = defaultdict(list)
        for annotation in content['annotations']:
            labels[annotation['image_id']].append(annotation)
        det, ins_seg = [], []
        for image in content['images']:
            name = f'{image["id"]:08x}.jpg'
            link(image['path'], root / 'images/100k' / split / name)
            link(image['path'], root / 'images/10k' / split / name)
            boxes = [_label(a) for a in labels[image['id']]]
            masks = [
                {**_label(a), 'rle': a['segmentation']} for a in labels[image['id']]
            ]
            det.append({'name': name, 'labels': boxes})
            ins_seg.append({'name': name, 'labels': masks})
        write_json(det, root / f'labels/det_20/det_{split}.json')
        path = root / f'labels/ins_seg/rles/ins_seg_{split}.json'
        write_json({'frames': ins_seg}, path)


def box2d(box_xywh: list[int]) -> dict[str, int]:
    """A box as Scalabel has it: the last pixel belongs to it."""
    x, y, width, height = box_xywh
    return {'x1': x, 'y1': y, 'x2': x + width - 1, 'y2': y + height - 1}


def _load(source: Path, split: str) -> dict[str, Any]:
    """Instances of a split; ids moved, and each image with its ``path``."""
    content = read_json(source / f'annotations/instances_{split}.json')
    offset = ID_OFFSETS[split]
    for image in content['images']:
        image['path'] = source / split / image['file_name']
        image['id'] += offset
    for annotation in content['annotations']:
        annotation['id'] += 10 * offset
        annotation['image_id'] += offset
    return content


def _refs(source: Path, split: str, offset: int) -> list[dict]:
    content = read_json(source / f'annotations/refs_{split}.json')
    return [
        {
            'ref_id': offset + record['id'],
            'ann_id': 10 * offset + record['original_annotation_id'],
            'image_id': offset + record['original_id'],
            'sentences': [
                {'sent': text, 'raw': text, 'sent_id': i, 'tokens': text.split()}
                for i, text in enumerate(record['expressions'])
            ],
        }
        for record in content['images']
    ]


def _label(annotation: dict) -> dict:
    return {
        'id': str(annotation['id']),
        'category': CATEGORIES[annotation['category_id'] - 1],
        'box2d': box2d(annotation['bbox']),
    }
