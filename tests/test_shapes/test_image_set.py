"""The annotations of a generated set, checked from its files alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO

from helpers.generated import Seen, digests, meant
from uninext.shapes import (
    CATEGORIES,
    TAXONOMIES,
    Facts,
    generate_image_set,
)
from uninext.shapes.expressions import CLEAR_IN_IMAGES

NUM_TRAIN, NUM_VAL, SIZE = 24, 10, 96


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('shapes')
    generate_image_set(path, NUM_TRAIN, NUM_VAL, size=SIZE, seed=3)
    return path


def read(folder: Path, kind: str, split: str) -> dict:
    return json.loads((folder / f'annotations/{kind}_{split}.json').read_text())


@pytest.mark.parametrize(
    'kwargs',
    [dict(num_train=0), dict(num_val=0), dict(size=32), dict(seed=-1)],
    ids=str,
)
def test_no_images_or_a_wrong_number_is_an_error(tmp_path: Path, kwargs: dict):
    arguments = {'num_train': 1, 'num_val': 1, **kwargs}
    with pytest.raises(ValueError, match='at least'):
        generate_image_set(tmp_path, **arguments)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_masks_match_boxes_and_images(folder: Path, split: str):
    instances = read(folder, 'instances', split)
    sizes = {}
    for record in instances['images']:
        image = cv2.imread(str(folder / split / record['file_name']))
        assert image.shape == (record['height'], record['width'], 3)
        sizes[record['id']] = [record['height'], record['width']]
    shown = {image_id: np.zeros(size, int) for image_id, size in sizes.items()}
    for annotation in instances['annotations']:
        rle = annotation['segmentation']
        assert rle['size'] == sizes[annotation['image_id']]
        assert mask_utils.toBbox(rle).tolist() == annotation['bbox']
        assert mask_utils.area(rle) == annotation['area'] > 0
        assert annotation['iscrowd'] == 0
        shown[annotation['image_id']] += mask_utils.decode(rle)
    assert all(count.max() == 1 for count in shown.values())  # visible parts only


def test_pycocotools_reads_all_files(folder: Path, capsys):
    coco = COCO(str(folder / 'annotations/instances_train.json'))
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == list(CATEGORIES)
    assert len(coco.getImgIds()) == NUM_TRAIN
    refs = COCO(str(folder / 'annotations/refs_val.json'))
    assert all(len(refs.getAnnIds(i)) == 1 for i in refs.getImgIds())


@pytest.mark.parametrize('split', ['train', 'val'])
def test_a_record_is_one_object_of_the_detection_set(folder: Path, split: str):
    instances, refs = read(folder, 'instances', split), read(folder, 'refs', split)
    annotations = {a['id']: a for a in instances['annotations']}
    images = {i['id']: i for i in instances['images']}
    ids = [record['id'] for record in refs['images']]
    assert len(set(ids)) == len(ids)
    assert ids == [a['image_id'] for a in refs['annotations']]
    assert len({r['file_name'] for r in refs['images']}) < len(ids)
    for record, annotation in zip(refs['images'], refs['annotations']):
        source = annotations[record['original_annotation_id']]
        assert source['image_id'] == record['original_id']
        assert images[source['image_id']]['file_name'] == record['file_name']
        assert annotation['bbox'] == source['bbox']
        assert annotation['segmentation'] == source['segmentation']
        assert 1 <= len(record['expressions']) <= 3
        assert len(set(record['expressions'])) == len(record['expressions'])


@pytest.mark.parametrize('kind', ['refs', 'refs_attributes'])
@pytest.mark.parametrize('split', ['train', 'val'])
def test_an_expression_is_true_of_its_object_alone(folder: Path, split: str, kind: str):
    instances, refs = read(folder, 'instances', split), read(folder, kind, split)
    names = {c['id']: c['name'] for c in instances['categories']}
    objects: dict[int, list[Seen]] = {}
    for annotation in instances['annotations']:
        words = {annotation[key] for key in ('color', 'size', 'texture')}
        words.add(names[annotation['category_id']])
        seen = Seen(annotation['id'], words, annotation['bbox'])
        objects.setdefault(annotation['image_id'], []).append(seen)
    for record in refs['images']:
        for expression in record['expressions']:
            found = meant(expression, objects[record['original_id']])
            assert found == [record['original_annotation_id']], expression


def test_expressions_need_attributes_places_and_relations(folder: Path):
    records = read(folder, 'refs', 'train')['images']
    text = ' | '.join(s for record in records for s in record['expressions'])
    for word in ('left of', 'above', 'most', 'small', 'red', 'striped'):
        assert word in text


def test_a_set_is_a_function_of_its_seed(folder: Path, tmp_path: Path):
    for name, seed in (('same', 3), ('other', 4)):
        generate_image_set(tmp_path / name, 3, 2, size=SIZE, seed=seed)
    first = digests(folder)
    same, other = digests(tmp_path / 'same'), digests(tmp_path / 'other')
    images = [name for name in same if name.endswith('.jpg')]
    assert len(images) == 5
    assert all(same[name] == first[name] for name in images)  # a larger set begins so
    own = [name for name in same if not re.search('kind|relative', name)]
    assert len(own) > len(images)  # files of other names may be empty
    assert not any(same[name] == other[name] for name in own)
    images = [name for name in first if name.endswith('.jpg')]
    assert len(images) == NUM_TRAIN + NUM_VAL
    assert len({first[name] for name in images}) == len(images)  # none in two splits


# ------------------------------------------------------------------- other names


def facts_of(*objects: tuple[str, str, str, str, tuple[int, int]]) -> Facts:
    """Of an image of 100 x 100; category, colour, size, texture, centre."""
    keys = ('category', 'color', 'size', 'texture')
    words = tuple(dict(zip(keys, obj)) for obj in objects)
    centers = np.array([center for *_, center in objects]).reshape(-1, 1, 2)
    return Facts(100, words, centers, CLEAR_IN_IMAGES)


STAR, OTHER_STAR, RING, FAR_RING = (
    ('star', 'red', 'small', 'plain', (20, 50)),
    ('star', 'blue', 'small', 'striped', (50, 20)),
    ('ring', 'red', 'large', 'plain', (52, 80)),
    ('ring', 'red', 'large', 'plain', (90, 78)),
)
SIDES = ('leftmost', 'rightmost')
NAMED = {
    'colors': ['red', 'blue', 'red', 'red'],
    'textures': ['plain', 'striped', 'plain', 'plain'],
    'sizes': ['small', 'small', 'large', 'large'],
    'described': ['small red star', 'small blue star'] + 2 * ['large red ring'],
    'sides': ['leftmost', None, None, 'rightmost'],
    'levels': [None, 'topmost', None, None],  # both rings are as low
    'kind_sides': [
        'leftmost star',
        'rightmost star',
        'leftmost ring',
        'rightmost ring',
    ],
    'kind_levels': ['bottommost star', 'topmost star', None, None],
    'relative_sides': [None] * 4,  # nobody is alone of its kind
    'relative_levels': [None] * 4,
}


@pytest.mark.parametrize('key', TAXONOMIES)
def test_other_names_of_objects(key: str):
    taxonomy = TAXONOMIES[key]
    assert taxonomy.label(facts_of()) == []
    assert taxonomy.label(facts_of(STAR, OTHER_STAR, RING, FAR_RING)) == NAMED[key]
    assert set(NAMED[key]) - {None} <= set(taxonomy.names)
    assert len(set(taxonomy.names)) == len(taxonomy.names)


@pytest.mark.parametrize('key', ['kind_sides', 'kind_levels'])
def test_the_only_one_of_its_kind_is_at_no_side_of_it(key: str):
    assert TAXONOMIES[key].label(facts_of(STAR, OTHER_STAR, RING)) == [None] * 3


def test_where_objects_lie_of_the_only_one_of_its_kind():
    facts = facts_of(STAR, OTHER_STAR, RING)
    named = TAXONOMIES['relative_sides'].label(facts)
    assert named == ['left of the ring', None, None]  # the other star is right above
    named = TAXONOMIES['relative_levels'].label(facts)
    assert named == ['above the ring', 'above the ring', None]
    two_alone = facts_of(STAR, RING)
    assert TAXONOMIES['relative_sides'].label(two_alone) == [None, None]


def test_one_object_stands_out_from_nothing():
    assert TAXONOMIES['sides'].label(facts_of(STAR)) == [None]


@pytest.mark.parametrize('key', TAXONOMIES)
def test_files_of_other_names_hold_the_same_boxes(folder: Path, key: str):
    instances = read(folder, 'instances', 'train')
    boxes = {a['id']: (a['image_id'], a['bbox']) for a in instances['annotations']}
    renamed = read(folder, f'instances_{key}', 'train')
    assert [c['name'] for c in renamed['categories']] == list(TAXONOMIES[key].names)
    assert renamed['annotations']
    for annotation in renamed['annotations']:
        assert boxes[annotation['id']] == (annotation['image_id'], annotation['bbox'])
        assert 'segmentation' not in annotation
    shown = {a['image_id'] for a in renamed['annotations']}
    assert {image['id'] for image in renamed['images']} == shown
