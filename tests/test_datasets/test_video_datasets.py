"""VideoInstanceDataset, SingleObjectDataset, ReferringVideoDataset."""

from __future__ import annotations

import logging
import pickle

import numpy as np
import pytest

from uninext.datasets import (
    DatasetError,
    MultiTaskDataset,
    ReferringVideoDataset,
    SampleDraw,
    SingleObjectDataset,
    VideoAnnotation,
    VideoInstanceDataset,
)

TARGETS = [
    dict(type='SampleFramePair'),
    dict(
        type='ForEachFrame',
        transforms=[
            dict(type='LoadImageOrExplain'),
            dict(type='LoadPromptAnnotations'),
        ],
    ),
    dict(type='SampleTarget'),
    dict(type='TemplatePrompt', size=16),
    dict(type='PackUninextInputs'),
]


def visible(video: VideoAnnotation, index: int) -> list[int]:
    """Ids of the objects that count in a frame; no crowds."""
    return video.ids[video.presence[:, index]].tolist()


@pytest.fixture
def logged(monkeypatch):
    """What the datasets say."""
    lines = []
    monkeypatch.setattr(
        'uninext.datasets.indexed_samples.print_log',
        lambda message, logger, level: lines.append((level, message)),
    )
    return lines


def test_a_sample_is_a_video(write_videos, video_content):
    dataset = VideoInstanceDataset(**write_videos(video_content))
    assert len(dataset) == 2
    assert dataset.metainfo['classes'] == ('dog', 'red car')
    info = dataset.get_data_info(0)
    assert (info['video_id'], info['video_name']) == (5, 'walk')
    assert info['video'].labels.tolist() == [0, 1]
    assert [visible(info['video'], t) for t in range(4)] == [[1], [1, 2], [1], [2]]
    assert 'video_name' not in dataset.get_data_info(1)
    twin = pickle.loads(pickle.dumps(dataset))
    assert twin.get_data_info(0)['video'].frame(1) == info['video'].frame(1)


def test_other_formats_are_checked_like_files(write_videos, video_content):
    args = write_videos(video_content)
    twin = VideoInstanceDataset(**args)

    class Elsewhere(VideoInstanceDataset):
        def read_content(self) -> dict:
            return video_content

    dataset = Elsewhere(**{**args, 'ann_file': 'labels.txt'})
    frames = [d.get_data_info(0)['video'].frame(1) for d in (dataset, twin)]
    assert frames[0] == frames[1]
    video_content['videos'][0]['length'] = 9
    with pytest.raises(DatasetError, match=r'labels\.txt: video 5.*expected 9'):
        Elsewhere(**{**args, 'ann_file': 'labels.txt'})


def test_sampling_table(write_videos, video_content):
    video_content['annotations'][2].pop('segmentations')
    video_content['annotations'][1].update(iscrowd=1)
    table = VideoInstanceDataset(**write_videos(video_content)).sampling_table()
    assert table.landscape.tolist() == [True, False]
    assert table.has_masks.tolist() == [True, False]
    assert table.labels.tolist() == [0, 1]
    assert table.offsets.tolist() == [0, 1, 2]


def test_classes_can_be_chosen(write_videos, video_content, logged):
    args = write_videos(video_content)
    dataset = VideoInstanceDataset(**args, metainfo=dict(classes=('dog',)))
    assert len(dataset) == 1
    assert dataset.get_data_info(0)['video'].ids.tolist() == [1]
    assert len(logged) == 1  # and of the other class not a word: it was not wanted
    assert '1 videos show no object' in logged[0][1]


def test_what_is_left_out_is_counted(write_videos, video_content, logged):
    video_content['annotations'][2]['bboxes'] = [[1, 1, 0, 5]]
    video_content['annotations'].append(
        dict(id=9, video_id=77, category_id=3, bboxes=[])
    )
    dataset = VideoInstanceDataset(**write_videos(video_content))
    assert [dataset.get_data_info(i)['video_id'] for i in range(len(dataset))] == [5]
    assert {level for level, _ in logged} == {logging.WARNING}
    said = '\n'.join(line for _, line in logged)
    assert '1 objects are visible in no frame' in said
    assert '1 annotations belong to 1 videos that are not listed' in said
    assert '1 videos show no object in any frame' in said


def test_nothing_left_is_an_error(write_videos, video_content):
    video_content['annotations'] = []
    args = write_videos(video_content)
    with pytest.raises(DatasetError, match='No sample is left of the 2'):
        VideoInstanceDataset(**args)


