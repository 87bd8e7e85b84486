"""What is read of users' files, and what is said about them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from uninext.datasets import DatasetError
from uninext.datasets.transforms import LoadImageOrExplain
from uninext.datasets.video_annotation import VideoAnnotation
from uninext.fine_tuning import read_own_data, read_own_set
from uninext.fine_tuning.checks import image_size
from uninext.utils.error_origin import is_for_users


@pytest.fixture
def changed(images: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a file of names with a change; its images are linked."""

    def change(edit: Callable[[dict], None], name: str = 'mine.json') -> Path:
        content = json.loads((images / 'annotations/instances_train.json').read_text())
        edit(content)
        folder = tmp_path / 'images'
        if not folder.exists():
            shutil.copytree(images / 'train', folder)
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return change


def test_files_that_are_no_annotations_are_named(tmp_path: Path):
    path = tmp_path / 'x.json'
    with pytest.raises(ValueError, match='does not exist'):
        read_own_set(path)
    for text, message in (
        ('[]', r'plain list.*refexp_json\.py'),
        ('{"a": 1}', r"neither of COCO format.*it has \['a'\]"),
        ('3', 'neither of COCO format'),
        ('{"images": [', 'is not valid JSON'),
        ('{"images": [], "categories": [], "annotations": []}', 'lists no image'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_own_set(path)
    with pytest.raises(ValueError, match=r'is a pickle.*refcoco\.py'):
        read_own_set(tmp_path / 'refs(unc).p')


@pytest.mark.parametrize(
    ('file', 'source', 'said'),
    [
        ('instances', 'categories', '8 images, .* 6 categories: '),
        ('refs', 'expressions', 'images, .* expressions'),
    ],
)
def test_images_are_told_by_their_keys(images: Path, file: str, source: str, said: str):
    own = read_own_set(images / f'annotations/{file}_train.json', images / 'train')
    assert own.kind.source == source
    assert own.has_all_masks
    assert not [note for note in own.notes if 'left out' in note]
    assert re.search(said, own.summary())


def test_images_without_an_object_are_counted(changed, tmp_path: Path):
    def edit(content: dict) -> None:
        first = content['images'][0]['id']
        content['annotations'] = [
            a for a in content['annotations'] if a['image_id'] != first
        ]

    own = read_own_set(changed(edit), tmp_path / 'images')
    assert (own.num_empty, len(own.scenes)) == (1, 8)
    assert own.summary().endswith(', 1 images without an object')


def test_videos_are_told_by_their_keys(videos: Path):
    own = read_own_set(videos / 'vis_train.json', videos / 'videos/train')
    assert own.kind.source == 'video_categories'
    assert own.summary().startswith('3 videos, 6 frames')
    own = read_own_set(videos / 'refs_train.json', videos / 'videos/train')
    assert own.kind.source == 'video_expressions'
    assert own.has_all_masks
    assert len(own.scenes) <= 3


def test_images_are_looked_for_beside_the_file(changed, tmp_path: Path):
    own = read_own_set(changed(lambda content: None))
    assert own.images == tmp_path / 'images'
    shutil.rmtree(tmp_path / 'images')
    with pytest.raises(ValueError, match='not found.*--images DIR'):
        read_own_set(tmp_path / 'mine.json')
    with pytest.raises(ValueError, match='no folder .*gone'):
        read_own_set(tmp_path / 'mine.json', tmp_path / 'gone')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='has none of the images'):
        read_own_set(tmp_path / 'mine.json', tmp_path / 'empty')


def test_odd_things_are_said(changed, tmp_path: Path):
    def edit(content: dict) -> None:
        content['images'][0]['file_name'] = 'gone.jpg'
        content['categories'].append({'id': 99, 'name': 'dodo'})
        boxes = [a for a in content['annotations'] if a['image_id'] != 1]
        boxes[0]['bbox'] = [-10, 0, 30, 30]
        boxes[1]['bbox'] = [500, 500, 9, 9]
        del boxes[2]['segmentation']

    own = read_own_set(changed(edit), tmp_path / 'images')
    assert len(own.scenes) == 7
    text = '\n'.join(own.notes)
    assert '1 of 8 images are left out' in text
    assert 'gone.jpg' in text
    assert '1 boxes reach over the border' in text
    assert '1 boxes are empty or outside' in text
    assert 'dodo' in text
    assert own.num_masks == len(own.content['annotations']) - 1


def test_names_must_tell_categories_apart(changed):
    def edit(content: dict) -> None:
        content['categories'][1]['name'] = content['categories'][0]['name']

    with pytest.raises(ValueError, match='several categories named'):
        read_own_set(changed(edit))


def test_a_part_is_held_out_for_all_files_alike(images: Path, tmp_path: Path):
    files = [images / f'annotations/{k}_train.json' for k in ('instances', 'refs')]
    folder = images / 'train'
    before = sorted(images.rglob('*'))
    parts = read_own_data(files, [folder], split_dir=tmp_path, val_fraction=0.25)
    assert [part.train.kind.source for part in parts] == ['categories', 'expressions']
    learned = parts[0].train.scenes
    evaluated = parts[0].val.scenes
    assert len(evaluated) == 2
    assert len(learned) == 6
    assert not evaluated & learned
    assert not parts[1].train.scenes & evaluated
    assert not parts[1].val.scenes & learned
    assert sorted(images.rglob('*')) == before
    for part in parts:
        for own in (part.train, part.val):
            written = json.loads(own.ann_file.read_text())
            assert written == own.content
            assert own.ann_file.parent == tmp_path
    again = read_own_data(files[:1], [folder], split_dir=tmp_path / 'again')
    assert again[0].val.scenes <= evaluated


def test_given_files_are_used_as_they_are(images: Path, tmp_path: Path):
    train, val = (
        images / f'annotations/instances_{split}.json' for split in ('train', 'val')
    )
    (part,) = read_own_data(
        [train], [images / 'train'], [val], [images / 'val'], split_dir=tmp_path
    )
    assert (part.train.ann_file, part.val.ann_file) == (train, val)
    assert not list(tmp_path.iterdir())


def test_a_folder_has_its_own_validation_files(images: Path):
    with pytest.raises(ValueError, match='is a folder'):
        read_own_data([images], val_data=['x.json'])


def test_what_does_not_go_together_is_refused(
    images: Path, videos: Path, changed, tmp_path: Path
):
    names = images / 'annotations/instances_train.json'
    refs = images / 'annotations/refs_train.json'
    folder = images / 'train'
    with pytest.raises(ValueError, match='Several files of one kind'):
        read_own_data([names, names], [folder])
    with pytest.raises(ValueError, match='one file at a time'):
        read_own_data(
            [names, videos / 'vis_train.json'], [folder, videos / 'videos/train']
        )
    with pytest.raises(ValueError, match='1 annotation files and 2 folders'):
        read_own_data([names], [folder, folder])
    with pytest.raises(ValueError, match=r'none for .*instances_train'):
        read_own_data([names], [folder], [refs], [folder])
    with pytest.raises(ValueError, match='within 0 and 1, got 1.0'):
        read_own_data([names], [folder], val_fraction=1.0)

    def edit(content: dict) -> None:
        content['categories'][0]['name'] = 'other'

    with pytest.raises(ValueError, match='Give both the same list'):
        read_own_data([names], [folder], [changed(edit)], [folder], split_dir=tmp_path)


# ----------------------------------------------------------------- sizes, strays, masks


def test_sizes_are_compared_with_the_files(changed, tmp_path: Path):
    def edit(content: dict) -> None:
        content['images'][2].update(width=128, height=32)

    name = json.loads(changed(edit).read_text())['images'][2]['file_name']
    message = (
        rf'1 images .* another size .*mine.json says: {name} \(64 x 64, not 128 x 32'
    )
    with pytest.raises(DatasetError, match=message):
        read_own_set(tmp_path / 'mine.json', tmp_path / 'images')


def test_sizes_of_frames_are_compared(videos: Path, tmp_path: Path):
    content = json.loads((videos / 'vis_train.json').read_text())
    content['videos'][0]['height'] = 65
    (tmp_path / 'mine.json').write_text(json.dumps(content))
    first = content['videos'][0]['file_names'][0]
    with pytest.raises(DatasetError, match=rf'{first} \(64 x 64, not 64 x 65\)'):
        read_own_set(tmp_path / 'mine.json', videos / 'videos/train')


@pytest.mark.parametrize('orientation', [None, *range(1, 9)])
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_the_size_of_an_image_is_that_of_the_loader(tmp_path, orientation, suffix):
    path, exif = tmp_path / f'a{suffix}', Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new('RGB', (30, 20)).save(path, exif=exif)
    loaded = LoadImageOrExplain().transform(dict(img_path=str(path)))
    assert image_size(path) == loaded['ori_shape'][::-1]


def test_what_is_no_image_has_no_size(tmp_path: Path):
    (tmp_path / 'empty.jpg').touch()
    (tmp_path / 'text.jpg').write_text('words')
    assert image_size(tmp_path / 'empty.jpg') is None
    assert image_size(tmp_path / 'text.jpg') is None


def test_damaged_images_are_left_out_and_named(changed, tmp_path: Path):
    file = changed(lambda content: None)
    name = json.loads(file.read_text())['images'][0]['file_name']
    (tmp_path / 'images' / name).write_text('words')
    own = read_own_set(file, tmp_path / 'images')
    assert len(own.scenes) == 7
    (note,) = own.notes
    assert note.startswith('1 of 8 images are left out') and name in note


def lose_two(content: dict) -> None:
    """Two annotations of images that the file does not list."""
    content['annotations'][0].update(id=70, image_id=990)
    content['annotations'][1].update(image_id=991)
    del content['annotations'][1]['id']


LOST = 'annotation 70 (image_id 990), annotation no. 1 (image_id 991)'


def test_annotations_of_unknown_images_are_named(changed, tmp_path: Path):
    file = changed(lose_two)
    own = read_own_set(file, tmp_path / 'images')
    before = json.loads(file.read_text())['annotations']
    assert own.content['annotations'] == before[2:]
    assert f'2 annotations are left out, the file lists no such image: {LOST}' in (
        own.notes
    )


def test_they_are_named_of_a_folder_that_is_split_too(changed, tmp_path: Path):
    changed(lose_two)
    parts = read_own_data([tmp_path], split_dir=tmp_path / 'split')
    assert LOST in parts[0].train.notes[0]


def test_segmentations_that_are_none_are_named(changed, tmp_path: Path):
    odd = [[[1, 2, 3, 4]], 'a polygon', [[0, 0, 9, 0, 9, 9], [1, 2]], {'counts': 3}]
    none = [None, [], [[]]]

    def edit(content: dict) -> None:
        for annotation, mask in zip(content['annotations'], [*odd, *none]):
            annotation.update(segmentation=mask)

    own = read_own_set(changed(edit), tmp_path / 'images')
    (note,) = own.notes
    files = {image['id']: image['file_name'] for image in own.content['images']}
    named = [
        f'annotation {a["id"]} of {files[a["image_id"]]}'
        for a in own.content['annotations'][: len(odd)]
    ]
    assert note.startswith(f'{len(odd)} segmentations are neither polygons')
    assert note.endswith(', '.join(named))
    assert own.num_masks == len(own.content['annotations']) - len(odd + none) + 1


@pytest.mark.parametrize(
    ('mask', 'message'),
    [
        ([[0, 0, 9, 0, 9, 'x']], "has 'x' for a number"),
        ([[0, 0, 9, 0, 9, float('nan')]], 'has nan for a number'),
        (
            {'size': [5, 6], 'counts': [30]},
            r'has the size \[5, 6\], expected \[64, 64\]',
        ),
    ],
    ids=['text', 'nan', 'size'],
)
def test_masks_that_cannot_be_made_are_errors(mask, message, changed, tmp_path):
    def edit(content: dict) -> None:
        content['annotations'][3]['segmentation'] = mask

    with pytest.raises(DatasetError, match=rf'annotation \d+ of .*\.jpg {message}'):
        read_own_set(changed(edit), tmp_path / 'images')


# ------------------------------------------------------------------------- any nonsense


def with_nonsense(whole: str) -> Iterator[tuple[str, dict]]:
    """Contents, each with one record or field of another kind, and what it is."""
    for key in json.loads(whole):
        for name in [None, *json.loads(whole)[key][0]]:
            for value in ('absent', None, 'x', [['x']]):
                content = json.loads(whole)
                if name is None:
                    content[key][0] = value
                elif value == 'absent':
                    del content[key][0][name]
                else:
                    content[key][0][name] = value
                yield f'{key}, {name}: {value!r}', content


@pytest.mark.parametrize(
    ('file', 'below'),
    [
        ('annotations/refs_train.json', 'train'),
        ('refs_train.json', 'videos/train'),
    ],
)
def test_no_field_of_a_file_is_taken_for_a_bug_of_ours(file, below, videos, tmp_path):
    """Whatever it is: it is read, or a message says why not."""
    path = tmp_path / 'a.json'
    for what, content in with_nonsense((videos / file).read_text()):
        path.write_text(json.dumps(content))
        try:
            own = read_own_set(path, videos / below)
            labels = {c['id']: i for i, c in enumerate(own.content['categories'])}
            for video in own.content.get('videos', ()):  # what the datasets do
                tracks = [
                    a
                    for a in own.content['annotations']
                    if a['video_id'] == video['id']
                ]
                VideoAnnotation.from_records(video, tracks, labels, '', str(path))
        except Exception as error:
            assert is_for_users(error), f'{what}: {error!r}'
