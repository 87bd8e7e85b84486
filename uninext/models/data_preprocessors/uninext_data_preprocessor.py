"""Normalise, pad and stack the images of a batch.

Between the dataloader and the network, on the network's device.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.data_preprocessors import DetDataPreprocessor
from torch import Tensor

from uninext.models.heads.mask_head import MASK_STRIDE
from uninext.models.losses.color_similarity import color_similarity
from uninext.registry import MODELS
from uninext.structures import Template, UninextDataSample
from uninext.utils.transfers import may_overlap, upload

# Rows at the lower edge of the original image whose annotations BoxInst does not trust.
BOTTOM_PIXELS_REMOVED = 10


@MODELS.register_module()
class UninextDataPreprocessor(DetDataPreprocessor):
    """mmdet's data preprocessor with another padding at test and colour similarity.

    Padding (right and below) is 0 after normalisation, i.e. the mean colour. Masks are
    padded with the batch in training.

    Args:
        mean: Of R, G, B, in 0..255.
        std: Of R, G, B.
        pad_size_divisor: In training, sides are padded to a multiple of this.
        test_pad_size_divisor: At test. ResNet runs unpadded (1), ConvNeXt and ViT on
            multiples of 32.
        with_color_similarity: In training, give each sample ``color_similarity``
            (8, H / 4, W / 4) of its padded, un-normalised image, for
            :class:`PairwiseAffinityLoss`. Needs scikit-image.
        pad_mask: Whether masks are padded in training.
        **kwargs: Further arguments of :class:`DetDataPreprocessor`.

    Raises:
        ValueError: If a divisor is below 1, if colour similarity is asked for and
            ``pad_size_divisor`` is no multiple of 4, or together with batch
            augmentations.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        pad_size_divisor: int = 32,
        test_pad_size_divisor: int = 1,
        with_color_similarity: bool = False,
        pad_mask: bool = True,
        **kwargs: Any,
    ) -> None:
        if min(pad_size_divisor, test_pad_size_divisor) < 1:
            raise ValueError(
                'pad_size_divisor and test_pad_size_divisor must be 1 or more, got '
                f'{pad_size_divisor} and {test_pad_size_divisor}.'
            )
        if with_color_similarity and pad_size_divisor % MASK_STRIDE:
            raise ValueError(
                'with_color_similarity needs a pad_size_divisor that is a multiple of '
                f'{MASK_STRIDE} (the stride of the masks), got {pad_size_divisor}.'
            )
        if with_color_similarity and kwargs.get('batch_augments'):
            raise ValueError(
                'with_color_similarity does not go with batch_augments: they change '
                'the image after its colours were compared. Drop one of them.'
            )
        super().__init__(
            mean=mean,
            std=std,
            pad_size_divisor=pad_size_divisor,
            pad_mask=pad_mask,
            **{'non_blocking': True, **kwargs},
        )
        self.test_pad_size_divisor = test_pad_size_divisor
        self.with_color_similarity = with_color_similarity

    @property
    def _non_blocking(self) -> bool:
        """Read by mmengine's ``cast_data``: as the config says, where it is safe."""
        return self._may_go_on and may_overlap(self.device)

    @_non_blocking.setter
    def _non_blocking(self, wished: bool) -> None:
        self._may_go_on = wished

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a batch.

        Args:
            data: ``inputs``: (3, H_i, W_i) images in 0..255, or a (B, 3, H, W) tensor;
                ``data_samples``: list of :class:`UninextDataSample`, or None; for clips
                ``reference_inputs`` and a ``reference`` in every sample too.
            training: Whether the batch is for training.

        Returns:
            ``inputs`` (B, 3, H, W), of clips (B, 2, 3, H, W), and ``data_samples`` with
            the metainfo ``pad_shape`` and ``batch_input_shape``.
        """
        data = dict(data)
        references = data.pop('reference_inputs', None)
        if references is not None:
            return self._forward_clips(data, references, training)
        images = data['inputs']
        # The base class reads settings from its self: from those of a copy (of
        # references), so that calls from several threads do not meet.
        padder = copy.copy(self)
        if not training:
            padder.pad_size_divisor = self.test_pad_size_divisor
        if self._channel_conversion:  # the base class waits for a list of channels
            padder._channel_conversion = False
            data['inputs'] = _flipped(self.cast_data(images))
        data = DetDataPreprocessor.forward(padder, data, training)
        if training and self.with_color_similarity:
            for image, sample in zip(images, data['data_samples']):
                sample.color_similarity = self._color_similarity(image, sample)
        return data

    def _forward_clips(
        self, data: dict, references: Sequence[Tensor], training: bool
    ) -> dict:
        """Pad key and reference frames to one size; ``inputs`` (B, 2, 3, H, W)."""
        samples = data['data_samples']
        frames = dict(
            inputs=[*data['inputs'], *references],
            data_samples=[*samples, *(sample.reference for sample in samples)],
        )
        frames = self.forward(frames, training)
        keys, others = frames['inputs'].chunk(2)
        samples = frames['data_samples'][: len(samples)]
        others_samples = frames['data_samples'][len(samples) :]
        for sample, other in zip(samples, others_samples):
            sample.reference = other
        return dict(inputs=torch.stack([keys, others], 1), data_samples=samples)

    def template_inputs(self, templates: Sequence[Template]) -> Tensor:
        """Normalise templates: (T, 3 + 1, S, S), the last channel being the prior.

        Raises:
            ValueError: If templates have different sizes.
        """
        if len({template.size for template in templates}) > 1:
            raise ValueError(
                'The templates of a batch have the sizes '
                f'{sorted({t.size for t in templates})}; expected one. Use the same '
                'TemplatePrompt(size=...) for all sources, and for the session.'
            )
        image, padding, prior = (
            upload(torch.stack(parts), self.device)
            for parts in zip(*((t.image, t.padding, t.prior) for t in templates))
        )
        if self._channel_conversion:
            image = image.flip(1)
        image = (image - self.mean * (1 - padding[:, None])) / self.std
        return torch.cat([image, prior[:, None]], 1)

    def pad_gt_masks(self, batch_data_samples: Sequence[UninextDataSample]) -> None:
        """Pad the masks of the samples that have any to the size of the batch."""
        for sample in batch_data_samples:
            if 'masks' in sample.gt_instances:
                sample.gt_instances.masks = sample.gt_instances.masks.pad(
                    sample.batch_input_shape, pad_val=self.mask_pad_value
                )

    def _color_similarity(self, image: Tensor, sample: UninextDataSample) -> Tensor:
        """(8, H / 4, W / 4) of one image (3, h, w) as it left the dataset."""
        image = upload(image, self.device)
        if self._channel_conversion:
            image = image.flip(0)
        height, width = image.shape[-2:]
        pad_height, pad_width = sample.batch_input_shape
        padding = (0, pad_width - width, 0, pad_height - height)
        num_removed = int(BOTTOM_PIXELS_REMOVED * height / sample.ori_shape[0])
        mask = torch.ones(height, width, device=self.device)
        mask[max(height - num_removed, 0) :] = 0
        image, mask = F.pad(image, padding), F.pad(mask, padding)
        return color_similarity(image, mask, MASK_STRIDE)


def _flipped(images: Tensor | Sequence[Tensor]) -> Tensor | list[Tensor]:
    """Channels the other way round, of images (3, H, W) or a batch (B, 3, H, W)."""
    if isinstance(images, Tensor):
        return images.flip(1)
    return [image.flip(0) for image in images]
