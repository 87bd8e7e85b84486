"""Video datasets in test mode: frames, what they show, and how they are packed."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, pseudo_collate
from torch.utils.data import DataLoader

from uninext.datasets import (
    DatasetError,
    ReferringVideoDataset,
    SingleObjectDataset,
    UnreadableImageError,
    VideoInstanceDataset,
)
from uninext.datasets.samplers import WholeVideoSampler
from uninext.registry import TRANSFORMS
from uninext.structures import Prompt, Target, UninextDataSample

PIPELINE = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(96, 64), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]


def infos_of(dataset) -> list[dict]:
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def shown_of(dataset) -> dict[tuple, list]:
    """(video, frame) -> what it shows, where it shows something."""
    return {
        (info['video_id'], info['frame_id']): info['prompt_starts']
        for info in infos_of(dataset)
        if info['prompt_starts']
    }


# ------------------------------------------------------------------------------ frames


def test_withheld_labels_keep_all_frames(write_videos, video_content):
    del video_content['annotations']
    dataset = VideoInstanceDataset(**write_videos(video_content), test_mode=True)
    assert len(dataset) == 5
    assert all(info['instances'] == [] for info in infos_of(dataset))


def test_a_sample_is_a_frame(write_videos, video_content):
    dataset = VideoInstanceDataset(
        **write_videos(video_content), test_mode=True, set_name='mine'
    )
    assert dataset.video_starts.tolist() == [0, 4, 5]
    assert [dataset.video_of(i) for i in (0, 3, 4)] == [(0, 0), (0, 3), (1, 0)]
    infos = infos_of(dataset)
    assert [i['video_id'] for i in infos] == [5] * 4 + [6]
    assert [i['frame_id'] for i in infos] == [0, 1, 2, 3, 0]
    assert [i['video_length'] for i in infos] == [4] * 4 + [1]
    assert infos[1]['video_name'] == 'walk'
    assert {i['set_name'] for i in infos} == {'mine'}
    assert infos[3]['img_path'].endswith('frames/walk/3.png')
    ids = [[t['instance_id'] for t in i['instances']] for i in infos]
    assert ids == [[1], [1, 2], [1], [2], [3]]
    assert infos[1]['instances'][1]['bbox'] == [24, 6, 36, 18]


def test_sampling_table_is_of_frames(write_videos, video_content):
    del video_content['annotations'][2]['segmentations']
    dataset = VideoInstanceDataset(**write_videos(video_content), test_mode=True)
    table = dataset.sampling_table()
    assert table.landscape.tolist() == [True] * 4 + [False]
    assert table.has_masks.tolist() == [True] * 4 + [False]
    assert table.labels.tolist() == [0, 0, 1, 0, 1, 1]
    assert table.offsets.tolist() == [0, 1, 3, 4, 5, 6]
    assert dataset.sampling_table() is table  # kept
    assert len(dataset.get_subset([1]).sampling_table()) == 1


@pytest.mark.parametrize('index', [-1, 5])
def test_frames_that_are_not_there(write_videos, video_content, index):
    dataset = VideoInstanceDataset(**write_videos(video_content), test_mode=True)
    with pytest.raises(IndexError, match=f'no frame {index} among 5'):
        dataset.get_data_info(index)


def test_subsets_are_of_videos(write_videos, video_content):
    args = write_videos(video_content)
    assert len(VideoInstanceDataset(**args, test_mode=True, indices=1)) == 4
    dataset = VideoInstanceDataset(**args, test_mode=True)
    assert len(dataset) == 5
    dataset.get_data_info(0)
    subset = dataset.get_subset([1])
    assert len(subset) == 1
    assert subset.get_data_info(0)['video_id'] == 6
    dataset.get_subset_([1])
    assert dataset.get_data_info(0)['video_id'] == 6
    assert len(pickle.loads(pickle.dumps(dataset))) == 1


def test_an_unreadable_frame_is_named(write_videos, video_content):
    args = write_videos(video_content)
    path = f'{args["data_root"]}/frames/walk/1.png'
    dataset = VideoInstanceDataset(**{**args, 'pipeline': PIPELINE}, test_mode=True)
    with open(path, 'w') as file:
        file.write('not an image')
    dataset[0]
    with pytest.raises(UnreadableImageError, match='walk/1.png'):
        dataset[1]
    cv2.imwrite(path, np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match='16x16 pixels .* says 48x32'):
        dataset[1]


# ----------------------------------------------------------------------- what is shown


def test_names_are_shown_in_first_frames(write_videos, video_content):
    dataset = VideoInstanceDataset(**write_videos(video_content), test_mode=True)
    shown = shown_of(dataset)
    assert list(shown) == [(5, 0), (6, 0)]
    for ((prompt,),) in zip(shown.values()):
        assert prompt.prompt == Prompt.from_categories(['dog', 'red car'])
        assert prompt.object_id is prompt.own_meta is None


def test_targets_are_shown_by_boxes_where_they_appear(write_videos, video_content):
    video_content['annotations'][2]['iscrowd'] = 1
    dataset = SingleObjectDataset(**write_videos(video_content), test_mode=True)
    shown = shown_of(dataset)
    assert list(shown) == [(5, 0), (5, 1)]  # nobody follows a crowd
    (first,), (second,) = shown.values()
    assert (first.object_id, second.object_id) == (1, 2)
    assert first.prompt.box_xyxy.tolist() == [2, 4, 10, 12]
    assert second.prompt.box_xyxy.tolist() == [24, 6, 36, 18]
    assert first.prompt.mask is None


def test_targets_are_shown_by_masks(write_videos, video_content):
    for annotation, number in zip(video_content['annotations'], (7, 3, 9)):
        annotation['object_id'] = number
    args = write_videos(video_content)
    dataset = SingleObjectDataset(**args, test_mode=True, target='mask')
    shown = shown_of(dataset)
    (first,), (second,), (third,) = shown.values()
    assert [s.object_id for s in (first, second, third)] == [7, 3, 9]
    assert isinstance(first.prompt, Target)
    mask = np.zeros((32, 48), bool)
    mask[4:12, 2:10] = True
    assert np.array_equal(first.prompt.mask.numpy(), mask)
    assert third.prompt.mask.shape == (48, 32)
    # ground truth is called as the target is
    assert [t['instance_id'] for t in dataset.get_data_info(1)['instances']] == [7, 3]


def test_two_targets_in_one_frame(write_videos, video_content):
    video_content['annotations'][1]['bboxes'][0] = [1, 1, 4, 4]
    video_content['annotations'][1]['segmentations'][0] = [[1, 1, 5, 1, 5, 5, 1, 5]]
    dataset = SingleObjectDataset(
        **write_videos(video_content), test_mode=True, target='mask'
    )
    assert [s.object_id for s in shown_of(dataset)[5, 0]] == [1, 2]


def test_targets_need_their_kind(write_videos, video_content):
    args = write_videos(video_content)
    with pytest.raises(ValueError, match="one of .* got 'point'"):
        SingleObjectDataset(**args, target='point')
    for annotation in video_content['annotations']:
        del annotation['segmentations']
    args = write_videos(video_content)
    dataset = SingleObjectDataset(**args, test_mode=True, target='mask')
    with pytest.raises(DatasetError, match='target 1 has no mask in .*walk/0.png'):
        dataset.get_data_info(0)


def expressions_of(shown) -> list[tuple]:
    return [
        (s.own_meta['exp_id'], s.own_meta['expression'], s.object_id) for s in shown
    ]


def test_expressions_of_one_object(write_videos, video_content):
    del video_content['annotations'][1]
    dataset = ReferringVideoDataset(**write_videos(video_content), test_mode=True)
    assert len(dataset) == 5
    shown = shown_of(dataset)
    assert list(shown) == [(5, 0), (6, 0)]
    assert expressions_of(shown[5, 0]) == [
        ('0', 'the dog on the left', 1),
        ('1', 'left dog', 1),
    ]
    assert shown[5, 0][1].prompt == Prompt.from_expression('left dog')


def test_expressions_of_several_objects(write_videos, video_content):
    """As Ref-DAVIS is converted."""
    video_content['videos'][0]['object_ids'] = [4, 2]
    dataset = ReferringVideoDataset(**write_videos(video_content), test_mode=True)
    assert expressions_of(shown_of(dataset)[5, 0]) == [
        ('4', 'the dog on the left', 1),
        ('2', 'left dog', 2),
    ]


def test_expressions_of_a_video_meet(write_videos, video_content):
    """As Ref-YouTube-VOS is converted for tests: a record per expression."""
    first, other = video_content['videos']
    first.update(video='clip', exp_id='3', expressions=['a dog'])
    twin = {**first, 'id': 8, 'exp_id': '5', 'expressions': ['a cat']}
    stranger = {**twin, 'id': 9, 'video': 'other'}
    video_content['videos'] = [first, twin, stranger]
    video_content['annotations'] = []
    dataset = ReferringVideoDataset(**write_videos(video_content), test_mode=True)
    assert len(dataset) == 8
    shown = shown_of(dataset)
    assert expressions_of(shown[5, 0]) == [('3', 'a dog', None), ('5', 'a cat', None)]
    assert expressions_of(shown[9, 0]) == [('5', 'a cat', None)]
    assert dataset.get_data_info(0)['video_name'] == 'clip'


def test_annotations_follow_their_expressions(write_videos, video_content):
    first = video_content['videos'][0]
    first.update(video='clip', exp_id='3', expressions=['a dog'])
    twin = {**first, 'id': 8, 'exp_id': '5', 'expressions': ['a car']}
    video_content['videos'] = [first, twin]
    video_content['annotations'] = video_content['annotations'][:2]
    video_content['annotations'][1]['video_id'] = 8
    for annotation in video_content['annotations']:
        del annotation['id']
    dataset = ReferringVideoDataset(**write_videos(video_content), test_mode=True)
    assert len(dataset) == 4
    assert expressions_of(shown_of(dataset)[5, 0]) == [
        ('3', 'a dog', 1),
        ('5', 'a car', 2),
    ]
    ids = [t['instance_id'] for t in dataset.get_data_info(1)['instances']]
    assert ids == [1, 2]


def test_expressions_that_cannot_be_assigned(write_videos, video_content):
    video_content['videos'][0]['expressions'] = ['a', 'b', 'c']
    with pytest.raises(DatasetError, match='id 5 has 2 annotations; .*or 3, one per'):
        ReferringVideoDataset(**write_videos(video_content), test_mode=True)
    video_content['videos'][0].update(expressions=['a', 'b'], object_ids=[1])
    with pytest.raises(DatasetError, match=r'2 expressions, but 1 ids of them: \[1\]'):
        ReferringVideoDataset(**write_videos(video_content), test_mode=True)


# ----------------------------------------------------------------------------- packing


def test_packed_frames(write_videos, video_content):
    args = {**write_videos(video_content), 'pipeline': PIPELINE}
    dataset = SingleObjectDataset(**args, test_mode=True, target='mask')
    packed = dataset[1]
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 64, 96)
    assert packed['inputs'].dtype == torch.uint8
    assert isinstance(sample, UninextDataSample)
    assert not set(sample.all_keys()) - set(sample.metainfo_keys())
    assert (sample.ori_shape, sample.img_shape) == ((32, 48), (64, 96))
    assert (sample.video_id, sample.frame_id, sample.video_length) == (5, 1, 4)
    # ground truth stays in pixels of the file
    assert sample.instances[0]['bbox'] == [2, 4, 10, 12]
    assert sample.prompt_starts[0].prompt.mask.shape == (32, 48)
    image = cv2.imread(sample.img_path)
    assert abs(float(packed['inputs'].float().mean()) - image.mean()) < 3


def test_only_frames_are_packed_so():
    with pytest.raises(ValueError, match='test_mode=True'):
        TRANSFORMS.build(dict(type='PackFrame'))(dict(img=np.zeros((2, 2, 3))))


@pytest.mark.parametrize('num_workers', [0, 2])
def test_frames_reach_the_loop_in_order(write_videos, video_content, num_workers):
    args = {**write_videos(video_content), 'pipeline': PIPELINE}
    parts = [VideoInstanceDataset(**args, test_mode=True) for _ in range(2)]
    dataset = ConcatDataset(parts)
    loader = DataLoader(
        dataset,
        sampler=WholeVideoSampler(dataset),
        batch_size=1,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )
    samples = [batch['data_samples'][0] for batch in loader]
    order = [(s.video_id, s.frame_id) for s in samples]
    assert order == [(5, 0), (5, 1), (5, 2), (5, 3), (6, 0)] * 2
