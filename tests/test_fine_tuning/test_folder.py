from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from uninext.fine_tuning.folder import find_coco_folder, read_coco
from uninext.shapes import generate_image_set


@pytest.fixture(scope='module')
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('generated')
    generate_image_set(path, 9, 2, size=64)
    return path


@pytest.fixture
def folder(generated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(generated, tmp_path / 'data'))


def names_of(path: Path) -> set[str]:
    return {image['file_name'] for image in read_coco(path)['images']}


def test_an_absent_or_empty_folder_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match='There is no folder .*nowhere'):
        find_coco_folder(tmp_path / 'nowhere', tmp_path)
    with pytest.raises(ValueError, match='has no COCO annotations. Looked for'):
        find_coco_folder(tmp_path, tmp_path)


def test_the_generated_layout_is_read_as_it_is(folder: Path, tmp_path: Path):
    found = find_coco_folder(folder, tmp_path / 'split')
    assert found.train.instances == folder / 'annotations/instances_train.json'
    assert found.train.images == folder / 'train'
    assert found.val.images == folder / 'val'
    assert found.val.refs == folder / 'annotations/refs_val.json'
    assert found.train.with_masks
    assert not (tmp_path / 'split').exists()


def test_years_in_names_are_fine(folder: Path, tmp_path: Path):
    annotations = folder / 'annotations'
    for split in ('train', 'val'):
        (folder / split).rename(folder / f'{split}2017')
        (annotations / f'instances_{split}.json').rename(
            annotations / f'instances_{split}2017.json'
        )
        (annotations / f'refs_{split}.json').unlink()
    found = find_coco_folder(folder, tmp_path / 'split')
    assert found.train.images == folder / 'train2017'
    assert found.train.refs is None


def test_a_set_without_val_is_parted_by_pictures(folder: Path, tmp_path: Path):
    for kind in ('instances', 'refs'):
        (folder / f'annotations/{kind}_val.json').unlink()
    before = sorted(folder.rglob('*'))
    found = find_coco_folder(folder, tmp_path / 'split')
    assert sorted(folder.rglob('*')) == before  # the user's folder is left alone
    train, val = names_of(found.train.instances), names_of(found.val.instances)
    assert len(val) == 1
    assert not train & val
    assert train | val == names_of(folder / 'annotations/instances_train.json')
    assert names_of(found.train.refs) <= train
    assert names_of(found.val.refs) <= val
    for split in (found.train, found.val):
        content = read_coco(split.refs)
        ids = {image['id'] for image in content['images']}
        assert {a['image_id'] for a in content['annotations']} == ids
    again = find_coco_folder(folder, tmp_path / 'again')
    assert names_of(again.val.instances) == val


@pytest.mark.parametrize(
    ('name', 'pictures'),
    [
        ('annotations.json', 'images'),
        ('_annotations.coco.json', '.'),
        ('labels.json', 'a/b'),
    ],
)
def test_a_single_file_beside_pictures(
    folder: Path, tmp_path: Path, name: str, pictures: str
):
    single = tmp_path / 'single'
    (single / pictures).mkdir(parents=True)
    shutil.copytree(folder / 'train', single / pictures, dirs_exist_ok=True)
    shutil.copy(folder / 'annotations/instances_train.json', single / name)
    found = find_coco_folder(single, tmp_path / 'split')
    assert found.train.images == (single / pictures).resolve()
    assert found.train.refs is None
    assert len(names_of(found.train.instances)) == 8


def test_folders_of_splits_with_their_own_files(folder: Path, tmp_path: Path):
    for split, name in (('train', 'train'), ('val', 'valid')):
        target = tmp_path / 'flow' / name
        shutil.copytree(folder / split, target)
        source = folder / f'annotations/instances_{split}.json'
        shutil.copy(source, target / '_annotations.coco.json')
    found = find_coco_folder(tmp_path / 'flow', tmp_path / 'split')
    assert found.val.images == tmp_path / 'flow/valid'


def test_boxes_without_masks_are_noticed(folder: Path, tmp_path: Path):
    path = folder / 'annotations/instances_val.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['segmentation'] = []
    path.write_text(json.dumps(content))
    found = find_coco_folder(folder, tmp_path)
    assert found.train.with_masks
    assert not found.val.with_masks


def test_broken_files_are_named(folder: Path, tmp_path: Path):
    path = folder / 'annotations/instances_train.json'
    text = path.read_text()
    for broken, message in (
        (text[:100], 'is not valid JSON'),
        ('[]', 'COCO format'),
        ('{"images": [], "annotations": [], "categories": []}', 'lists no image'),
        (json.dumps({**json.loads(text), 'annotations': []}), 'nothing to learn'),
        (json.dumps({**json.loads(text), 'annotations': [{'id': 7}]}), 'no image_id'),
    ):
        path.write_text(broken)
        with pytest.raises(ValueError, match=message):
            find_coco_folder(folder, tmp_path)
    path.write_text(text)
    shutil.rmtree(folder / 'train')
    with pytest.raises(ValueError, match='pictures of .* are not found'):
        find_coco_folder(folder, tmp_path)


def test_sentences_that_do_not_fit_are_named(folder: Path, tmp_path: Path):
    path = folder / 'annotations/refs_train.json'
    content = json.loads(path.read_text())
    content['images'][0]['file_name'] = 'gone.jpg'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'gone\.jpg'):
        find_coco_folder(folder, tmp_path)
    del content['images'][0]['expressions']
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="no 'expressions'"):
        find_coco_folder(folder, tmp_path)


def test_several_single_files_and_a_single_picture_are_errors(
    folder: Path, tmp_path: Path
):
    source = folder / 'annotations/instances_train.json'
    shutil.copytree(folder / 'train', tmp_path / 'two')
    for name in ('a.json', 'b.json'):
        shutil.copy(source, tmp_path / 'two' / name)
    with pytest.raises(ValueError, match=r'several JSON files \(a.json, b.json\)'):
        find_coco_folder(tmp_path / 'two', tmp_path / 'split')
    (tmp_path / 'two/b.json').unlink()
    content = json.loads(source.read_text())
    content['images'] = content['images'][:1]
    (tmp_path / 'two/a.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match='one picture'):
        find_coco_folder(tmp_path / 'two', tmp_path / 'split')
