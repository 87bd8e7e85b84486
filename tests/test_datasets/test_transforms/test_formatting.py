from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

from uninext.datasets.transforms import PackUninextInputs
from uninext.structures import Prompt, UninextDataSample


def sample(num: int = 3, masks: bool = True) -> dict:
    boxes = torch.arange(4.0 * num).reshape(num, 4)
    results = dict(
        img=np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3),
        gt_bboxes=HorizontalBoxes(boxes),
        gt_bboxes_labels=np.arange(num),
        gt_ignore_flags=np.arange(num) == 1,
        prompt=Prompt.from_categories(['a', 'b', 'c']),
        img_id=5,
        img_shape=(5, 7),
        expression='x',
        not_carried=1,
    )
    if masks:
        bitmaps = np.zeros((num, 5, 7), np.uint8)
        results['gt_masks'] = BitmapMasks(bitmaps, 5, 7)
    return results


def test_no_instances():
    packed = PackUninextInputs()(sample(0))['data_samples']
    assert packed.gt_instances.bboxes.tensor.shape == (0, 4)
    assert len(packed.gt_instances.masks) == 0


def test_prompt_is_required():
    results = sample()
    del results['prompt']
    with pytest.raises(ValueError, match='without a prompt'):
        PackUninextInputs()(results)


def test_packed_sample():
    results = sample()
    packed = PackUninextInputs()(results)
    inputs, data_sample = packed['inputs'], packed['data_samples']
    assert inputs.dtype == torch.uint8
    assert torch.equal(inputs, torch.from_numpy(results['img']).permute(2, 0, 1))
    assert isinstance(data_sample, UninextDataSample)
    assert data_sample.prompt == results['prompt']
    assert data_sample.gt_instances.labels.tolist() == [0, 2]
    assert data_sample.ignored_instances.labels.tolist() == [1]
    assert isinstance(data_sample.gt_instances.bboxes, HorizontalBoxes)
    assert len(data_sample.gt_instances.masks) == 2
    assert (data_sample.img_id, data_sample.expression) == (5, 'x')
    assert 'not_carried' not in data_sample.metainfo


def test_boxes_only():
    packed = PackUninextInputs()(sample(masks=False))['data_samples']
    assert 'masks' not in packed.gt_instances


def test_names_only():
    packed = PackUninextInputs(names_only=True)(sample())['data_samples']
    assert packed.names_only
    assert 'masks' not in packed.gt_instances
    assert len(packed.gt_instances.bboxes) == 2
    assert 'names_only' not in PackUninextInputs()(sample())['data_samples']


def test_meta_keys_can_be_chosen():
    packed = PackUninextInputs(meta_keys=['not_carried'])(sample())['data_samples']
    assert packed.metainfo == dict(not_carried=1)
