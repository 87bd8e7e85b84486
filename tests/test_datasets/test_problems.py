from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from uninext.datasets.problems import (
    ERROR,
    LEFT_OUT,
    MAX_PLACES,
    Problems,
    find_image_problems,
    find_problems,
    image_files,
    problems_of_set,
)


def kinds(problems: Problems) -> dict[tuple[str, str], int]:
    return dict(problems.counts)


def test_nothing_wrong(coco_content, video_content, refs_content):
    assert not Problems().counts
    assert list(Problems().lines()) == []
    for content in (coco_content, video_content, refs_content):
        assert kinds(find_problems(content, 'f')) == {}
    assert kinds(find_problems(refs_content, 'f', with_expressions=True)) == {}


def test_a_box_of_a_pixel_is_a_box(coco_content):
    for record, box in zip(coco_content['annotations'], ([4, 6, 1, 9], [4, 6, 9, 1])):
        record['bbox'] = box
    assert kinds(find_problems(coco_content, 'f')) == {}


@pytest.mark.parametrize('content', [None, [], {}, dict(images=[]), dict(videos=3)])
def test_what_is_no_annotation_file(content):
    assert kinds(find_problems(content, 'f')) == {(ERROR, 'not an annotation file'): 1}


@pytest.mark.parametrize(
    ('key', 'place', 'changes', 'level', 'kind'),
    [
        ('images', 1, dict(height=...), ERROR, 'record of images has no height'),
        (
            'images',
            1,
            dict(width='4'),
            ERROR,
            'images has a width that is not a number',
        ),
        ('images', 1, dict(width=-4), ERROR, 'width or height is not positive'),
        ('images', 1, dict(id=10), ERROR, 'id of another record'),
        ('categories', 2, dict(name='dog'), ERROR, 'name of another category'),
        ('annotations', 2, dict(category_id=99), ERROR, 'category_id that the file'),
        ('annotations', 2, dict(image_id=99), LEFT_OUT, 'image that the file'),
        ('annotations', 2, dict(bbox=...), ERROR, 'annotations has no bbox'),
        ('annotations', 2, dict(bbox=[0, 0, None, 1]), ERROR, 'not four finite'),
        ('annotations', 2, dict(bbox=[0, 0, 0, 1]), LEFT_OUT, 'box without area'),
        ('annotations', 2, dict(bbox=[99, 0, 5, 1]), LEFT_OUT, 'box without area'),
        ('annotations', 2, dict(segmentation=[[1, 2]]), LEFT_OUT, 'no mask'),
        ('annotations', 2, dict(segmentation=[[1e999] * 6]), ERROR, 'polygon of other'),
        (
            *('annotations', 2, dict(segmentation=dict(size=[2, 2], counts=[4]))),
            *(ERROR, 'another size'),
        ),
    ],
)
def test_each_fault_of_images(coco_content, key, place, changes, level, kind):
    record = {**coco_content[key][place], **changes}
    coco_content[key][place] = {k: v for k, v in record.items() if v is not ...}
    problems = find_problems(coco_content, 'f')
    found = [k for k in problems.counts if k[0] == level and kind in k[1]]
    assert len(found) == 1
    assert problems.places[found[0]][0].startswith(f'{key}[{place}]')
    assert problems.has_errors() == (level == ERROR)


@pytest.mark.parametrize(
    ('key', 'place', 'changes', 'level', 'kind'),
    [
        ('videos', 0, dict(file_names=[]), ERROR, 'video without frames'),
        ('videos', 1, dict(file_names=[3]), ERROR, 'file name that is no text'),
        ('videos', 1, dict(length=7), ERROR, 'what cannot be read'),
        ('videos', 1, dict(expressions=[' ']), ERROR, 'what cannot be read'),
        ('annotations', 2, dict(bboxes=[]), ERROR, 'what cannot be read'),
        ('annotations', 2, dict(bboxes=[None]), LEFT_OUT, 'visible in no frame'),
        ('annotations', 2, dict(video_id=9), LEFT_OUT, 'video that the file'),
        ('annotations', 2, dict(id='a'), ERROR, 'what cannot be read'),
    ],
)
def test_each_fault_of_videos(video_content, key, place, changes, level, kind):
    video_content[key][place].update(changes)
    video_content['annotations'][2].pop('segmentations')
    problems = find_problems(video_content, 'f', with_expressions=True)
    found = [k for k in problems.counts if k[0] == level and kind in k[1]]
    assert found
    assert problems.places[found[0]][0].startswith(f'{key}[{place}]')


