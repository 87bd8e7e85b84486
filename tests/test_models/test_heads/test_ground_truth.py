from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes, bbox_cxcywh_to_xyxy
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from uninext.models.heads import gather_targets
from uninext.structures import Prompt, PromptFeatures, UninextDataSample

MAP = torch.tensor([[0, 1, 0, 0], [0, 0, 1, 1]]).bool()


def prompt_of(batch: int) -> PromptFeatures:
    mask = torch.ones(batch, 4, dtype=torch.bool)
    return PromptFeatures(torch.randn(batch, 4, 3), mask, False, [MAP] * batch)


def sample_of(boxes, labels, masks=None) -> UninextDataSample:
    instances = InstanceData(bboxes=boxes, labels=torch.tensor(labels).long())
    if masks is not None:
        instances.masks = masks
    return UninextDataSample(
        prompt=Prompt.from_categories(['a', 'b']),
        gt_instances=instances,
        metainfo=dict(img_shape=(40, 80), batch_input_shape=(64, 96)),
    )


def test_image_without_objects():
    (target,) = gather_targets([sample_of(torch.zeros(0, 4), [])], prompt_of(1))
    assert len(target) == 0
    assert target.boxes_xyxy.shape == target.boxes_cxcywh.shape == (0, 4)
    assert target.positive_maps.shape == (0, 4)
    assert target.masks is None
    assert target.color_similarity is None


def test_names_only():
    samples = [sample_of(torch.zeros(0, 4), []) for _ in range(2)]
    samples[1].set_metainfo(dict(names_only=True))
    targets = gather_targets(samples, prompt_of(2))
    assert [target.names_only for target in targets] == [False, True]


@pytest.mark.parametrize('wrap', [torch.Tensor.clone, HorizontalBoxes])
def test_normalised_boxes_return_to_pixels(wrap):
    boxes = torch.tensor([[8.0, 4.0, 48.0, 40.0], [0.0, 0.0, 80.0, 40.0]])
    (target,) = gather_targets([sample_of(wrap(boxes), [1, 0])], prompt_of(1))
    assert torch.equal(target.boxes_xyxy, boxes)
    expected = [[0.35, 0.55, 0.5, 0.9], [0.5, 0.5, 1.0, 1.0]]  # of 80 x 40, unpadded
    torch.testing.assert_close(target.boxes_cxcywh, torch.tensor(expected))
    back = bbox_cxcywh_to_xyxy(target.boxes_cxcywh) * target.scale_whwh
    torch.testing.assert_close(back, boxes)


def test_labels_become_tokens():
    (target,) = gather_targets([sample_of(torch.rand(3, 4), [1, 0, 1])], prompt_of(1))
    assert torch.equal(target.positive_maps, MAP[[1, 0, 1]])
    assert target.positive_maps.dtype == torch.bool


def test_masks_and_colours_come_along():
    raster = np.zeros((1, 64, 96), np.uint8)
    raster[0, 3:9, 5:7] = 1
    with_masks = sample_of(torch.rand(1, 4), [0], BitmapMasks(raster, 64, 96))
    with_masks.color_similarity = torch.rand(8, 16, 24)
    without = sample_of(torch.rand(1, 4), [0])
    first, second = gather_targets([with_masks, without], prompt_of(2))
    assert first.masks.dtype == torch.bool
    assert torch.equal(first.masks, torch.from_numpy(raster[:, 2::4, 2::4] > 0))
    assert first.masks.sum() == 1
    assert first.color_similarity is with_masks.color_similarity
    assert second.masks is None