def test_a_pair_needs_two_frames_with_objects(write_videos, video_content, logged):
    """The only frame of a video is one all the same: a pseudo video."""
    box = [2.0, 4.0, 8.0, 8.0]
    first, second = video_content['annotations'][:2]
    first['bboxes'] = [box, None, None, None]
    second['bboxes'] = [None, None, box, None]
    for annotation in (first, second):
        del annotation['segmentations']
    args = write_videos(video_content)

    def kept(kind):
        dataset = kind(**args)
        return [dataset.get_data_info(i)['video_id'] for i in range(len(dataset))]

    assert kept(VideoInstanceDataset) == [5, 6]
    assert not logged
    assert kept(SingleObjectDataset) == [6]  # no target in two frames
    assert '1 videos show no target in two frames' in logged[0][1]
    video_content['annotations'].remove(second)
    write_videos(video_content)
    assert kept(VideoInstanceDataset) == [6]
    assert '1 videos show objects in one frame only' in logged[1][1]
    assert len(logged) == 2
    assert len(VideoInstanceDataset(**args, test_mode=True)) == 5  # all frames stay


def test_filter_leaves_out_small_videos(write_videos, video_content, logged):
    """The frames of the first are 48 x 32, of the second 32 x 48."""
    video_content['videos'][1].update(width=31)
    args = write_videos(video_content)

    def kept(**filter_cfg):
        dataset = VideoInstanceDataset(**args, filter_cfg=filter_cfg)
        return [dataset.get_data_info(i)['video_id'] for i in range(len(dataset))]

    assert kept(filter_empty_gt=True) == [5, 6]
    assert kept(min_size=31) == [5, 6]
    assert not logged
    assert kept(min_size=32) == [5]
    assert '1 videos have a side below 32' in logged[0][1]
    with pytest.raises(DatasetError, match='0 videos with sides of at least 33'):
        kept(min_size=33)
    frames = VideoInstanceDataset(**args, filter_cfg=dict(min_size=99), test_mode=True)
    assert len(frames) == 5


@pytest.mark.parametrize(
    ('key', 'message'),
    [('filter_empty_gt', 'video without objects'), ('min_siez', 'known are')],
)
def test_filter_that_cannot_hold_is_an_error(write_videos, video_content, key, message):
    args = write_videos(video_content)
    with pytest.raises(DatasetError, match=message):
        VideoInstanceDataset(**args, filter_cfg={key: False})


def test_a_target_seen_once_is_never_drawn(write_videos, video_content):
    second = video_content['annotations'][1]
    second['bboxes'] = [None, second['bboxes'][1], None, None]
    args = {**write_videos(video_content), 'pipeline': TARGETS}
    dataset = MultiTaskDataset([dict(name='sot', dataset=SingleObjectDataset(**args))])
    for seed in range(20):
        sample = dataset[SampleDraw(0, seed)]['data_samples']
        assert sample.gt_instances.instances_ids.tolist() == [1]


def test_absent_frames_are_noticed(write_videos, video_content):
    args = write_videos(video_content, frames=False)
    with pytest.raises(DatasetError, match='image folder .*walk does not exist'):
        VideoInstanceDataset(**args)


def test_targets_have_no_class(write_videos, video_content):
    dataset = SingleObjectDataset(**write_videos(video_content))
    assert dataset.metainfo['classes'] == ('object',)
    assert np.all(dataset.get_data_info(0)['video'].labels == 0)


def refs(video_content):
    del video_content['annotations'][1]
    return video_content


def test_expressions_in_training(write_videos, video_content):
    content = refs(video_content)
    content['annotations'][0]['iscrowd'] = 1
    dataset = ReferringVideoDataset(**write_videos(content))
    assert len(dataset) == 2
    info = dataset.get_data_info(0)
    assert info['expressions'] == ['the dog on the left', 'left dog']
    assert info['video'].labels.tolist() == [0]
    assert visible(info['video'], 0) == [1]  # never ignored


def test_each_record_is_one_referred_object(write_videos, video_content):
    args = write_videos(video_content)
    with pytest.raises(DatasetError, match='id 5 has 2 annotations; expected exactly'):
        ReferringVideoDataset(**args)


def test_records_need_expressions(write_videos, video_content):
    video_content['videos'][1]['expressions'] = ['?!']
    args = write_videos(refs(video_content))
    with pytest.raises(DatasetError, match='id 6 has .*expected a list of expressions'):
        ReferringVideoDataset(**args)


def test_they_can_be_mixed(write_videos, video_content):
    dataset = MultiTaskDataset(
        [dict(name='vis', dataset=VideoInstanceDataset(**write_videos(video_content)))]
    )
    assert dataset.source_sizes == (2,)
    assert dataset.sampling_tables[0].groups().tolist() == [3, 2]
