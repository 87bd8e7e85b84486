from __future__ import annotations

import pytest

from uninext.datasets import DatasetError, ReferringDataset


def test_no_expressions_is_an_error(write_coco, refs_content):
    refs_content['images'][0]['expressions'] = []
    with pytest.raises(DatasetError, match='id 1 has an empty list of expressions'):
        ReferringDataset(**write_coco(refs_content))


@pytest.mark.parametrize('expressions', [None, 'a dog', [3], ['...']])
def test_expressions_must_be_expressions(write_coco, refs_content, expressions):
    refs_content['images'][1]['expressions'] = expressions
    with pytest.raises(DatasetError, match='id 2 has .*expected a list of expressions'):
        ReferringDataset(**write_coco(refs_content))


@pytest.mark.parametrize('ids', [(1,), (1, 2, 2)])
def test_each_record_has_one_annotation(write_coco, refs_content, ids):
    annotation = refs_content['annotations'][0]
    refs_content['annotations'] = [{**annotation, 'image_id': i} for i in ids]
    with pytest.raises(DatasetError, match='expected exactly one'):
        ReferringDataset(**write_coco(refs_content))


def test_training_has_one_sample_per_object(write_coco, refs_content):
    dataset = ReferringDataset(**write_coco(refs_content))
    assert dataset.metainfo['classes'] == ('object',)
    assert len(dataset) == 2
    first, second = (dataset.get_data_info(i) for i in range(2))
    assert first['expressions'] == ['the dog on the left', 'second dog']
    assert (first['img_id'], second['img_id']) == (1, 2)
    assert first['has_masks']
    assert not second['has_masks']


def test_object_without_area_has_no_mask(write_coco, refs_content):
    """It would wait in the bucket of the samples with masks, and learn nothing."""
    refs_content['annotations'][0]['bbox'] = [4, 6, 0, 10]
    dataset = ReferringDataset(**write_coco(refs_content))
    assert dataset.get_data_info(0)['instances'] == []
    assert not dataset.get_data_info(0)['has_masks']
    assert dataset.sampling_table().has_masks.tolist() == [False, False]


def test_testing_has_one_sample_per_expression(write_coco, refs_content):
    dataset = ReferringDataset(**write_coco(refs_content), test_mode=True)
    expressions = [dataset.get_data_info(i)['expressions'] for i in range(len(dataset))]
    assert expressions == [['the dog on the left'], ['second dog'], ['right one']]


def test_labels_are_zero_and_nothing_is_ignored(write_coco, refs_content):
    refs_content['categories'].append(dict(id=9, name='other'))
    refs_content['annotations'][0].update(category_id=9, iscrowd=1)
    info = ReferringDataset(**write_coco(refs_content)).get_data_info(0)
    (instance,) = info['instances']
    assert (instance['bbox_label'], instance['ignore_flag']) == (0, 0)
    assert info['has_masks']
