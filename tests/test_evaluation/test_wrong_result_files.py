"""Wrong ground truths and results: an error that names file and place, never a metric.

All of these once gave metrics, hung, or left with a bare word.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from uninext.evaluation.result_files import FORMATS
from uninext.formats.rle import encode_mask, run_lengths

SIZE = (12, 16)
NAN = float('nan')


def make_mask(shift: int = 0, size: tuple[int, int] = SIZE) -> dict:
    mask = np.zeros(size, bool)
    mask[2:8, 3 + shift : 11 + shift] = True
    return encode_mask(mask)


def cut_off() -> dict:
    rle = make_mask()
    return dict(rle, counts=rle['counts'][:-1])


def cut_off_runs() -> dict:
    rle = make_mask()
    return dict(rle, counts=run_lengths(rle['counts'])[:-1].tolist())


def fails(name: str, gt: Path, pred: Path, place: str, words: str) -> None:
    with pytest.raises(ValueError) as error:
        FORMATS[name](gt, pred)
    message = str(error.value)
    assert place in message, message
    assert words in message, message


# ---- COCO and expressions ----

POLYGON = [[3, 2, 11, 2, 11, 8, 3, 8]]


def make_images() -> tuple[dict, list[dict]]:
    """Two images of an object each, both found."""
    shape = dict(bbox=[3, 2, 8, 6], segmentation=make_mask())
    images = [
        dict(id=i, height=SIZE[0], width=SIZE[1], expressions=['it']) for i in (1, 2)
    ]
    annotations = [
        dict(id=i, image_id=i, category_id=5, area=48, iscrowd=0, **shape)
        for i in (1, 2)
    ]
    categories = [dict(id=5, name='thing')]
    ground_truth = dict(images=images, annotations=annotations, categories=categories)
    results = [dict(image_id=i, category_id=5, score=0.9, **shape) for i in (1, 2)]
    return ground_truth, results


def write_pair(
    folder: Path, ground_truth: object, results: object
) -> tuple[Path, Path]:
    for name, content in (('gt.json', ground_truth), ('pred.json', results)):
        (folder / name).write_text(json.dumps(content))
    return folder / 'gt.json', folder / 'pred.json'


@pytest.mark.parametrize('name', ['coco', 'refexp'])
def test_files_of_images_that_are_right(tmp_path: Path, name: str):
    metrics = FORMATS[name](*write_pair(tmp_path, *make_images()))
    key = 'AP' if name == 'coco' else 'P@0.9'
    for kind in ('bbox', 'segm'):
        assert metrics[kind][key] == pytest.approx(1)


WRONG_RESULTS = {
    'NaN score': (dict(score=NAN), 'score must be finite, got nan'),
    'null score': (dict(score=None), 'score must be a number, got None'),
    'text score': (dict(score='0.9'), "score must be a number, got '0.9'"),
    'NaN box': (dict(bbox=[3, 2, NAN, 6]), 'bbox must be finite'),
    'infinite box': (dict(bbox=[3, 2, float('inf'), 6]), 'bbox must be finite'),
    'null box': (dict(bbox=None), 'bbox must be four numbers x, y, width, height'),
    'box with null': (dict(bbox=[3, 2, 8, None]), 'bbox must be a number, got None'),
    'box of three': (dict(bbox=[3, 2, 8]), 'bbox must be four numbers'),
    'negative box': (dict(bbox=[11, 8, -8, -6]), 'of negative size'),
    'polygon': (
        dict(segmentation=POLYGON),
        'must be an RLE {size, counts}, got a list',
    ),
    'null mask': (dict(segmentation=None), 'must be an RLE {size, counts}, got null'),
    'cut-off mask': (dict(segmentation=cut_off()), 'counts'),
    'cut-off runs': (dict(segmentation=cut_off_runs()), '12 x 16 = 192'),
    'size of mask': (dict(segmentation=make_mask(0, (16, 12))), '(16, 12) (H, W)'),
    'counts of mask': (dict(segmentation=dict(size=[12, 16], counts=7)), 'counts'),
    'unknown image': (dict(image_id=9), 'of image 9'),
    'image as a list': (dict(image_id=[1]), 'of image [1]'),
}


@pytest.mark.parametrize('name', ['coco', 'refexp'])
@pytest.mark.parametrize(('change', 'words'), WRONG_RESULTS.values(), ids=WRONG_RESULTS)
def test_wrong_results_of_images(tmp_path: Path, name: str, change: dict, words: str):
    ground_truth, results = make_images()
    results[1].update(change)
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails(name, gt, pred, f'{pred}, record 1', words)


@pytest.mark.parametrize('key', ['image_id', 'category_id', 'score'])
def test_a_result_without_a_key(tmp_path: Path, key: str):
    ground_truth, results = make_images()
    del results[1][key]
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, f'{pred}, record 1', f'has no {key!r}')
    if key != 'category_id':  # all expressions are of one
        fails('refexp', gt, pred, f'{pred}, record 1', f'has no {key!r}')


@pytest.mark.parametrize('key', ['bbox', 'segmentation'])
def test_boxes_and_masks_for_all_results_or_for_none(tmp_path: Path, key: str):
    ground_truth, results = make_images()
    del results[1][key]
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, f'{pred}, record 1', f'has no {key!r}')
    fails('refexp', gt, pred, f'{pred}, record 1', f'has no {key!r}')
    for result in results:
        result.pop('bbox', None)
        result.pop('segmentation', None)
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, f'{pred}, record 0', "neither 'bbox' nor 'segmentation'")


@pytest.mark.parametrize('key', ['bbox', 'segmentation'])
def test_results_of_a_kind_that_the_ground_truth_has_not(tmp_path: Path, key: str):
    ground_truth, results = make_images()
    del ground_truth['annotations'][1][key]
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, f'{gt}, annotation 1', f'has no {key!r}')


def test_labels_that_are_no_ids_of_categories(tmp_path: Path):
    ground_truth, results = make_images()
    results[0]['category_id'] = 0
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, f'{pred}, record 0', 'of category 0')


WRONG_GROUND_TRUTHS = {
    'id twice': ('annotations', dict(id=1), 'annotation 1', 'id 1 again'),
    'image twice': ('images', dict(id=1), 'image 1', 'id 1 again'),
    'id null': ('annotations', dict(id=None), 'annotation 1', 'the id None'),
    'id text': ('annotations', dict(id='x'), 'annotation 1', "the id 'x'"),
    'id huge': ('annotations', dict(id=10**30), 'annotation 1', 'the id 1000'),
    'crowd': ('annotations', dict(iscrowd='x'), 'annotation 1', 'iscrowd must be 0 or'),
    'huge box': ('annotations', dict(bbox=[1, 1, 10**400, 1]), 'annotation 1', 'bbox'),
    'far polygon': (
        'annotations',
        dict(segmentation=[[1e9] * 6]),
        'annotation 1',
        'pixels to 100000',
    ),
    'id zero': ('annotations', dict(id=0), 'annotation 1', 'no match'),
    'image unknown': ('annotations', dict(image_id=9), 'annotation 1', 'of image 9'),
    'category': ('annotations', dict(category_id=9), 'annotation 1', 'category 9'),
    'NaN area': ('annotations', dict(area=NAN), 'annotation 1', 'area must be finite'),
    'NaN box': ('annotations', dict(bbox=[1, 1, NAN, 1]), 'annotation 1', 'bbox'),
    'mask': ('annotations', dict(segmentation=cut_off()), 'annotation 1', 'counts'),
    'polygon': ('annotations', dict(segmentation=[[1, 2]]), 'annotation 1', 'polygons'),
}


@pytest.mark.parametrize(
    ('where', 'change', 'place', 'words'),
    WRONG_GROUND_TRUTHS.values(),
    ids=WRONG_GROUND_TRUTHS,
)
def test_wrong_ground_truths_of_coco(tmp_path: Path, where, change, place, words):
    ground_truth, results = make_images()
    ground_truth[where][1].update(change)
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, str(gt), words)
    fails('coco', gt, pred, place, words)


@pytest.mark.parametrize('key', ['area', 'iscrowd', 'id', 'image_id', 'category_id'])
def test_an_annotation_without_a_key(tmp_path: Path, key: str):
    ground_truth, results = make_images()
    del ground_truth['annotations'][1][key]
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('coco', gt, pred, f'{gt}, annotations, record 1', f'has no {key!r}')


@pytest.mark.parametrize(
    ('where', 'change', 'words'),
    [
        ('images', dict(expressions='it'), 'must be a list of texts'),
        ('images', dict(expressions=[5]), 'must be a list of texts'),
        ('annotations', dict(image_id=[2]), 'annotation 1 is of image [2]'),
    ],
)
def test_expressions_of_another_type(tmp_path: Path, where: str, change, words: str):
    ground_truth, results = make_images()
    ground_truth[where][1].update(change)
    fails('refexp', *write_pair(tmp_path, ground_truth, results), 'gt.json', words)


def test_wrong_ground_truths_of_expressions(tmp_path: Path):
    ground_truth, results = make_images()
    ground_truth['images'][1]['id'] = 1
    fails(
        'refexp', *write_pair(tmp_path, ground_truth, results), 'gt.json', 'id 1 again'
    )
    ground_truth, results = make_images()
    ground_truth['annotations'][1]['image_id'] = 1
    fails(
        'refexp',
        *write_pair(tmp_path, ground_truth, results),
        'annotation 1',
        'the second',
    )
    ground_truth, results = make_images()
    ground_truth['annotations'][1]['bbox'] = None
    fails(
        'refexp', *write_pair(tmp_path, ground_truth, results), 'annotation 1', 'bbox'
    )
    ground_truth, results = make_images()
    ground_truth['annotations'][1]['segmentation'] = cut_off()
    fails(
        'refexp',
        *write_pair(tmp_path, ground_truth, results),
        'target of image 2',
        'counts',
    )


# ---- instances of videos ----


def make_videos() -> tuple[dict, list[dict]]:
    videos = [dict(id=i, height=SIZE[0], width=SIZE[1], length=2) for i in (1, 2)]
    tube = dict(category_id=5, segmentations=[make_mask(), None])
    annotations = [dict(id=i, video_id=i, iscrowd=0, **tube) for i in (1, 2)]
    categories = [dict(id=5, name='thing')]
    results = [dict(video_id=i, score=0.9, **tube) for i in (1, 2)]
    ground_truth = dict(videos=videos, annotations=annotations, categories=categories)
    return ground_truth, results


WRONG_TUBES = {
    'NaN score': (dict(score=NAN), 'score must be finite'),
    'null score': (dict(score=None), 'score must be a number'),
    'cut-off mask': (dict(segmentations=[None, cut_off()]), 'frame 1: The'),
    'cut-off runs': (dict(segmentations=[cut_off_runs(), None]), '12 x 16 = 192'),
    'size of mask': (dict(segmentations=[make_mask(0, (16, 12)), None]), '(16, 12)'),
    'null masks': (dict(segmentations=None), 'no list of frames, its video 2'),
    'a text': (dict(segmentations=['x', None]), 'frame 0: the mask must be an RLE'),
    'unknown video': (dict(video_id=9), 'of video 9'),
    'unknown category': (dict(category_id=0), 'of category 0'),
}


def test_files_of_videos_that_are_right(tmp_path: Path):
    metrics = FORMATS['ytvis'](*write_pair(tmp_path, *make_videos()))
    assert metrics['AP'] == pytest.approx(1)


@pytest.mark.parametrize(('change', 'words'), WRONG_TUBES.values(), ids=WRONG_TUBES)
def test_wrong_instances_of_videos(tmp_path: Path, change: dict, words: str):
    ground_truth, results = make_videos()
    results[1].update(change)
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('ytvis', gt, pred, f'{pred}, record 1', words)


@pytest.mark.parametrize('areas', [7, ['x', None], [10**400, None]])
def test_areas_of_another_type(tmp_path: Path, areas):
    ground_truth, results = make_videos()
    ground_truth['annotations'][1]['areas'] = areas
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('ytvis', gt, pred, f'{gt}, annotation 1', 'area')


def test_boxes_are_no_instances_of_videos(tmp_path: Path):
    ground_truth, results = make_videos()
    results[1]['bboxes'] = results[1].pop('segmentations')
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('ytvis', gt, pred, f'{pred}, record 1', "has no 'segmentations'")


@pytest.mark.parametrize('where', ['videos', 'annotations', 'categories'])
def test_ids_twice_in_ground_truths_of_videos(tmp_path: Path, where: str):
    ground_truth, results = make_videos()
    ground_truth[where] = [ground_truth[where][0], ground_truth[where][0]]
    gt, pred = write_pair(tmp_path, ground_truth, results)
    fails('ytvis', gt, pred, str(gt), 'again')


# ---- objects ----


def write_frames(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    for frame in range(3):
        ids = np.zeros(SIZE, np.uint8)
        ids[2:6, 3 + frame : 9 + frame] = 1
        ids[8:11, 2:6] = 2
        (folder / 'v').mkdir(parents=True, exist_ok=True)
        Image.fromarray(change(ids)).save(folder / f'v/{frame}.png')
    return folder


@pytest.mark.parametrize('name', ['davis', 'ytvos'])
def test_masks_that_are_no_ids(tmp_path: Path, name: str):
    gt = write_frames(tmp_path / 'gt', lambda ids: ids)
    right = FORMATS[name](gt, write_frames(tmp_path / 'right', lambda ids: ids))
    assert right['mean']['J&F'] == 1
    # 255 is void: all was empty, without a word.
    pred = write_frames(tmp_path / 'a', lambda ids: (ids > 0).astype(np.uint8) * 255)
    fails(
        name, gt, pred, str(pred / 'v/1.png'), 'has the value 255, which is no object'
    )
    # 257 and 258 became 1 and 2.
    pred = write_frames(tmp_path / 'b', lambda ids: ids.astype(np.uint16) + 256)
    fails(name, gt, pred, str(pred / 'v/1.png'), 'has the value 258 (uint16)')
    small = write_frames(tmp_path / 'c', lambda ids: ids.astype(np.uint16))
    assert FORMATS[name](gt, small) == right


def test_void_may_be_repeated(tmp_path: Path):
    def with_void(ids: np.ndarray) -> np.ndarray:
        ids[0, :4] = 255
        return ids

    gt = write_frames(tmp_path / 'gt', with_void)
    assert FORMATS['davis'](gt, gt)['mean']['J&F'] == 1


# ---- boxes of one object ----


@pytest.mark.parametrize(
    ('row', 'words'),
    [
        (None, 'expected the four numbers'),
        ([1, 2, None, 4], 'expected the four numbers'),
        ([1, 2, 3], 'expected the four numbers'),
        ('1,2,3,4', 'expected the four numbers'),
        ([1, 2, float('inf'), 4], 'finite or NaN'),
    ],
)
def test_rows_of_the_otb_toolkit(tmp_path: Path, row, words: str):
    (tmp_path / 'gt.txt').write_text('1,2,3,4\n' * 2)
    pred = tmp_path / 'gt.json'
    pred.write_text(json.dumps([dict(res=[[1, 2, 3, 4], row])]))
    fails('sot', tmp_path / 'gt.txt', pred, f"{pred}, row 1 of 'res'", words)


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('null', 'expected the four numbers'),
        ('1,2,inf,4', 'finite or NaN'),
        ('', 'expected the four numbers'),
    ],
)
def test_lines_of_boxes(tmp_path: Path, line: str, words: str):
    (tmp_path / 'gt.txt').write_text('1,2,3,4\n' * 3)
    pred = tmp_path / 'pred.txt'
    pred.write_text(f'1,2,3,4\n{line}\n1,2,3,4\n')
    fails('sot', tmp_path / 'gt.txt', pred, f'{pred}, line 2', words)


def test_files_beside_the_boxes(tmp_path: Path):
    gt = tmp_path / 'cat-1/groundtruth.txt'
    gt.parent.mkdir()
    gt.write_text('1,2,3,4\n' * 2)
    pred = tmp_path / 'pred.txt'
    pred.write_text('1,2,3,4\n' * 2)
    (gt.parent / 'full_occlusion.txt').write_text('0,x')
    fails('sot', gt, pred, 'full_occlusion.txt', 'one number a frame')
    (gt.parent / 'full_occlusion.txt').unlink()
    (gt.parent / 'meta_info.ini').write_text('[METAINFO]\nresolution: 16x12\n')
    fails('sot', gt, pred, 'meta_info.ini', 'resolution: (WIDTH, HEIGHT)')