def test_all_are_counted_and_some_are_named(coco_content):
    for annotation in coco_content['annotations']:
        annotation['bbox'] = None
    coco_content['annotations'] *= 4
    del coco_content['images'][0]['height']
    problems = find_problems(coco_content, 'f')
    ((_, boxes),) = [k for k in problems.counts if 'bbox' in k[1]]
    # Two of five are of the image that is not sound, which is told of the image.
    assert problems.counts[ERROR, boxes] == 3 * 4
    assert problems.counts[ERROR, 'record of images has no height'] == 1
    assert len(problems.places[ERROR, boxes]) == MAX_PLACES
    assert any(f'and {3 * 4 - MAX_PLACES} more' in line for line in problems.lines())


def test_more_are_told_only_where_there_are_more():
    problems = Problems()
    for i in range(MAX_PLACES):
        problems.add(LEFT_OUT, 'box', f'p{i}')
    (line,) = problems.lines()
    assert line.endswith(f'5 x box: {", ".join(f"p{i}" for i in range(5))}')
    problems.add(LEFT_OUT, 'box', 'p5')
    assert list(problems.lines())[0].endswith('p4, and 1 more')


def test_image_files(tmp_path, video_content):
    content = dict(images=[dict(file_name='a.png', width=4, height=2), 3, {}])
    assert image_files(content, 'root') == [('root/a.png', 4, 2)]
    assert image_files([], '') == image_files(dict(images=3), '') == []
    assert len(image_files(video_content, '')) == 5
    for name in ('right', 'turned'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((2, 4, 3), dtype=np.uint8))
    (tmp_path / 'broken.png').write_bytes(b'\x89PNG')
    sizes = dict(right=(4, 2), turned=(2, 4), broken=(4, 2), absent=(4, 2))
    files = [(str(tmp_path / f'{k}.png'), *size) for k, size in sizes.items()]
    problems = Problems()
    find_image_problems(files, problems)
    assert [(k[1], len(p)) for k, p in problems.places.items()] == [
        ('image of another size than is stated', 1),
        ('image file cannot be read', 1),
        ('image file is absent', 1),
    ]
    assert not problems.has_errors()
    find_image_problems(files[-1:], problems)
    assert problems.has_errors()


def test_a_set_of_a_config(write_coco, coco_content, tmp_path):
    cfg = dict(write_coco(coco_content), type='PromptCocoDataset')
    cfg['filter_cfg'] = dict(filter_empty_gt=True)
    title, problems = problems_of_set(cfg)
    assert title == f'{tmp_path}/ann.json (PromptCocoDataset, for training)'
    assert not problems.counts
    assert list(problems.lines()) == ['not used: 1 samples have no object that counts']
    _, problems = problems_of_set(dict(cfg, metainfo=dict(classes=('whale',))))
    assert kinds(problems) == {(ERROR, 'what its class cannot use'): 1}
    (tmp_path / 'img/1.png').unlink()
    _, problems = problems_of_set(cfg)
    assert problems.counts[LEFT_OUT, 'image file is absent'] == 1
    Path(tmp_path / 'ann.json').unlink()
    _, problems = problems_of_set(cfg)
    assert kinds(problems) == {(ERROR, 'file that cannot be read'): 1}
    _, problems = problems_of_set(dict(cfg, type='CocoDataset'))
    assert kinds(problems) == {(ERROR, 'class that has no check'): 1}
