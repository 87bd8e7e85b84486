from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from uninext.datasets import DatasetError, VideoAnnotation
from uninext.formats.coco import read_annotations
from uninext.formats.youtube_vis import checked_videos

SIZE = (10, 20)  # height, width
BOX = [1.0, 2.0, 4.0, 5.0]


def visible(video: VideoAnnotation, index: int) -> list[int]:
    """Ids of the objects that count in a frame; no crowds."""
    return video.ids[video.presence[:, index]].tolist()


def video(length: int = 3, **changes) -> dict:
    names = [f'{t}.jpg' for t in range(length)]
    return {**dict(id=1, height=10, width=20, file_names=names), **changes}


def build(annotations: list[dict], length: int = 3) -> VideoAnnotation:
    annotations = [dict(category_id=9, **a) for a in annotations]
    return VideoAnnotation.from_records(
        video(length), annotations, {9: 4}, 'root', 'f.json'
    )


def polygon(x, y, w, h):
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def rle(x, y, w, h, compressed=True):
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[y : y + h, x : x + w] = 1
    if compressed:
        encoded = mask_utils.encode(np.asfortranarray(mask))
        return dict(size=list(SIZE), counts=encoded['counts'].decode())
    flat = np.concatenate([[0], mask.T.ravel(), [0]])
    edges = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], edges, [mask.size]]))
    return dict(size=list(SIZE), counts=counts.tolist())


def test_no_object():
    empty = build([])
    assert (len(empty), empty.boxes.shape, empty.has_masks) == (3, (0, 4), False)
    assert visible(empty, 0) == []
    assert empty.frame(2) == dict(
        img_path='root/2.jpg',
        height=10,
        width=20,
        frame_id=2,
        instances=[],
        has_masks=False,
    )


@pytest.mark.parametrize('key', ['is_seen', 'areas', 'object_id'])
def test_what_only_an_evaluation_needs(key):
    more = dict(is_seen=0, areas=[20, None, 30], object_id=5)
    annotation = dict(category_id=9, id=7, bboxes=[BOX] * 3, **more)
    args = (video(), [annotation], {9: 4}, 'root', 'f.json')
    (target,) = VideoAnnotation.from_records(*args, for_evaluation=True).frame(1)[
        'instances'
    ]
    # object_id is MOTChallenge's, whose annotations have 'considered' too.
    assert target.get(key) == (None if key == 'object_id' else more[key])
    (target,) = VideoAnnotation.from_records(*args).frame(1)['instances']
    assert key not in target


@pytest.mark.parametrize('index', [-1, 3])
def test_no_such_frame(index):
    with pytest.raises(IndexError, match=f'3 frames, there is no {index}'):
        build([]).frame(index)


def test_objects_of_frames():
    got = build(
        [
            dict(id=7, bboxes=[BOX, None, BOX]),
            dict(id=8, bboxes=[None, None, [0, 0, 20, 10]], iscrowd=1),
        ]
    )
    assert [visible(got, t) for t in range(3)] == [[7], [], [7]]
    assert got.presence.tolist() == [[True, False, True], [False] * 3]
    assert got.frame(0)['instances'] == [
        dict(bbox=[1, 2, 5, 7], bbox_label=4, ignore_flag=0, instance_id=7)
    ]
    assert [i['ignore_flag'] for i in got.frame(2)['instances']] == [0, 1]
    assert got.frame(1)['instances'] == []


def test_other_categories_and_invisible_objects_are_left_out():
    records = [
        dict(category_id=1, id=1, bboxes=[BOX] * 3),
        dict(category_id=9, id=2, bboxes=[None] * 3),
        dict(category_id=9, id=3, bboxes=[[5, 5, 0, 4], [20, 1, 4, 4], [-9, 1, 9, 4]]),
        dict(category_id=9, id=4, bboxes=[[-3, 1, 9, 4], None, [18, 8, 9, 9]]),
    ]
    got = VideoAnnotation.from_records(video(), records, {9: 0}, '', 'f.json')
    assert got.ids.tolist() == [4]
    assert got.presence.tolist() == [[True, False, True]]


def test_with_masks_an_object_needs_box_and_mask():
    got = build(
        [
            dict(
                id=1,
                bboxes=[BOX, BOX, None],
                segmentations=[polygon(*BOX), None, polygon(*BOX)],
            )
        ]
    )
    assert got.has_masks
    assert got.presence.tolist() == [[True, False, False]]
    assert got.frame(0)['instances'][0]['mask'] == polygon(*BOX)
    # polygons of two points are none
    got = build([dict(id=1, bboxes=[BOX], segmentations=[[[1, 1, 2, 2]]])], length=1)
    assert len(got.ids) == 0


