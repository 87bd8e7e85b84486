"""What a run writes is read back by the tools that it is for, or by our own readers."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from helpers.labelling import (
    ASKED,
    NAMES,
    MadeUpFinder,
    write_clip,
    write_photos,
)
from helpers.made_up_results import BOXES, make_result
from uninext.apis.exports.video_tracks import VideoTracks
from uninext.cli.label import TO
from uninext.datasets import PromptCocoDataset, VideoInstanceDataset
from uninext.formats.cvat import read_cvat_images
from uninext.formats.label_studio import read_image_regions, read_track_region
from uninext.formats.labelme import read_labelme
from uninext.formats.mot_text import read_mot
from uninext.formats.yolo import read_yolo
from uninext.labelling import LAYOUTS, Bands, label
from uninext.labelling.layouts import LabelSet
from uninext.labelling.set_folder import SetFolder

BOXES_XYWH = [[x, y, x2 - x, y2 - y] for x, y, x2, y2 in BOXES]


def written(folder: Path, to: str, with_masks: bool = True, **given) -> Path:
    """Folder of the images or videos that are to be reviewed."""
    find = MadeUpFinder(with_masks)
    sources = write_photos(folder / 'photos', 'a.jpg', 'below/b.jpg')
    if not LAYOUTS[to].takes_images or given.pop('clip', False):
        sources = write_clip(folder / 'clip.mp4')
    done = label(find, sources, folder / 'out', to, **ASKED, bands=Bands(1, 0.2))
    return done.written['review']


def test_the_help_names_all():
    assert list(TO) == list(LAYOUTS)


@pytest.mark.parametrize('to', LAYOUTS)
def test_nothing(tmp_path, to):
    folder = SetFolder(tmp_path)
    LAYOUTS[to].write(folder, LabelSet([], [], [], tmp_path))
    folder.finish()
    assert VideoTracks().tracks == {}


def test_coco(tmp_path):
    folder = written(tmp_path, 'coco')
    coco = COCO(str(folder / 'labels.json'))
    found = coco.loadAnns(coco.getAnnIds(imgIds=1))
    assert [one['bbox'] for one in found] == BOXES_XYWH
    assert [coco.cats[one['category_id']]['name'] for one in found] == [
        'cat',
        'dog',
        'the cat',
    ]
    assert np.array_equal(coco.annToMask(found[1]), make_result(2).masks[1])
    dataset = PromptCocoDataset(
        data_root=str(tmp_path / 'photos'),
        ann_file=str(folder / 'labels.json'),
        data_prefix=dict(img=''),
        pipeline=[],
    )
    assert dataset.metainfo['classes'] == tuple(NAMES)
    assert Path(dataset.get_data_info(0)['img_path']).is_file()


def test_frames_are_images(tmp_path):
    folder = written(tmp_path, 'coco', clip=True)
    content = json.loads((folder / 'labels.json').read_text())
    names = [image['file_name'] for image in content['images']]
    assert names == [f'clip/{i:06d}.jpg' for i in range(4)]
    frame = cv2.imread(str(tmp_path / 'out/frames' / names[0]))
    assert frame.shape == (60, 80, 3)
    assert [a['track_id'] for a in content['annotations']] == [0, 0, 1, 0]


@pytest.mark.parametrize('with_masks', [True, False])
def test_yolo(tmp_path, with_masks):
    folder = written(tmp_path, 'yolo', with_masks)
    images = sorted((folder / 'images').rglob('*.jpg'))
    assert [cv2.imread(str(image)).shape for image in images] == [(60, 80, 3)]
    for image in images:  # as YOLO finds the lines of an image
        path = Path(str(image).replace('/images/', '/labels/')).with_suffix('.txt')
        found = read_yolo(path, NAMES, (80, 60))
        assert [i.label for i in found] == ['cat', 'dog', 'the cat']
        for one, box in zip(found, BOXES_XYWH):
            assert one.box_xywh == pytest.approx(box, abs=1)


def test_labelme(tmp_path):
    folder = written(tmp_path, 'labelme')
    found = read_labelme(folder / 'a.json')
    assert (folder / found.file_name).resolve() == tmp_path / 'photos/a.jpg'
    assert [i.label for i in found.instances] == ['cat', 'dog', 'the cat']


def test_cvat_of_images(tmp_path):
    folder = written(tmp_path, 'cvat')
    (image,) = read_cvat_images(folder / 'images.xml')
    assert image.file_name == 'a.jpg'
    assert [i.score for i in image.instances] == [0.9, 0.5, 0.25]
    labels = json.loads((folder / 'labels.json').read_text())
    assert [one['name'] for one in labels] == NAMES


@pytest.mark.parametrize('clip', [True, False])
def test_cvat_is_read_by_datumaro(tmp_path, clip):
    datumaro = pytest.importorskip('datumaro', reason='datumaro is not installed')
    folder = written(tmp_path, 'cvat', clip=clip)
    (folder / 'images').symlink_to(tmp_path / 'photos')  # beside the file
    (path,) = folder.glob('*.xml')
    found = list(datumaro.Dataset.import_from(str(path), 'cvat'))
    shapes = [
        [a for a in item.annotations if not a.attributes.get('outside')]
        for item in sorted(found, key=lambda item: item.attributes.get('frame', 0))
    ]
    assert [len(one) for one in shapes] == ([1, 0, 2, 1] if clip else [3])
    assert {a.type.name for one in shapes for a in one} == {'polygon'}


def test_label_studio_of_images(tmp_path):
    folder = written(tmp_path, 'label-studio')
    (task,) = json.loads((folder / 'images.json').read_text())
    assert task['data'] == {'image': '/data/local-files/?d=a.jpg'}
    (prediction,) = task['predictions']
    assert prediction['score'] == 0.25
    found = read_image_regions(prediction['result'])
    for one, box in zip(found.instances, BOXES_XYWH):
        assert one.box_xywh == pytest.approx(box, abs=1)


def test_label_studio_of_videos(tmp_path):
    folder = written(tmp_path, 'label-studio', clip=True)
    (task,) = json.loads((folder / 'videos.json').read_text())
    assert task['data'] == {'video': '/data/local-files/?d=clip.mp4'}
    first, second = task['predictions'][0]['result']
    assert read_track_region(first, (80, 60)).keys() == {0, 2, 3}
    assert read_track_region(second, (80, 60)) == {2: pytest.approx(BOXES_XYWH[1])}
    assert first['value']['duration'] == 0.4
    assert 'framerate="10"' in (folder / 'videos.xml').read_text()


def test_ytvis(tmp_path):
    folder = written(tmp_path, 'ytvis')
    dataset = VideoInstanceDataset(
        data_root=str(tmp_path),
        ann_file=str(folder / 'labels.json'),
        data_prefix=dict(img='out/frames'),
        pipeline=[],
    )
    video = dataset.get_data_info(0)['video']
    assert video.presence.tolist() == [[True, False, True, True], [0, 0, 1, 0]]
    content = json.loads((folder / 'labels.json').read_text())
    assert [a['band'] for a in content['annotations']] == ['review', 'review']


def test_mot(tmp_path):
    folder = written(tmp_path, 'mot')
    table = read_mot(folder / 'clip/gt/gt.txt')
    assert table.rows[:, :2].tolist() == [[1, 1], [3, 1], [3, 2], [4, 1]]
    assert table.rows[:, 2:6].tolist()[2] == BOXES_XYWH[1]
    assert table.classes.tolist() == [2, 2, 1, 2]
    info = configparser.ConfigParser()
    info.read(folder / 'clip/seqinfo.ini')
    assert info['Sequence']['seqLength'] == '4'
    assert info['Sequence']['frameRate'] == '10'


def test_mot_is_read_by_trackeval(tmp_path):
    pytest.importorskip('trackeval', reason='trackeval is not installed')
    from trackeval.datasets import MotChallenge2DBox

    folder = written(tmp_path, 'mot')
    tracker = tmp_path / 'trackers/ours/data'
    tracker.mkdir(parents=True)
    lines = (folder / 'clip/gt/gt.txt').read_text()
    (tracker / 'clip.txt').write_text(lines)
    read = MotChallenge2DBox(
        dict(
            GT_FOLDER=str(folder),
            TRACKERS_FOLDER=str(tmp_path / 'trackers'),
            SEQ_INFO={'clip': None},  # of seqinfo.ini
            SKIP_SPLIT_FOL=True,
            TRACKERS_TO_EVAL=['ours'],
            DO_PREPROC=False,
            PRINT_CONFIG=False,
        )
    ).get_raw_seq_data('ours', 'clip')
    assert [len(ids) for ids in read['gt_ids']] == [1, 0, 2, 1]
    boxes = [boxes.tolist() for boxes in read['gt_dets']]
    assert boxes[2] == [BOXES_XYWH[0], BOXES_XYWH[1]]
