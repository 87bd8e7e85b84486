from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.data_preprocessors import UninextDataPreprocessor
from uninext.models.losses import color_similarity
from uninext.registry import MODELS
from uninext.structures import Template, UninextDataSample

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


@pytest.mark.parametrize('training', [True, False], ids=['training', 'inference'])
def test_another_call_in_between_changes_nothing(training, monkeypatch) -> None:
    """As from another thread, between the two times that sizes are asked for."""
    preprocessor = _build(test_pad_size_divisor=24)
    expected = preprocessor(_batch((40, 50)), training)
    state = dict(vars(preprocessor))
    cast_data, others = preprocessor.cast_data, [not training]

    def meet_another_call(_, data: dict) -> dict:
        if others:
            preprocessor(_batch((30, 30)), others.pop())
        return cast_data(data)

    monkeypatch.setattr(UninextDataPreprocessor, 'cast_data', meet_another_call)
    found = preprocessor(_batch((40, 50)), training)
    assert others == []
    assert found['inputs'].shape == expected['inputs'].shape
    assert found['data_samples'][0].pad_shape == expected['data_samples'][0].pad_shape
    assert vars(preprocessor) == state


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


def test_a_stacked_batch_is_that_of_its_images() -> None:
    """Whose channels are turned too."""
    batch = _batch((40, 64), (40, 64))
    stacked = dict(batch, inputs=torch.stack(batch['inputs']))
    for bgr in (True, False):
        found = _build(bgr_to_rgb=bgr)(stacked, training=False)['inputs']
        expected = _build(bgr_to_rgb=bgr)(batch, training=False)['inputs']
        assert torch.equal(found, expected)


def test_inference_has_no_color_similarity() -> None:
    data = _build(with_color_similarity=True)(_batch((40, 50)), training=False)
    assert 'color_similarity' not in data['data_samples'][0]


def test_samples_may_be_absent_in_inference() -> None:
    data = _build()(dict(inputs=[torch.zeros(3, 8, 9)]), training=False)
    assert data['inputs'].shape == (1, 3, 8, 9)


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


def _clip_batch(*sizes: tuple[tuple[int, int], tuple[int, int]]) -> dict:
    """Key and reference frames of the given (height, width)."""
    keys = _batch(*[key for key, _ in sizes])
    others = _batch(*[other for _, other in sizes])
    for sample, other in zip(keys['data_samples'], others['data_samples']):
        sample.reference = other
    return dict(keys, reference_inputs=others['inputs'])


@pytest.mark.parametrize('training', [True, False])
def test_clips_are_padded_to_one_size(training: bool) -> None:
    batch = _clip_batch(((40, 50), (30, 70)), ((33, 20), (70, 20)))
    frames = [
        [image.clone() for image in batch[name]]
        for name in ('inputs', 'reference_inputs')
    ]
    before = list(batch)
    data = _build(test_pad_size_divisor=32)(batch, training=training)
    assert list(batch) == before, 'the batch given stays as it is'
    assert data['inputs'].shape == (2, 2, 3, 96, 96)
    assert len(data['data_samples']) == 2
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    for b, key in enumerate(data['data_samples']):
        for frame, sample in enumerate((key, key.reference)):
            image, padded = frames[frame][b], data['inputs'][b, frame]
            _, height, width = image.shape
            torch.testing.assert_close(padded[:, :height, :width], (image - mean) / std)
            assert not padded[:, height:].any()
            assert not padded[:, :, width:].any()
            assert sample.img_shape == (height, width)
            assert sample.batch_input_shape == (96, 96)
            masks = sample.gt_instances.masks.masks
            assert masks.shape == ((1, 96, 96) if training else (1, height, width))
            assert masks.sum() == height * width


def _template(size: int = 8) -> Template:
    image = torch.randint(0, 256, (3, 20, 30)).float()
    return Template.from_frame(image, torch.tensor([24.0, 12.0, 31.0, 19.0]), size=size)


@pytest.mark.parametrize('bgr', [False, True])
def test_templates_are_normalised_where_they_show_the_frame(bgr: bool) -> None:
    templates = [_template(), _template()]
    inputs = _build(bgr_to_rgb=bgr).template_inputs(templates)
    assert inputs.shape == (2, 4, 8, 8)
    for template, ours in zip(templates, inputs):
        assert torch.equal(ours[3], template.prior)
        for channel in range(3):
            source = template.image[2 - channel if bgr else channel]
            for y in range(8):
                for x in range(8):  # bilinear: partly frame, partly the mean colour
                    shown = 1 - template.padding[y, x]
                    value = (source[y, x] - shown * MEAN[channel]) / STD[channel]
                    assert ours[channel, y, x].item() == pytest.approx(value.item())
        assert not ours[:3, template.padding == 1].any()
    assert (templates[0].padding == 1).any()


def test_templates_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r'sizes \[8, 16\]; expected one'):
        _build().template_inputs([_template(8), _template(16)])


def test_stacked_inputs_are_taken() -> None:
    batch = _batch((40, 50), (40, 50))
    stacked = dict(
        inputs=torch.stack(batch['inputs']), data_samples=batch['data_samples']
    )
    data = _build(with_color_similarity=True)(stacked, training=True)
    assert data['inputs'].shape == (2, 3, 64, 64)
    assert data['data_samples'][1].color_similarity.shape == (8, 16, 16)
