"""Folders of COCO format: the files that are found, and how they are split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from uninext.fine_tuning import OwnPart, read_own_data
from uninext.fine_tuning.folder import find_coco_folder


@pytest.fixture
def folder(images: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(images, tmp_path / 'data'))


def read(folder: Path, tmp_path: Path, **options: Any) -> list[OwnPart]:
    return read_own_data([folder], split_dir=tmp_path / 'split', **options)


def names_of(path: Path) -> set[str]:
    return {image['file_name'] for image in json.loads(path.read_text())['images']}


def edit(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_an_absent_or_empty_folder_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match='There is no folder .*nowhere|no COCO'):
        find_coco_folder(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='has no COCO annotations. Looked for'):
        find_coco_folder(tmp_path)


def test_the_generated_layout_is_read_as_it_is(folder: Path, tmp_path: Path):
    categories, expressions = read(folder, tmp_path)
    assert categories.train.ann_file == folder / 'annotations/instances_train.json'
    assert categories.train.images == folder / 'train'
    assert expressions.val.ann_file == folder / 'annotations/refs_val.json'
    assert expressions.val.images == folder / 'val'
    assert not (tmp_path / 'split').exists()


def test_years_in_names_are_fine(folder: Path, tmp_path: Path):
    annotations = folder / 'annotations'
    for split in ('train', 'val'):
        (folder / split).rename(folder / f'{split}2017')
        (annotations / f'instances_{split}.json').rename(
            annotations / f'instances_{split}2017.json'
        )
        (annotations / f'refs_{split}.json').unlink()
    (part,) = read(folder, tmp_path)
    assert part.train.images == folder / 'train2017'


def test_a_file_without_counterpart_is_told(folder: Path, tmp_path: Path):
    (folder / 'annotations/refs_val.json').unlink()
    (part,) = read(folder, tmp_path)
    assert 'refs_train.json is not used' in part.train.notes[0]


def test_images_of_one_name_are_those_of_the_split(folder: Path, tmp_path: Path):
    path = folder / 'annotations/instances_val.json'

    def as_in_train(content: dict) -> None:
        for image in content['images']:
            new = image['file_name'].replace('val', 'train')
            (folder / 'val' / image['file_name']).rename(folder / 'val' / new)
            image['file_name'] = new

    edit(path, as_in_train)
    (folder / 'annotations/refs_val.json').unlink()
    (part,) = read(folder, tmp_path)
    assert (part.train.images, part.val.images) == (folder / 'train', folder / 'val')


def test_a_set_without_val_is_split_by_images(folder: Path, tmp_path: Path):
    for kind in ('instances', 'refs'):
        (folder / f'annotations/{kind}_val.json').unlink()
    before = sorted(folder.rglob('*'))
    parts = read(folder, tmp_path)
    assert sorted(folder.rglob('*')) == before  # the user's folder is left alone
    train, val = parts[0].train.scenes, parts[0].val.scenes
    assert len(val) == 1
    assert not train & val
    assert train | val == names_of(folder / 'annotations/instances_train.json')
    assert parts[1].train.scenes <= train
    assert parts[1].val.scenes <= val
    again = read_own_data([folder], split_dir=tmp_path / 'again')
    assert again[0].val.scenes == val


def test_few_expressions_are_held_out_too(folder: Path, tmp_path: Path):
    """Of images that the share of all may not hold."""
    for kind in ('instances', 'refs'):
        (folder / f'annotations/{kind}_val.json').unlink()
    held_out = read(folder, tmp_path)[0].val.scenes

    def keep_two(content: dict) -> None:
        one_each = {image['file_name']: image for image in content['images']}
        kept = [one_each[name] for name in sorted(one_each.keys() - held_out)[:2]]
        ids = [image['id'] for image in kept]
        content['images'] = kept
        content['annotations'] = [
            a for a in content['annotations'] if a['image_id'] in ids
        ]

    path = folder / 'annotations/refs_train.json'
    edit(path, keep_two)
    assert len(names_of(path)) == 2
    categories, expressions = read(folder, tmp_path)
    assert len(expressions.val.scenes) == len(expressions.train.scenes) == 1
    assert expressions.val.scenes <= categories.val.scenes


@pytest.mark.parametrize(
    ('name', 'below'),
    [
        ('annotations.json', 'images'),
        ('_annotations.coco.json', '.'),
        ('labels.json', 'a/b'),
    ],
)
def test_a_single_file_beside_images(
    folder: Path, tmp_path: Path, name: str, below: str
):
    single = tmp_path / 'single'
    (single / below).mkdir(parents=True)
    shutil.copytree(folder / 'train', single / below, dirs_exist_ok=True)
    shutil.copy(folder / 'annotations/instances_train.json', single / name)
    (part,) = read(single, tmp_path, val_fraction=0.25)
    assert part.train.images == (single / below).resolve()
    assert (len(part.train.scenes), len(part.val.scenes)) == (6, 2)


def test_folders_of_splits_with_their_own_files(folder: Path, tmp_path: Path):
    for split, name in (('train', 'train'), ('val', 'valid')):
        target = tmp_path / 'flow' / name
        shutil.copytree(folder / split, target)
        source = folder / f'annotations/instances_{split}.json'
        shutil.copy(source, target / '_annotations.coco.json')
    (part,) = read(tmp_path / 'flow', tmp_path)
    assert part.val.images == tmp_path / 'flow/valid'


def test_expressions_that_are_absent_are_named(folder: Path, tmp_path: Path):
    path = folder / 'annotations/refs_train.json'
    edit(path, lambda content: content['images'][0].pop('expressions'))
    with pytest.raises(ValueError, match="images record .* has 'expressions' None"):
        read(folder, tmp_path)


def test_several_single_files_and_a_single_image_are_errors(
    folder: Path, tmp_path: Path
):
    source = folder / 'annotations/instances_train.json'
    shutil.copytree(folder / 'train', tmp_path / 'two')
    for name in ('a.json', 'b.json'):
        shutil.copy(source, tmp_path / 'two' / name)
    with pytest.raises(ValueError, match=r'several JSON files \(a.json, b.json\)'):
        find_coco_folder(tmp_path / 'two')
    (tmp_path / 'two/b.json').unlink()

    def first_only(content: dict) -> None:
        content['images'] = content['images'][:1]

    edit(tmp_path / 'two/a.json', first_only)
    with pytest.raises(ValueError, match='too few to hold'):
        read(tmp_path / 'two', tmp_path)
