from __future__ import annotations

import pytest
from mmdet.evaluation import CocoMetric

from uninext.datasets import (
    DatasetError,
    PromptCocoDataset,
    PromptObjects365V2Dataset,
    UnreadableImageError,
)
from uninext.registry import DATASETS


@pytest.mark.parametrize(
    ('test_mode', 'filter_cfg', 'crowd', 'kept'),
    [
        (False, None, 0, [10, 11, 12, 13]),
        (False, dict(filter_empty_gt=True), 0, [10, 11, 12]),
        # an image with ignored objects alone counts as empty
        (False, dict(filter_empty_gt=True), 1, [10, 11]),
        (True, dict(filter_empty_gt=True, min_size=1000), 0, [10, 11, 12, 13]),
    ],
)
def test_filter(write_coco, coco_content, test_mode, filter_cfg, crowd, kept):
    coco_content['annotations'][3]['iscrowd'] = crowd
    args = write_coco(coco_content)
    dataset = PromptCocoDataset(**args, test_mode=test_mode, filter_cfg=filter_cfg)
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == kept


class TextSet(PromptCocoDataset):
    """Records that come from elsewhere than a JSON file."""

    content: dict = {}

    def read_content(self) -> dict:
        return self.content


def test_other_formats_are_checked_like_files(write_coco, coco_content, monkeypatch):
    args = write_coco(coco_content)
    monkeypatch.setattr(TextSet, 'content', coco_content)
    twin = PromptCocoDataset(**args)
    dataset = TextSet(**{**args, 'ann_file': 'labels.txt'})
    assert [dataset[i]['instances'] for i in range(4)] == [
        twin[i]['instances'] for i in range(4)
    ]
    assert dataset.metainfo['classes'] == twin.metainfo['classes']
    coco_content['annotations'][0]['bbox'] = [1, 2, 3]
    with pytest.raises(DatasetError, match=r'labels\.txt: annotations\[0\].* bbox'):
        TextSet(**{**args, 'ann_file': 'labels.txt'})


@pytest.mark.parametrize(
    ('changes', 'options', 'message'),
    [
        (
            {},
            dict(filter_cfg=dict(min_sizes=32)),
            r"keys \['min_sizes'\]; known are .*min_si",
        ),
        ({}, dict(filter_cfg=dict(min_size=1000)), 'No sample is left of the 4'),
        (dict(categories=[], annotations=[]), {}, 'lists no category'),
        (
            {},
            dict(metainfo=dict(classes=('dog', 'horse'))),
            r"no categories \('horse'\).*'dog'",
        ),
    ],
)
def test_what_cannot_be_built(write_coco, coco_content, changes, options, message):
    args = write_coco({**coco_content, **changes})
    with pytest.raises(DatasetError, match=message):
        PromptCocoDataset(**args, **options)


def test_classes_come_from_the_file(write_coco, coco_content):
    dataset = DATASETS.build(dict(type='PromptCocoDataset', **write_coco(coco_content)))
    assert dataset.metainfo['classes'] == ('dog', 'red car', 'cat')
    info = dataset.get_data_info(0)
    assert info['classes'] == ('dog', 'red car', 'cat')
    assert [i['bbox_label'] for i in info['instances']] == [0, 1]
    assert info['instances'][0]['bbox'] == [4.0, 6.0, 14.0, 16.0]
    assert info['has_masks']


@pytest.mark.parametrize('classes', ['auto', ('cat', 'dog', 'red car')])
def test_classes_are_in_the_order_of_the_file(write_coco, coco_content, classes):
    args = write_coco(coco_content)
    dataset = PromptCocoDataset(**args, metainfo=dict(classes=classes))
    assert dataset.metainfo['classes'] == ('dog', 'red car', 'cat')


def test_labels_agree_with_coco_metric(write_coco, coco_content, tmp_path):
    """mmdet's metric turns label i into the id of the i-th class *in file order*."""
    args = write_coco(coco_content)
    dataset = PromptCocoDataset(**args, metainfo=dict(classes=('cat', 'dog')))
    metric = CocoMetric(ann_file=str(tmp_path / 'ann.json'))
    ids = metric._coco_api.get_cat_ids(cat_names=dataset.metainfo['classes'])
    assert [dataset.cat2label[i] for i in ids] == [0, 1]
    assert [i['bbox_label'] for i in dataset.get_data_info(0)['instances']] == [0]


def test_what_is_empty(write_coco, coco_content):
    """Not what shows ignored objects alone, or objects without an area."""
    coco_content['annotations'] = [
        dict(id=1, image_id=10, category_id=7, bbox=[4, 6, 0, 10]),
        dict(id=2, image_id=11, category_id=7, bbox=[4, 6, 9, 9], iscrowd=1),
    ]
    dataset = PromptCocoDataset(**write_coco(coco_content))
    infos = [dataset.get_data_info(i) for i in range(4)]
    assert [info['is_empty'] for info in infos] == [False, False, True, True]
    assert not any(info['has_masks'] for info in infos)


def test_an_empty_image_goes_with_those_that_have_masks(write_coco, coco_content):
    infos = PromptCocoDataset(**write_coco(coco_content))
    assert [infos.get_data_info(i)['is_empty'] for i in range(4)] == [0, 0, 0, 1]
    assert infos.get_data_info(3)['has_masks']


def test_crowd_is_ignored_and_needs_no_mask(write_coco, coco_content):
    info = PromptCocoDataset(**write_coco(coco_content)).get_data_info(2)
    assert [i['ignore_flag'] for i in info['instances']] == [0, 1]
    assert info['has_masks']


