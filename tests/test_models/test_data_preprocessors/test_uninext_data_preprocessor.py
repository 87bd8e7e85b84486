from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.data_preprocessors import UninextDataPreprocessor
from uninext.models.losses import color_similarity
from uninext.registry import MODELS
from uninext.structures import UninextDataSample

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def _build(**kwargs: object) -> UninextDataPreprocessor:
    return MODELS.build(
        dict(type='UninextDataPreprocessor', mean=MEAN, std=STD, **kwargs)
    )


def _batch(
    *sizes: tuple[int, int], with_masks: bool = True, ori_scale: float = 1.0
) -> dict:
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    inputs, samples = [], []
    for height, width in sizes:
        inputs.append(torch.randint(0, 255, (3, height, width), dtype=torch.uint8))
        sample = UninextDataSample(
            metainfo=dict(
                img_shape=(height, width),
                ori_shape=(round(height / ori_scale), round(width / ori_scale)),
            )
        )
        sample.gt_instances = InstanceData(bboxes=torch.tensor([[2.0, 3.0, 9.0, 8.0]]))
        if with_masks:
            masks = np.ones((1, height, width), dtype=np.uint8)
            sample.gt_instances.masks = BitmapMasks(masks, height, width)
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def test_sample_without_objects() -> None:
    batch = _batch((40, 50))
    del batch['data_samples'][0].gt_instances
    from mmengine.structures import InstanceData

    batch['data_samples'][0].gt_instances = InstanceData(bboxes=torch.zeros(0, 4))
    data = _build(with_color_similarity=True)(batch, training=True)
    assert data['inputs'].shape == (1, 3, 64, 64)
    assert data['data_samples'][0].color_similarity.shape == (8, 16, 16)


def test_training_pads_images_and_masks_with_zero_after_normalisation() -> None:
    batch = _batch((40, 50), (30, 70))
    images = [image.clone() for image in batch['inputs']]
    data = _build()(batch, training=True)
    assert data['inputs'].shape == (2, 3, 64, 96)
    for padded, image, sample in zip(data['inputs'], images, data['data_samples']):
        _, height, width = image.shape
        mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
        torch.testing.assert_close(padded[:, :height, :width], (image - mean) / std)
        assert (padded[:, height:] == 0).all()
        assert (padded[:, :, width:] == 0).all()
        assert sample.batch_input_shape == (64, 96)
        masks = sample.gt_instances.masks.masks
        assert masks.shape == (1, 64, 96)
        assert masks.sum() == height * width


@pytest.mark.parametrize(('divisor', 'shape'), [(1, (40, 50)), (32, (64, 64))])
def test_inference_pads_by_its_own_divisor(
    divisor: int, shape: tuple[int, int]
) -> None:
    preprocessor = _build(test_pad_size_divisor=divisor)
    for _ in range(2):  # training in between leaves nothing behind
        data = preprocessor(_batch((40, 50)), training=False)
        assert data['inputs'].shape[-2:] == shape
        assert data['data_samples'][0].pad_shape == shape
        assert data['data_samples'][0].gt_instances.masks.masks.shape == (1, 40, 50)
        train = preprocessor(_batch((40, 50)), training=True)
        assert train['inputs'].shape[-2:] == (64, 64)


def test_masks_are_padded_where_only_some_samples_have_them() -> None:
    batch = _batch((40, 50), (40, 50))
    del batch['data_samples'][0].gt_instances.masks
    data = _build()(batch, training=True)
    assert data['data_samples'][1].gt_instances.masks.masks.shape == (1, 64, 64)


def test_color_similarity_is_that_of_the_padded_raw_image() -> None:
    batch = _batch((80, 50), (70, 90), ori_scale=0.5)
    images = [image.clone() for image in batch['inputs']]
    data = _build(with_color_similarity=True)(batch, training=True)
    for image, sample in zip(images, data['data_samples']):
        _, height, width = image.shape
        padded, mask = torch.zeros(3, 96, 96, dtype=torch.uint8), torch.zeros(96, 96)
        padded[:, :height, :width] = image
        mask[: height - 5, :width] = 1  # int(10 * resized / original)
        expected = color_similarity(padded, mask)
        assert torch.equal(sample.color_similarity, expected)
        assert (sample.color_similarity[:, :, width // 4 + 3 :] == 0).all()


def test_color_similarity_of_bgr_images_equals_that_of_rgb() -> None:
    batch = _batch((40, 50))
    flipped = dict(
        inputs=[batch['inputs'][0].flip(0)],
        data_samples=[batch['data_samples'][0].clone()],
    )
    rgb = _build(with_color_similarity=True)(batch, training=True)
    bgr = _build(with_color_similarity=True, bgr_to_rgb=True)(flipped, training=True)
    assert torch.equal(rgb['inputs'], bgr['inputs'])
    assert torch.equal(
        rgb['data_samples'][0].color_similarity,
        bgr['data_samples'][0].color_similarity,
    )


def test_inference_has_no_color_similarity() -> None:
    data = _build(with_color_similarity=True)(_batch((40, 50)), training=False)
    assert 'color_similarity' not in data['data_samples'][0]


def test_samples_may_be_absent_in_inference() -> None:
    data = _build()(dict(inputs=[torch.zeros(3, 8, 9)]), training=False)
    assert data['inputs'].shape == (1, 3, 8, 9)


def test_stacked_inputs_are_taken() -> None:
    batch = _batch((40, 50), (40, 50))
    stacked = dict(
        inputs=torch.stack(batch['inputs']), data_samples=batch['data_samples']
    )
    data = _build(with_color_similarity=True)(stacked, training=True)
    assert data['inputs'].shape == (2, 3, 64, 64)
    assert data['data_samples'][1].color_similarity.shape == (8, 16, 16)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(pad_size_divisor=0), 'must be 1 or more, got 0 and 1'),
        (dict(pad_size_divisor=6, with_color_similarity=True), 'multiple of 4'),
        (
            dict(batch_augments=[dict()], with_color_similarity=True),
            'does not go with batch_augments',
        ),
    ],
    ids=['divisor', 'stride', 'augments'],
)
def test_bad_arguments_are_refused(kwargs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UninextDataPreprocessor(**kwargs)