def test_masks_of_some_objects_are_not_all_masks():
    with_mask = dict(id=1, bboxes=[BOX], segmentations=[polygon(*BOX)])
    without = dict(id=2, bboxes=[BOX])
    got = build([with_mask, without], length=1)
    assert not got.has_masks
    assert visible(got, 0) == [1, 2]
    got = build([with_mask, dict(without, iscrowd=1)], length=1)
    assert got.has_masks


@pytest.mark.parametrize('bboxes', [{}, dict(bboxes=[None] * 3)], ids=['none', 'null'])
def test_boxes_are_made_from_masks(bboxes):
    masks = [rle(3, 2, 6, 4), rle(3, 2, 6, 4, compressed=False), polygon(3, 2, 6, 4)]
    got = build([dict(id=1, segmentations=masks, **bboxes)])
    assert got.boxes.tolist() == [[3, 2, 9, 6]] * 3
    assert [got.frame(t)['instances'][0]['mask'] for t in range(3)] == masks
    got = build([dict(id=1, segmentations=[None, masks[0], None], **bboxes)])
    assert got.presence.tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ('records', 'message'),
    [
        ([dict(id=1, bboxes=[BOX])], "1: 'bboxes' has 1 entries; expected 3"),
        ([dict(id=1, bboxes=BOX[0])], "'bboxes' has float entries"),
        (
            [dict(id=1, bboxes=[BOX] * 3, segmentations=[None])],
            "'segmentations' has 1 entries",
        ),
        ([dict(id=1)], "neither 'bboxes' nor 'segmentations'"),
        ([dict(id=1, bboxes=[BOX, [1, 2, 3], None])], 'four finite numbers'),
        ([dict(id=1, bboxes=[BOX, 'abcd', None])], 'four finite numbers'),
        ([dict(id=1, bboxes=[[1, 2, float('inf'), 3]] * 3)], 'four finite numbers'),
        (
            [dict(id=1, segmentations=[dict(size=[20, 10], counts='1')] * 3)],
            r'frame 0 has the size \[20, 10\] .*its video \[10, 20\]',
        ),
        ([dict(id=1, bboxes=[BOX] * 3)] * 2, 'several annotations with one id'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_wrong_annotations(records, message):
    with pytest.raises(DatasetError, match=message):
        build(records)


def test_it_is_pickled_small():
    length = 5000
    names = [f'video/{t:08d}.jpg' for t in range(length)]
    masks = [rle(3, 2, 6, 4)] * length
    big = VideoAnnotation.from_records(
        video(length, file_names=names),
        [dict(category_id=9, bboxes=[BOX] * length, segmentations=masks)],
        {9: 0},
        'root',
        'f.json',
    )
    data = pickle.dumps(big)
    assert len(data) < 120 * length  # a name of 20 bytes, a box, an RLE
    twin = pickle.loads(data)
    assert twin.frame(4321) == big.frame(4321)
    assert twin.frame(4321)['img_path'] == 'root/video/00004321.jpg'
    assert len(pickle.dumps(twin)) == len(data)  # using it does not make it bigger


# ------------------------------------------------------------------------------ files


def content(**changes) -> dict:
    base = dict(
        videos=[video(length=3)],
        annotations=[dict(id=1, video_id=1, category_id=9, bboxes=[BOX] * 3)],
        categories=[dict(id=9, name='dog')],
    )
    return {k: v for k, v in {**base, **changes}.items() if v is not ...}


def read(tmp_path, written, **kwargs):
    path = tmp_path / 'ann.json'
    path.write_text(json.dumps(written))
    return checked_videos(read_annotations(str(path)), str(path), **kwargs)


@pytest.mark.parametrize(
    ('written', 'message'),
    [
        ([], 'holds a JSON list'),
        (content(videos=...), "no list named 'videos'"),
        (content(annotations=None), "no list named 'annotations'"),
        (content(videos=[]), 'lists no video'),
        (content(videos=[dict(id=1, file_names=['a'])]), 'no height and no width'),
        (content(videos=[video(), video()]), 'two videos have the id 1'),
        (content(videos=[video(file_names=[])]), 'video 1 has no frames'),
        (content(videos=[video(file_names='a')]), 'video 1 has no frames'),
        (
            content(videos=[{**video(3), 'length': 4}]),
            "'file_names' has 3 entries; expected 4",
        ),
        (content(annotations=[dict(id=1, video_id=1)]), 'has no category_id'),
        (
            content(annotations=[dict(video_id=1, category_id=1)]),
            'category_id 1, which is not',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_wrong_files(tmp_path, written, message):
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, written)


def test_files_without_annotations(tmp_path):
    for missing in (..., None):
        got = read(tmp_path, content(annotations=missing), require_annotations=False)
        assert got['annotations'] == []
    assert len(read(tmp_path, content())['annotations']) == 1
