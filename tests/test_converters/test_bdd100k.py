from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO

from helpers.tools import run_tool
from uninext.converters import BDD_SETS, convert_bdd100k
from uninext.datasets import DatasetError, PromptCocoDataset, VideoInstanceDataset
from uninext.datasets.video_annotation import VideoAnnotation

TOOL = 'tools/dataset_converters/bdd100k.py'
SIZE_WH = (40, 30)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def draw(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def label(identity, category, x=2, y=3, w=10, h=8, **attributes):
    box2d = dict(x1=x, y1=y, x2=x + w - 1, y2=y + h - 1)
    return dict(id=identity, category=category, attributes=attributes, box2d=box2d)


def polygon_label(identity, category, x=2, y=3, w=10, h=8, **attributes):
    outline = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
    poly2d = [dict(vertices=outline, types='LLLL', closed=True)]
    entry = label(identity, category, **attributes)
    del entry['box2d']
    return dict(entry, poly2d=poly2d)


def bitmask(*objects: tuple[int, int, int]) -> np.ndarray:
    """(H, W, 4): category, attributes, id of objects from left to right."""
    pixels = np.zeros((*SIZE_WH[::-1], 4), np.uint8)
    for place, (category, attributes, identity) in enumerate(objects):
        value = (category, attributes, identity >> 8, identity & 255)
        pixels[4:9, 10 * place : 10 * place + 6] = value
    return pixels


def video_frame(index, *labels, video='v'):
    name = f'{video}-{index + 1:07d}.jpg'
    return dict(name=name, videoName=video, frameIndex=index, labels=list(labels))


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """A small copy of the download: two images, a video of three frames."""
    root, labels = tmp_path / 'bdd', tmp_path / 'bdd/labels'
    black = np.zeros((*SIZE_WH[::-1], 3), np.uint8)
    for folder in ('100k/train', '10k/train'):
        for name in ('a.jpg', 'b.jpg'):
            draw(root / 'images' / folder / name, black)
    for folder in ('track/train/v', 'seg_track_20/train/v'):
        for index in range(3):
            draw(root / 'images' / folder / f'v-{index + 1:07d}.jpg', black)
    boxes = [label(1, 'person'), label(2, 'trailer'), label(3, 'traffic light')]
    write(
        labels / 'det_20/det_train.json',
        [dict(name='a.jpg', labels=boxes), dict(name='b.jpg', labels=None)],
    )
    masks = [polygon_label(1, 'car'), polygon_label(2, 'car', x=20, crowd=True)]
    write(
        labels / 'ins_seg/polygons/ins_seg_train.json',
        [dict(name='a.jpg', labels=masks), dict(name='b.jpg', labels=[])],
    )
    frames = [
        video_frame(0, label('7', 'motor'), label('8', 'bike')),
        video_frame(2, label('7', 'motor', x=4)),
        video_frame(1, label('8', 'bike', x=30, w=99), label('7', 'bike', crowd=True)),
    ]
    write(labels / 'box_track_20/train/v.json', frames)
    folder = labels / 'seg_track_20/bitmasks/train/v'
    draw(folder / 'v-0000001.png', bitmask((3, 0, 300), (1, 0, 2)))
    draw(folder / 'v-0000002.png', bitmask())
    draw(folder / 'v-0000003.png', bitmask((1, 2, 2), (3, 0, 300)))
    return root


def convert(root: Path, name: str, labels: str, **kwargs):
    out = root / 'out.json'
    options = dict(images=root / BDD_SETS[name].images.format(split='train'))
    options = {**options, **kwargs}
    conversion = convert_bdd100k(
        root / 'labels' / labels, out, BDD_SETS[name], progress=False, **options
    )
    return conversion, json.loads(out.read_text())


def test_no_labels(download: Path):
    path = download / 'labels/det_20/det_train.json'
    write(path, [dict(name='a.jpg')])
    conversion, content = convert(download, 'det', 'det_20/det_train.json')
    assert (conversion.images, content['annotations']) == (1, [])
    write(path, [])
    with pytest.raises(DatasetError, match='no usable image'):
        convert(download, 'det', 'det_20/det_train.json')


def test_detection(download: Path):
    conversion, content = convert(download, 'det', 'det_20/det_train.json')
    assert [i['file_name'] for i in content['images']] == ['a.jpg', 'b.jpg']
    assert {(i['width'], i['height']) for i in content['images']} == {SIZE_WH}
    names = {c['id']: c['name'] for c in content['categories']}
    assert len(names) == 10
    found = [(names[a['category_id']], a['iscrowd']) for a in content['annotations']]
    assert found == [('pedestrian', 0), ('truck', 1), ('traffic light', 0)]
    assert content['annotations'][0]['bbox'] == [2, 3, 10, 8]
    assert content['annotations'][0]['area'] == 80
    assert (conversion.objects, conversion.ignored, conversion.masks) == (2, 1, 0)
    assert len(COCO(str(download / 'out.json')).getAnnIds(iscrowd=False)) == 2


def test_instance_segmentation_of_polygons_and_of_bitmasks(download: Path):
    place = 'ins_seg/polygons/ins_seg_train.json'
    conversion, content = convert(download, 'ins_seg', place)
    assert (conversion.objects, conversion.ignored, conversion.masks) == (1, 1, 2)
    car = content['annotations'][0]
    assert car['segmentation'] == [[2, 3, 12, 3, 12, 11, 2, 11]]
    assert (car['bbox'], car['area'], car['category_id']) == ([2, 3, 10, 8], 80, 3)
    pixels = bitmask((3, 0, 1), (8, 1, 2))
    draw(download / 'labels/ins_seg/bitmasks/train/a.png', pixels)
    _, content = convert(download, 'ins_seg', 'ins_seg/bitmasks/train')
    assert [i['file_name'] for i in content['images']] == ['a.jpg']
    assert [a['iscrowd'] for a in content['annotations']] == [0, 1]
    mask = mask_utils.decode(content['annotations'][0]['segmentation'])
    np.testing.assert_array_equal(mask, pixels[..., 0] == 3)


def test_box_tracks(download: Path):
    """Ids over the video, frames in order, crowds apart, boxes as labelled."""
    conversion, content = convert(download, 'box_track', 'box_track_20/train')
    (video,) = content['videos']
    assert video['file_names'] == [f'v/v-000000{i}.jpg' for i in (1, 2, 3)]
    assert (video['width'], video['height'], video['name']) == (*SIZE_WH, 'v')
    tracks = {(a['object_id'], a['iscrowd']): a for a in content['annotations']}
    assert tracks['7', 0]['bboxes'] == [[2, 3, 10, 8], None, [4, 3, 10, 8]]
    assert tracks['7', 1]['bboxes'] == [None, [2, 3, 10, 8], None]
    assert tracks['8', 0]['bboxes'] == [[2, 3, 10, 8], [30, 3, 99, 8], None]
    assert all(a['considered'] == 1 - a['iscrowd'] for a in tracks.values())
    assert tracks['7', 0]['category_id'] == 7
    assert 'segmentations' not in tracks['7', 0]
    assert (conversion.objects, conversion.boxes) == (3, 5)
    assert len({a['id'] for a in content['annotations']}) == 3


def test_boxes_are_evaluated_as_labelled(download: Path):
    """To the last digit; they were rounded to hundredths and cut to the frame."""
    bare = label(1, 'car')
    bare['box2d'] = dict(x1=1 / 3, y1=2.125, x2=49.7, y2=9.0)
    write(
        download / 'labels/box_track_20/train/v.json',
        [video_frame(i, bare) for i in range(2)],
    )
    _, content = convert(download, 'box_track', 'box_track_20/train')
    record = (content['videos'][0], content['annotations'], {3: 0}, '', 'f')
    for_training = VideoAnnotation.from_records(*record).frame(0)['instances'][0]
    raw = VideoAnnotation.from_records(*record, for_evaluation=True)
    assert raw.frame(0)['instances'][0]['bbox'] == [1 / 3, 2.125, 50.7, 10]
    width = SIZE_WH[0]
    assert for_training['bbox'] == pytest.approx([1 / 3, 2.125, width, 10])
    bare.pop('id')
    write(download / 'labels/box_track_20/train/v.json', [video_frame(0, bare)])
    with pytest.raises(DatasetError, match='v-0000001.jpg: a label of car has no "id"'):
        convert(download, 'box_track', 'box_track_20/train')


def test_mask_tracks(download: Path):
    place = 'seg_track_20/bitmasks/train'
    conversion, content = convert(download, 'seg_track', place)
    tracks = {(a['object_id'], a['iscrowd']): a for a in content['annotations']}
    assert set(tracks) == {('300', 0), ('2', 0), ('2', 1)}
    car = tracks['300', 0]
    assert car['bboxes'] == [[0, 4, 6, 5], None, [10, 4, 6, 5]]
    assert mask_utils.toBbox(car['segmentations'][2]).tolist() == [10, 4, 6, 5]
    assert car['segmentations'][1] is None
    assert conversion.masks == 4


def test_what_is_left_out(download: Path):
    labels = [
        label(1, 'lane'),
        dict(id=2, category='car'),
        label(3, 'car', x=41),
        label(4, 'car'),
        label(4, 'car'),
    ]
    path = download / 'labels/box_track_20/train/v.json'
    write(path, [video_frame(0, *labels), video_frame(7, *labels)])
    conversion, _ = convert(download, 'box_track', 'box_track_20/train')
    assert conversion.boxes == 1
    assert dict(conversion.skipped) == {
        'frame that is not on the disk': 1,
        'object of the class lane': 1,
        'object without a box': 1,
        'object outside the frame': 1,
        'second object of the same id in a frame': 1,
    }
    with pytest.raises(DatasetError, match='Complete the download'):
        convert(download, 'box_track', 'box_track_20/train', strict=True)
    shutil.rmtree(download / 'images/track/train/v')
    with pytest.raises(DatasetError, match='no usable video'):
        convert(download, 'box_track', 'box_track_20/train')
    content = convert(download, 'box_track', 'box_track_20/train', images=None)[1]
    assert (content['videos'][0]['width'], content['videos'][0]['length']) == (1280, 2)


def test_what_is_left_out_of_images(download: Path):
    path = download / 'labels/ins_seg/rles/ins_seg_train.json'
    rle = dict(size=[7, 7], counts=[49])
    labels = [label(1, 'car'), dict(id=2, category='car', rle=rle)]
    names = ('a.jpg', 'b.jpg', 'c.jpg')
    write(path, [dict(name=name, labels=labels) for name in names])
    (download / 'images/10k/train/b.jpg').write_text('broken')
    conversion, content = convert(download, 'ins_seg', 'ins_seg/rles')
    assert (conversion.images, content['annotations']) == (1, [])
    assert dict(conversion.skipped) == {
        'image that cannot be read': 1,
        'image that is not on the disk': 1,
        'object without a mask': 1,
        'mask of another size than its image': 1,
    }
    assert 'skipped 1: object without a mask' in conversion.summary('x')
    with pytest.raises(DatasetError, match='Complete the download'):
        convert(download, 'ins_seg', 'ins_seg/rles', strict=True)


def test_labels_of_another_kind(download: Path):
    with pytest.raises(DatasetError, match='without "videoName"'):
        convert(download, 'box_track', 'det_20')
    with pytest.raises(DatasetError, match='does not exist'):
        convert(download, 'det', 'absent')
    with pytest.raises(DatasetError, match='--labels-only'):
        convert(download, 'det', 'det_20', images=download / 'absent')


def test_the_tool_converts_what_is_there(download: Path, capsys):
    assert run_tool(TOOL, download) == 0
    written = sorted(path.name for path in (download / 'annotations').iterdir())
    assert written == [f'{name}_train.json' for name in sorted(BDD_SETS)]
    assert 'det_val: left out' in capsys.readouterr().out
    assert run_tool(TOOL, download, '--sets', 'det', '--splits', 'val') == 2
    assert 'det_val.json do not exist' in capsys.readouterr().err
    assert run_tool(TOOL, download / 'images') == 2
    out = download / 'elsewhere'
    assert run_tool(TOOL, download, '--out', out, '--labels-only') == 0
    content = json.loads((out / 'det_train.json').read_text())
    assert content['images'][0]['width'] == 1280


def test_the_datasets_read_what_is_written(download: Path):
    assert run_tool(TOOL, download, '--splits', 'train') == 0
    counts = {}
    for name, bdd_set in BDD_SETS.items():
        dataset_type = VideoInstanceDataset if bdd_set.in_videos else PromptCocoDataset
        dataset = dataset_type(
            data_root=str(download),
            ann_file=f'annotations/{name}_train.json',
            data_prefix=dict(img=bdd_set.images.format(split='train')),
            pipeline=[],
        )
        sample = dataset.get_data_info(0)
        if bdd_set.in_videos:
            sample = sample['video'].frame(0)
        assert Path(sample['img_path']).is_file()
        ignored = [obj['ignore_flag'] for obj in sample['instances']]
        counts[name] = (len(ignored), sum(ignored), 'mask' in sample['instances'][0])
    assert counts == dict(
        det=(3, 1, False),
        ins_seg=(2, 1, True),
        box_track=(2, 0, False),
        seg_track=(2, 0, True),
    )


def test_real_labels(data_dir: Path, tmp_path: Path):
    """A video of BDD100K; counts are those of a plain reading of the file."""
    labels = data_dir / 'bdd_eval/box_track/track_sample_anns.json'
    out = tmp_path / 'out.json'
    conversion = convert_bdd100k(labels, out, BDD_SETS['box_track'], progress=False)
    frames = json.loads(labels.read_text())
    objects = [o for frame in frames for o in frame['labels']]
    crowds = {o['id'] for o in objects if o['attributes']['crowd']}
    content = json.loads(out.read_text())
    assert (conversion.videos, conversion.frames) == (1, 202)
    assert conversion.boxes == len(objects) == 3241
    ids = {a['object_id'] for a in content['annotations'] if not a['iscrowd']}
    plain = {o['id'] for o in objects if not o['attributes']['crowd']}
    assert ids == plain
    assert sum(a['iscrowd'] for a in content['annotations']) == len(crowds)