def test_one_object_without_mask_makes_the_sample_box_only(write_coco, coco_content):
    del coco_content['annotations'][1]['segmentation']
    dataset = PromptCocoDataset(**write_coco(coco_content))
    assert not dataset.get_data_info(0)['has_masks']
    assert dataset.get_data_info(1)['has_masks']


@pytest.mark.parametrize(
    'bbox', [[50, 6, 10, 10], [4, 6, 0, 10], [-9, 0, 5, 5]], ids=str
)
def test_boxes_without_area_in_the_image_are_dropped(write_coco, coco_content, bbox):
    coco_content['annotations'][2]['bbox'] = bbox
    dataset = PromptCocoDataset(**write_coco(coco_content))
    assert dataset.get_data_info(1)['instances'] == []


@pytest.mark.parametrize(
    'bbox',
    [[4, 6, 1, 9], [4, 6, 9, 0.5], [-9, 0, 9.5, 5], [0, 6, 1, 9], [4, 0, 9, 1]],
    ids=str,
)
def test_boxes_of_a_pixel_or_less_are_kept(write_coco, coco_content, bbox):
    coco_content['annotations'][2]['bbox'] = bbox
    (instance,) = PromptCocoDataset(**write_coco(coco_content))[1]['instances']
    x, y, w, h = bbox
    assert instance['bbox'] == [x, y, x + w, y + h]


def test_area_and_iscrowd_are_not_needed(write_coco, coco_content):
    for record in coco_content['annotations']:
        record.pop('area')
        record.pop('iscrowd')
    assert len(PromptCocoDataset(**write_coco(coco_content))) == 4


def test_wrong_prefix_fails_when_built(write_coco, coco_content):
    args = write_coco(coco_content)
    args['data_prefix'] = dict(img='train2017/')
    with pytest.raises(DatasetError, match='image folder .*train2017 does not exist'):
        PromptCocoDataset(**args)


def test_absent_images_fail_when_built(write_coco, coco_content):
    args = write_coco(coco_content, images=False)
    with pytest.raises(DatasetError, match='4 of 4 probed images'):
        PromptCocoDataset(**args)
    lazy = PromptCocoDataset(**args, lazy_init=True)
    with pytest.raises(DatasetError, match='probed'):
        lazy.full_init()


def test_unreadable_image_in_training_is_drawn_anew(
    write_coco, coco_content, tmp_path, monkeypatch
):
    messages: list[str] = []
    monkeypatch.setattr(
        'uninext.datasets.detection.print_log', lambda text, **_: messages.append(text)
    )
    dataset = PromptCocoDataset(**write_coco(coco_content))
    (tmp_path / 'img' / '0.png').write_bytes(b'no image')
    assert dataset.prepare_data(0) is None
    assert dataset.prepare_data(0) is None
    assert dataset[0]['img_id'] != 10
    assert len(messages) == 1
    assert '0.png' in messages[0]


def test_a_set_without_a_readable_image_is_an_error(write_coco, coco_content, tmp_path):
    dataset = PromptCocoDataset(**write_coco(coco_content), max_refetch=20)
    for path in (tmp_path / 'img').iterdir():
        path.write_bytes(b'no image')
    with pytest.raises(DatasetError, match=r'json: of 20 draws none .*0\.png'):
        dataset[0]


def test_unreadable_image_in_testing_is_an_error(write_coco, coco_content, tmp_path):
    dataset = PromptCocoDataset(**write_coco(coco_content), test_mode=True)
    (tmp_path / 'img' / '0.png').write_bytes(b'no image')
    with pytest.raises(UnreadableImageError, match=r'0\.png'):
        dataset[0]


def test_annotations_of_unlisted_images_are_left_out(write_coco, coco_content):
    coco_content['images'].pop(0)
    assert len(PromptCocoDataset(**write_coco(coco_content))) == 3


def test_sampling_table(write_coco, coco_content):
    dataset = PromptCocoDataset(**write_coco(coco_content))
    table = dataset.sampling_table()
    assert table.landscape.tolist() == [False, True, False, True]
    assert table.has_masks.tolist() == [True, True, True, True]  # the last is empty
    assert table.labels.tolist() == [0, 1, 1, 0]
    assert table.offsets.tolist() == [0, 2, 3, 4, 4]
    assert table.groups().tolist() == [2, 3, 2, 3]


def test_sampling_table_follows_subsets(write_coco, coco_content):
    args = write_coco(coco_content)
    dataset = PromptCocoDataset(**args)
    assert dataset.get_subset([1]).sampling_table().landscape.tolist() == [True]
    assert len(dataset.sampling_table()) == 4
    dataset.get_subset_([3, 0])
    assert dataset.sampling_table().landscape.tolist() == [True, False]
    chosen = PromptCocoDataset(**args, indices=[1, 2])
    assert chosen.sampling_table().landscape.tolist() == [True, False]


def test_objects365_knows_its_absent_images(write_coco, coco_content):
    first, second, *_ = coco_content['images']
    args = write_coco({**coco_content, 'images': [second]})
    absent = {**first, 'file_name': 'images/v2/patch16/objects365_v2_00908726.jpg'}
    write_coco({**coco_content, 'images': [absent, second]}, images=False)
    dataset = PromptObjects365V2Dataset(**args)
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == [11]


def test_objects365_keeps_the_patch_folder(write_coco, coco_content, tmp_path):
    coco_content['images'] = [
        {**coco_content['images'][0], 'file_name': 'images/v1/patch8/a.jpg'}
    ]
    args = write_coco(coco_content, images=False)
    (tmp_path / 'img' / 'patch8').mkdir()
    (tmp_path / 'img' / 'patch8' / 'a.jpg').touch()
    dataset = PromptObjects365V2Dataset(**args)
    assert dataset.get_data_info(0)['img_path'].endswith('img/patch8/a.jpg')
