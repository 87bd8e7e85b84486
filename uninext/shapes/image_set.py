"""Write a generated detection and expression set to disk.

Last step of the flow. Layout (what ``demo/image_demo.py --data`` reads as well)::

    train/*.jpg  val/*.jpg  (test/*.jpg)
    annotations/instances_<split>.json   COCO: images, visible masks, boxes
    annotations/refs_<split>.json        one image record per referred object
    annotations/refs_attributes_<split>.json   the same, expressions of attributes alone
    annotations/instances_<taxonomy>_<split>.json   COCO: boxes under other names
    annotations/absent_<split>.json      what is not in an image: no annotations

A record of ``refs_*.json`` carries ``expressions``, of ``refs_<split>.json`` also their
``kinds``; its ``file_name`` repeats, its ``id`` does not, and it has one annotation of
category ``object``. An image of ``absent_*.json`` carries ``absent_categories`` and
``absent_expressions``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from uninext.formats.json_file import write_json
from uninext.formats.rle import encode_mask
from uninext.shapes.expressions import (
    absent_expressions,
    describe,
    describe_by_attributes,
)
from uninext.shapes.painting import write_jpeg
from uninext.shapes.scenes import Scene, SceneObject, draw_scene
from uninext.shapes.taxonomies import TAXONOMIES
from uninext.shapes.vocabulary import CATEGORIES, SPLITS

JPEG_QUALITY = 92
ATTRIBUTE_REFS = 'refs_attributes'
SHAPE_FIELDS = ('bbox', 'area', 'iscrowd', 'segmentation')


def generate_image_set(
    out_dir: str | Path,
    num_train: int,
    num_val: int,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    num_test: int = 0,
) -> dict[str, int]:
    """Generate images, boxes, masks and expressions.

    An image depends on the seed, its split and its number alone: a larger set begins
    with the smaller one, and no image of one split is in the other. Files of an earlier
    call with the same names are replaced.

    Args:
        out_dir: Folder to write into; made if absent.
        num_train: Images to learn from.
        num_val: Images to evaluate on.
        size: Width and height of the images in pixels, or the side of squares.
        seed: Of everything.
        num_test: Further images to evaluate on; 0 writes no such split.

    Returns:
        ``{'train_images': n, 'train_objects': n, 'train_expressions': n, ...}``.

    Raises:
        ValueError: If a count is too low, a side below 64, or ``seed`` negative.
    """
    counts = dict(zip(SPLITS, (num_train, num_val, num_test)))
    if min(num_train, num_val) < 1 or num_test < 0:
        raise ValueError(
            'num_train and num_val must be at least 1 and num_test at least 0, got '
            f'{num_train}, {num_val} and {num_test}.'
        )
    if seed < 0:
        raise ValueError(f'seed must be at least 0, got {seed}.')
    out_dir = Path(out_dir)
    summary = {}
    for split_index, (split, count) in enumerate(counts.items()):
        if not count:
            continue
        sets = _new_sets()
        (out_dir / split).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            rng = np.random.default_rng([seed, split_index, number])
            scene = draw_scene(rng, size)
            name = f'{split}_{number:06d}.jpg'
            write_jpeg(out_dir / split / name, scene.image, JPEG_QUALITY)
            _add_image(sets, scene, name, rng)
        for kind, content in sets.items():
            write_json(content, out_dir / f'annotations/{kind}_{split}.json')
        instances, refs = sets['instances'], sets['refs']
        summary[f'{split}_images'] = len(instances['images'])
        summary[f'{split}_objects'] = len(instances['annotations'])
        summary[f'{split}_expressions'] = sum(
            len(record['expressions']) for record in refs['images']
        )
    return summary


def _new_sets() -> dict[str, dict[str, Any]]:
    """Empty files; ``kind`` of ``<kind>_<split>.json`` -> content."""
    names = {'instances': CATEGORIES, 'refs': ('object',), ATTRIBUTE_REFS: ('object',)}
    names['absent'] = CATEGORIES
    names |= {f'instances_{key}': value.names for key, value in TAXONOMIES.items()}
    return {
        kind: {
            'images': [],
            'annotations': [],
            'categories': [{'id': i, 'name': n} for i, n in enumerate(of_kind, 1)],
        }
        for kind, of_kind in names.items()
    }


def _add_image(
    sets: dict[str, dict], scene: Scene, name: str, rng: np.random.Generator
) -> None:
    """Append a scene to all sets; ids count from 1."""
    height, width = scene.image.shape[:2]
    instances, facts = sets['instances'], scene.facts
    number = len(instances['images']) + 1
    image = {'id': number, 'file_name': name, 'height': height, 'width': width}
    first = len(instances['annotations']) + 1
    annotations = [
        {'id': i, 'image_id': number, **_fields_of(obj)}
        for i, obj in enumerate(scene.objects, start=first)
    ]
    instances['images'].append(image)
    instances['annotations'] += annotations
    for index, annotation in enumerate(annotations):
        found = describe(facts, index, rng)
        expressions, kinds = [e.text for e in found], [e.kind for e in found]
        _add_record(sets['refs'], image, annotation, expressions, kinds=kinds)
    # after all that an image of an earlier version drew: its expressions stay
    for index, annotation in enumerate(annotations):
        expressions = describe_by_attributes(facts, index, rng)
        _add_record(sets[ATTRIBUTE_REFS], image, annotation, expressions)
    seen = {words['category'] for words in facts.words}
    absent = {
        'absent_categories': [name for name in CATEGORIES if name not in seen],
        'absent_expressions': absent_expressions(facts, rng),
    }
    sets['absent']['images'].append({**image, **absent})
    for key, taxonomy in TAXONOMIES.items():
        renamed = [
            {
                'id': annotation['id'],
                'image_id': number,
                'category_id': taxonomy.names.index(label) + 1,
                'bbox': annotation['bbox'],
                'area': annotation['area'],
                'iscrowd': 0,
            }
            for annotation, label in zip(annotations, taxonomy.label(facts))
            if label
        ]
        if renamed:
            sets[f'instances_{key}']['images'].append(image)
            sets[f'instances_{key}']['annotations'] += renamed


def _add_record(
    refs: dict, image: dict, annotation: dict, expressions: list[str], **more: Any
) -> None:
    """Append an object that can be referred to."""
    if not expressions:
        return
    record_id = len(refs['images']) + 1
    refs['images'].append(
        {
            **image,
            'id': record_id,
            'expressions': expressions,
            **more,
            'original_id': image['id'],
            'original_annotation_id': annotation['id'],
        }
    )
    shape = {key: annotation[key] for key in SHAPE_FIELDS}
    refs['annotations'].append(
        {'id': record_id, 'image_id': record_id, 'category_id': 1, **shape}
    )


def _fields_of(obj: SceneObject) -> dict[str, Any]:
    x1, y1, x2, y2 = obj.box
    return {
        'category_id': CATEGORIES.index(obj.words['category']) + 1,
        **{key: obj.words[key] for key in ('color', 'size', 'texture')},
        'bbox': [x1, y1, x2 - x1, y2 - y1],
        'area': int(obj.mask.sum()),
        'iscrowd': 0,
        'segmentation': encode_mask(obj.mask),
    }
