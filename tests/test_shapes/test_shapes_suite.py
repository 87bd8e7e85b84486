"""The suite on disk: every layout through its own converter and dataset class."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_utils

from helpers.generated import digests
from helpers.tools import run_tool
from uninext.converters import VideoCheck
from uninext.datasets import (
    PromptCocoDataset,
    PromptObjects365V2Dataset,
    ReferringDataset,
    ReferringVideoDataset,
    SingleObjectDataset,
    VideoInstanceDataset,
)
from uninext.shapes import (
    CATEGORIES,
    CROWD,
    LAYOUTS,
    SCENE,
    ShapesSuite,
    generate_suite,
    generate_videos,
)

TOOL = 'tools/dataset_converters/shapes.py'
SIZE_WH, LENGTH = (80, 64), 4
NUM_VIDEOS = 2


@pytest.fixture(scope='module')
def suite(tmp_path_factory: pytest.TempPathFactory) -> ShapesSuite:
    return generate_suite(
        tmp_path_factory.mktemp('suite'),
        (4, 3, 1),
        (NUM_VIDEOS, NUM_VIDEOS, 1),
        SIZE_WH,
        LENGTH,
        seed=2,
        layouts=LAYOUTS,
        report=lambda line: None,
    )


def xyxy(box_xywh: list[int]) -> list[int]:
    x, y, width, height = box_xywh
    return [x, y, x + width, y + height]


@pytest.mark.parametrize(
    'kwargs, match',
    [
        (dict(num_images=(0, 1)), 'num_train'),
        (dict(layouts=['imagenet']), 'layout must be of'),
        (dict(layouts=['lasot']), 'at least 1 video'),
    ],
    ids=str,
)
def test_a_suite_that_cannot_be_is_an_error(tmp_path: Path, kwargs: dict, match: str):
    arguments = dict(num_images=(1, 1), num_videos=(0, 0), size_wh=(64, 64))
    arguments.update(kwargs)
    with pytest.raises(ValueError, match=match):
        generate_suite(tmp_path, report=lambda line: None, **arguments)


@pytest.mark.parametrize(
    'kwargs, match',
    [(dict(split='dev'), 'split'), (dict(count=0), '1 video'), (dict(seed=-1), 'seed')],
    ids=str,
)
def test_videos_that_cannot_be_are_an_error(tmp_path: Path, kwargs: dict, match: str):
    with pytest.raises(ValueError, match=match):
        generate_videos(tmp_path, **{'split': 'train', 'count': 1, **kwargs})


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
@pytest.mark.parametrize('name', ['vis', 'mot', 'sot', 'vos', 'refs'])
def test_nothing_is_wrong_with_the_direct_form(
    suite: ShapesSuite, name: str, split: str
):
    path = suite.root / f'{name}_{split}.json'
    check = VideoCheck(path, suite.root / 'videos' / split)
    assert check.ok, check.found.summary(path)


def test_instances_are_those_that_were_labelled(suite: ShapesSuite):
    for name, videos in (('vis', suite.scenes), ('mot', suite.crowds)):
        dataset = VideoInstanceDataset(
            ann_file=str(suite.root / f'{name}_train.json'),
            data_prefix=dict(img=str(suite.root / 'videos/train')),
            pipeline=[],
        )
        assert dataset.metainfo['classes'] == CATEGORIES
        for info, video in zip(dataset, videos['train']):
            assert info['video_name'] == video.name
            for index in range(LENGTH):
                frame = info['video'].frame(index)
                assert frame['img_path'] == str(video.frames[index])
                assert frame['has_masks']
                shown = [t for t in video.tracks if t.visible[index]]
                assert len(frame['instances']) == len(shown)
                for instance, track in zip(frame['instances'], shown):
                    assert instance['bbox'] == xyxy(track.boxes_xywh[index])
                    assert instance['mask'] == track.masks[index]
                    label = CATEGORIES.index(track.words['category'])
                    assert instance['bbox_label'] == label


def test_targets_are_seen_at_the_start(suite: ShapesSuite):
    for name, target in (('sot', 'box'), ('vos', 'mask')):
        dataset = SingleObjectDataset(
            ann_file=str(suite.root / f'{name}_val.json'),
            data_prefix=dict(img=str(suite.root / 'videos/val')),
            target=target,
            test_mode=True,
            pipeline=[],
        )
        assert len(dataset) == NUM_VIDEOS * LENGTH
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            number = len(info['prompt_starts'])
            assert (number > 0) == (index % LENGTH == 0)
            assert name == 'vos' or number <= 1


def test_expressions_have_ids_of_their_own_and_their_object(suite: ShapesSuite):
    prefix = dict(img=str(suite.root / 'videos/val'))
    file = str(suite.root / 'refs_val.json')
    train = ReferringVideoDataset(ann_file=file, data_prefix=prefix, pipeline=[])
    assert all(len(info['video'].ids) == 1 for info in train)
    test = ReferringVideoDataset(
        ann_file=file, data_prefix=prefix, pipeline=[], test_mode=True
    )
    by_name = {video.name: video for video in suite.scenes['val']}
    for start in range(0, len(test), LENGTH):
        info = test.get_data_info(start)
        video = by_name[info['video_name']]
        still = [s for t in video.tracks for s in t.expressions if s.kind != 'motion']
        assert len(info['prompt_starts']) == len(still)
        assert len(
            {shown.own_meta['exp_id'] for shown in info['prompt_starts']}
        ) == len(still)
        for shown in info['prompt_starts']:
            (track,) = [
                t
                for t in video.tracks
                if shown.own_meta['expression'] in [s.text for s in t.expressions]
            ]
            boxes = {i['instance_id']: i['bbox'] for i in info['instances']}
            assert (shown.object_id in boxes) == track.visible[0]
            if track.visible[0]:
                assert boxes[shown.object_id] == xyxy(track.boxes_xywh[0])


IMAGE_SETS = {
    'coco': ('annotations/instances_{}2017.json', '{}2017/', PromptCocoDataset, True),
    'Objects365/Obj365_v2': (
        'annotations/zhiyuan_objv2_{}.json',
        '{}/',
        PromptObjects365V2Dataset,
        False,
    ),
    'bdd100k-det': ('annotations/det_{}.json', 'images/100k/{}/', None, False),
    'bdd100k-ins_seg': ('annotations/ins_seg_{}.json', 'images/10k/{}/', None, True),
}


@pytest.mark.parametrize('name', IMAGE_SETS)
@pytest.mark.parametrize('split', ['train', 'val'])
def test_image_sets_hold_the_images(suite: ShapesSuite, name: str, split: str):
    file, images, kind, has_masks = IMAGE_SETS[name]
    dataset = (kind or PromptCocoDataset)(
        data_root=str(suite.root / name.split('-')[0]),
        ann_file=file.format(split),
        data_prefix=dict(img=images.format(split)),
        pipeline=[],
    )
    path = suite.root / f'annotations/instances_{split}.json'
    source = json.loads(path.read_text())
    assert len(dataset) == len(source['images'])
    assert dataset.metainfo['classes'] == CATEGORIES
    for info, image in zip(dataset, source['images']):
        original = suite.root / split / image['file_name']
        assert Path(info['img_path']).read_bytes() == original.read_bytes()
        mine = [a for a in source['annotations'] if a['image_id'] == image['id']]
        assert info['has_masks'] == has_masks
        for instance, annotation in zip(info['instances'], mine):
            assert instance['bbox'] == xyxy(annotation['bbox'])
            assert instance['bbox_label'] == annotation['category_id'] - 1


def test_refcoco_holds_the_expressions_and_no_leak(suite: ShapesSuite):
    coco = suite.root / 'coco'
    seen = {}
    files = ('refcoco-mixed/instances_train', 'refcocog-google/instances_val')
    for file in files:
        dataset = ReferringDataset(
            data_root=str(coco),
            ann_file=f'annotations/{file}.json',
            data_prefix=dict(img='train2014/'),
            pipeline=[],
        )
        seen[file] = {info['img_path'] for info in dataset}
        assert all(info['has_masks'] for info in dataset)
        assert all(Path(path).is_file() for path in seen[file])
    first, second = seen.values()
    assert not first & second
    refs = json.loads((suite.root / 'annotations/refs_train.json').read_text())
    path = coco / 'annotations/refcoco-unc/instances_train.json'
    converted = json.loads(path.read_text())
    assert [r['expressions'] for r in converted['images']] == [
        r['expressions'] for r in refs['images']
    ]


BOX_SETS = {  # split as converted, split of the suite, folder of images
    'lasot': [('train', 'train', ''), ('test', 'val', '')],
    'got10k': [('train', 'train', 'train/'), ('val', 'val', 'val/')],
    'trackingnet': [('train', 'train', '')],
}


@pytest.mark.parametrize('name', BOX_SETS)
def test_box_sets_hold_the_targets(suite: ShapesSuite, name: str):
    for split, source, prefix in BOX_SETS[name]:
        dataset = SingleObjectDataset(
            data_root=str(suite.root / name),
            ann_file=f'annotations/{split}.json',
            data_prefix=dict(img=prefix),
            pipeline=[],
        )
        shift = 1 if name == 'lasot' else 0  # it counts pixels from 1
        by_content = {
            v.frames[0].read_bytes(): v for v in suite.scenes[source] if v.target()
        }
        assert len(dataset) == len(by_content)
        for info in dataset:
            video = by_content[Path(info['video'].path(0)).read_bytes()]
            track = video.target()
            for index in range(LENGTH):
                instances = info['video'].frame(index)['instances']
                assert len(instances) == track.visible[index]
                for instance in instances:
                    x, y, w, h = track.boxes_xywh[index]
                    x, y = x + shift, y + shift
                    assert instance['bbox'] == [x, y, x + w, y + h]


@pytest.mark.parametrize('name', ['got10k', 'trackingnet'])
def test_boxes_that_benchmarks_withhold_are_withheld(suite: ShapesSuite, name: str):
    content = json.loads((suite.root / name / 'annotations/test.json').read_text())
    targets = [t for video in suite.scenes['val'] if (t := video.target())]
    assert [video['length'] for video in content['videos']] == [LENGTH] * len(targets)
    for annotation, track in zip(content['annotations'], targets):
        assert annotation['bboxes'][0] == list(track.boxes_xywh[0])
        assert annotation['bboxes'][1:] == [None] * (LENGTH - 1)


MASK_SETS = {
    'ytvos18': ('train', 'train/JPEGImages/'),
    'davis17': ('val', 'JPEGImages/480p/'),
}


@pytest.mark.parametrize('name', MASK_SETS)
def test_mask_sets_hold_the_masks(suite: ShapesSuite, name: str):
    split, images = MASK_SETS[name]
    dataset = SingleObjectDataset(
        data_root=str(suite.root / name),
        ann_file=f'annotations/{split}.json',
        data_prefix=dict(img=images),
        pipeline=[],
    )
    videos = {video.name: video for video in suite.scenes[split]}
    assert len(dataset) == len(videos)
    for info in dataset:
        video = videos[info['video_name']]
        tracks = [t for t in video.tracks if name == 'ytvos18' or t.visible[0]]
        for index in range(LENGTH):
            shown = [t for t in tracks if t.visible[index]]
            instances = info['video'].frame(index)['instances']
            assert len(instances) == len(shown)
            for instance, track in zip(instances, shown):
                mask = mask_utils.decode(track.masks[index])
                assert (mask_utils.decode(instance['mask']) == mask).all()


def test_ytvos_gives_objects_in_their_first_frame(suite: ShapesSuite):
    content = json.loads((suite.root / 'ytvos18/annotations/valid.json').read_text())
    tracks = [t for video in suite.scenes['val'] for t in video.tracks]
    assert len(content['annotations']) == len(tracks)
    for annotation, track in zip(content['annotations'], tracks):
        given = [i for i, box in enumerate(annotation['bboxes']) if box]
        assert given == [int(track.visible.argmax())]


def test_refytvos_holds_all_expressions(suite: ShapesSuite):
    for split, masks in (('train', True), ('valid', False)):
        dataset = ReferringVideoDataset(
            data_root=str(suite.root / 'refytvos'),
            ann_file=f'annotations/{split}.json',
            data_prefix=dict(img=f'{split}/JPEGImages/'),
            pipeline=[],
            test_mode=not masks,
        )
        videos = suite.scenes['train' if masks else 'val']
        tracks = [track for video in videos for track in video.tracks]
        # a pair of frames is drawn in training: once is not enough
        least = 2 if masks else 0
        said = [
            s.text for t in tracks for s in t.expressions if t.visible.sum() >= least
        ]
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        if masks:
            found = [text for info in infos for text in info['expressions']]
        else:
            found = [
                s.own_meta['expression']
                for info in infos
                for s in info['prompt_starts']
            ]
        assert sorted(found) == sorted(said)


INSTANCE_SETS = {
    'ytvis_2019': ('annotations/instances_{}_sub.json', 'JPEGImages', 'scenes'),
    'ytvis_2021': ('{}/instances.json', 'JPEGImages', 'scenes'),
    'ovis': ('annotations_{}.json', '', 'crowds'),
}


@pytest.mark.parametrize('name', INSTANCE_SETS)
@pytest.mark.parametrize('split', ['train', 'valid'])
def test_instance_sets_are_read_as_they_are(suite: ShapesSuite, name: str, split: str):
    file, below, kind = INSTANCE_SETS[name]
    root = suite.root / name
    in_file = 'val' if (name, split) == ('ytvis_2019', 'valid') else split
    path = root / file.format(in_file)
    check = VideoCheck(path, root / split / below)
    assert check.ok, check.found.summary(path)
    videos = getattr(suite, kind)['val' if split == 'valid' else 'train']
    assert check.found.boxes == sum(t.visible.sum() for v in videos for t in v.tracks)


@pytest.mark.parametrize(
    'file, images', [('box_track', 'track'), ('seg_track', 'seg_track_20')]
)
def test_bdd100k_videos_keep_ids_and_boxes(suite: ShapesSuite, file: str, images: str):
    dataset = VideoInstanceDataset(
        data_root=str(suite.root / 'bdd100k'),
        ann_file=f'annotations/{file}_train.json',
        data_prefix=dict(img=f'images/{images}/train/'),
        pipeline=[],
    )
    assert len(dataset) == len(suite.crowds['train'])
    for info, video in zip(dataset, suite.crowds['train']):
        for index in range(LENGTH):
            frame = info['video'].frame(index)
            assert frame['has_masks'] == (file == 'seg_track')
            found = [instance['bbox'] for instance in frame['instances']]
            boxes = [t.boxes_xywh[index] for t in video.tracks]
            assert sorted(found) == sorted(map(xyxy, filter(None, boxes)))
            assert cv2.imread(frame['img_path']).shape == (*SIZE_WH[::-1], 3)


def test_crowds_are_larger_than_scenes(suite: ShapesSuite):
    mean = {
        name: np.mean([len(v.tracks) for v in getattr(suite, name)['train']])
        for name in ('scenes', 'crowds')
    }
    assert mean['crowds'] > mean['scenes']
    assert CROWD.num_objects[0] >= SCENE.num_objects[1]


def test_a_suite_is_a_function_of_its_seed(suite: ShapesSuite, tmp_path: Path):
    options = (SIZE_WH, LENGTH)
    for name, seed in (('same', 2), ('other', 3)):
        generate_suite(
            tmp_path / name,
            (2, 1),
            (1, 1),
            *options,
            seed=seed,
            layouts=['davis17'],
            report=lambda line: None,
        )
    first = digests(suite.root)
    same, other = digests(tmp_path / 'same'), digests(tmp_path / 'other')
    images = [name for name in same if name.endswith(('.jpg', '.png'))]
    assert len(images) >= 3 + 6 * LENGTH
    assert all(same[name] == first[name] for name in images)  # a larger set begins so
    frames = [n for n in images if n.startswith('videos')]
    assert not any(same[name] == other[name] for name in frames)
    splits = [
        {first[n] for n in first if n.startswith(f'videos/{split}/')}
        for split in ('train', 'val', 'test')
    ]
    assert len(set.union(*splits)) == sum(map(len, splits))  # none in two


def test_the_tool_writes_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture):
    small = ['--train', '1', '--num-val', '1', '--size', '80', '64', '--frames', '2']
    arguments = [str(tmp_path), *small, '--layout', 'lasot', '--tripod']
    assert run_tool(TOOL, *arguments) == 0
    said = capsys.readouterr().out
    assert 'train: 1 images' in said
    assert 'lasot/annotations/test.json: 1 videos' in said
    assert run_tool(TOOL, tmp_path, *small, '--seed', '-1') == 2
    assert 'seed must be at least 0' in capsys.readouterr().err
    assert run_tool(TOOL, tmp_path, *small, '--layout', 'kitti') == 2
    assert 'layout must be' in capsys.readouterr().err
    for wrong in (['--size', '1', '2', '3'], ['--videos', '1']):
        assert run_tool(TOOL, tmp_path, *wrong) == 2
        assert f'{wrong[0]} takes' in capsys.readouterr().err
