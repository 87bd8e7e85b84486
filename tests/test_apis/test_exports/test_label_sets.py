"""Label sets are read back by the datasets that training reads, and by pycocotools."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from helpers.made_up_results import make_result, make_video
from uninext.apis import to_coco_labels, to_youtube_vis, to_youtube_vis_labels
from uninext.apis.exports import CocoLabels, VideoLabels, VideoTracks
from uninext.datasets import PromptCocoDataset, VideoInstanceDataset
from uninext.formats.rle import decode_segmentation


def write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def write_images(folder, names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((60, 80, 3), 50, np.uint8))


def test_nothing():
    labels = CocoLabels()
    assert labels.to_dict()['images'] == labels.results() == []
    assert VideoLabels().to_dict()['videos'] == VideoLabels().results() == []
    found = to_coco_labels([make_result(0)], ['a.jpg'])
    assert found['annotations'] == []
    assert [c['name'] for c in found['categories']] == ['dog', 'cat', 'the cat']
    videos = VideoLabels()
    videos.add(VideoTracks(), 'empty', [])
    assert videos.to_dict()['videos'] == []


@pytest.mark.parametrize('with_masks', [True, False])
def test_our_dataset_reads_coco_labels(tmp_path, with_masks):
    results = [make_result(3, with_masks=with_masks), make_result(1)]
    names = ['a.jpg', 'below/b.jpg']
    write_images(tmp_path, names)
    dataset = PromptCocoDataset(
        data_root=str(tmp_path),
        ann_file=write(tmp_path / 'labels.json', to_coco_labels(results, names)),
        data_prefix=dict(img=''),
        pipeline=[],
    )
    assert dataset.metainfo['classes'] == ('dog', 'cat', 'the cat')
    assert len(dataset) == 2
    first, second = (dataset.get_data_info(i) for i in range(2))
    assert second['img_path'] == str(tmp_path / 'below/b.jpg')
    assert [i['bbox_label'] for i in first['instances']] == [1, 0, 2]
    boxes = np.array([i['bbox'] for i in first['instances']])
    assert np.allclose(boxes, results[0].boxes_xyxy)
    assert first['has_masks'] == with_masks
    if with_masks:
        for instance, mask in zip(first['instances'], results[0].masks):
            assert (decode_segmentation(instance['mask'], 60, 80) == mask).all()


def test_pycocotools_reads_coco_labels(tmp_path, capsys):
    results = [make_result(3, 0, [4, 5, -1]), make_result(2, 1, [4, 5])]
    content = to_coco_labels(results, ['a.jpg', 'b.jpg'])
    coco = COCO(write(tmp_path / 'labels.json', content))
    assert coco.getAnnIds(imgIds=2) == [4, 5]
    annotation = coco.anns[2]
    assert annotation['area'] == 55 * 40 == results[0].masks[1].sum()
    assert annotation['track_id'] == 5
    assert np.array_equal(coco.annToMask(annotation), results[0].masks[1])


def test_results_belong_to_the_labels():
    labels = CocoLabels()
    labels.add(make_result(2), 'a.jpg')
    labels.add(make_result(1), 'b.jpg')
    assert labels.results() == [
        *make_result(2).to_coco(1),
        *make_result(1).to_coco(2),
    ]


def test_areas_of_boxes():
    content = to_coco_labels([make_result(1, with_masks=False)], ['a.jpg'])
    assert content['annotations'][0]['area'] == 60


def test_a_name_for_each_image():
    with pytest.raises(ValueError, match='1 results and 2 file names'):
        to_coco_labels([make_result()], ['a.jpg', 'b.jpg'])


@pytest.mark.parametrize('with_masks', [True, False])
def test_our_dataset_reads_video_labels(tmp_path, with_masks):
    names = [f'v/{i}.jpg' for i in range(4)]
    write_images(tmp_path, names)
    content = to_youtube_vis_labels(make_video(with_masks), names, 'v')
    settings = dict(
        data_root=str(tmp_path),
        ann_file=write(tmp_path / 'labels.json', content),
        data_prefix=dict(img=''),
        pipeline=[],
    )
    dataset = VideoInstanceDataset(**settings)
    info = dataset.get_data_info(0)
    assert info['video_name'] == 'v'
    video = info['video']
    assert video.has_masks == with_masks
    assert video.labels.tolist() == [1, 0]  # a cat, then a dog
    assert video.presence.tolist() == [[True, False, True, True], [0, 0, 1, 0]]
    assert np.allclose(video.frame(2)['instances'][1]['bbox'], [20, 15, 75, 55])
    frames = VideoInstanceDataset(**settings, test_mode=True)
    assert len(frames) == 4
    assert frames.get_data_info(2)['img_path'] == str(tmp_path / 'v/2.jpg')


def test_videos_share_categories():
    labels = VideoLabels()
    for name in ('a', 'b'):
        labels.add(VideoTracks(make_video()), name, [f'{name}{i}' for i in range(4)])
    content = labels.to_dict()
    assert [v['id'] for v in content['videos']] == [1, 2]
    assert [a['id'] for a in content['annotations']] == [1, 2, 3, 4]
    assert [a['video_id'] for a in content['annotations']] == [1, 1, 2, 2]
    assert content['annotations'][0]['areas'] == [60, None, 60, 60]
    assert labels.results() == [
        *to_youtube_vis(make_video(), 1),
        *to_youtube_vis(make_video(), 2),
    ]


def test_a_file_for_each_frame():
    with pytest.raises(ValueError, match='4 frames and 1 files'):
        to_youtube_vis_labels(make_video(), ['a.jpg'])
