"""Read images and masks."""

from __future__ import annotations

import io
import zlib
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.structures.mask import BitmapMasks
from mmengine import fileio
from PIL import Image, ImageOps

from uninext.datasets.image_files import UnreadableImageError
from uninext.registry import TRANSFORMS
from uninext.utils import image_files
from uninext.utils.image_files import turned_size_wh

UNREADABLE = (*image_files.UNREADABLE, HTTPException, zlib.error, cv2.error)


@TRANSFORMS.register_module()
class LoadImageOrExplain(LoadImageFromFile):
    """Load an image (H, W, 3) uint8 BGR; say which file is at fault if that fails.

    Grey, palette, CMYK and 16-bit images become 8-bit BGR; of 16 bits the upper eight
    are kept, as OpenCV does (mmcv's Pillow would make all of 256 and more white). An
    image with an EXIF orientation is turned by it, as published, so its annotation must
    be of the turned image.

    Required keys: ``img_path``; ``height`` and ``width`` are compared if present.
    Added keys: ``img``, ``img_shape``, ``ori_shape`` (height, width).

    Args:
        imdecode_backend: Of mmcv. Pillow, as published, refuses files that are cut
            off; OpenCV fills what is absent with grey.
        **kwargs: Of mmcv's ``LoadImageFromFile``; ``color_type`` of
            ``'color_ignore_orientation'`` leaves images as they are stored.
    """

    def __init__(self, imdecode_backend: str = 'pillow', **kwargs: Any) -> None:
        super().__init__(imdecode_backend=imdecode_backend, **kwargs)

    def transform(self, results: dict) -> dict:
        """Load it.

        Raises:
            UnreadableImageError: If the file is absent, damaged or not an image, or if
                it has another size than the annotation says: boxes would be wrong.
        """
        path = results['img_path']
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            image = self._decode(content)
        except UNREADABLE as error:
            raise UnreadableImageError(
                f'Cannot read image {path}: {str(error) or type(error).__name__}. '
                'Download it again, or remove it from the annotation file.',
                path,
            ) from error
        height, width = image.shape[:2]
        stated = (results.get('height', height), results.get('width', width))
        if stated != (height, width):
            raise UnreadableImageError(
                f'Image {path} is {width}x{height} pixels (width x height), but its '
                f'annotation says {stated[1]}x{stated[0]}. '
                + _advice_on_size(content, stated == (width, height)),
                path,
            )
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = (height, width)
        return results

    def _decode(self, content: bytes) -> np.ndarray:
        image = None
        if self.imdecode_backend == 'pillow' and self.color_type.startswith('color'):
            image = _decode_deep(content, self.color_type == 'color')
        if image is None:
            image = mmcv.imfrombytes(
                content, flag=self.color_type, backend=self.imdecode_backend
            )
        if image is None:
            raise ValueError('it is no image, or damaged')
        return image


def _decode_deep(content: bytes, turn: bool) -> np.ndarray | None:
    """Decode what has more than 8 bits a channel and is not for mmcv; else None."""
    with Image.open(io.BytesIO(content)) as image:
        if image.mode.startswith('I;16') or (image.mode, image.format) == ('I', 'PNG'):
            grey = np.asarray(ImageOps.exif_transpose(image) if turn else image)
            return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)
        if image.mode in ('I', 'F'):
            raise ValueError(
                f'it has 32 bits a pixel (mode {image.mode}), of which nobody says '
                'what is white; convert it to 8 or 16 bits'
            )
    return None


def _advice_on_size(content: bytes, is_swapped: bool) -> str:
    """What to do if an image has another size than stated, perhaps a turned one."""
    is_turned = False
    if is_swapped:
        with suppress(*UNREADABLE), Image.open(io.BytesIO(content)) as image:
            is_turned = turned_size_wh(image) != image.size
    if not is_turned:
        return 'Correct one of them.'
    return (
        'Its EXIF orientation turns it, and the annotation is of the image as it is '
        'stored: annotate the turned image, or load all images as they are stored, '
        "with color_type='color_ignore_orientation' of LoadImageOrExplain."
    )


@TRANSFORMS.register_module()
class LoadPromptAnnotations(LoadAnnotations):
    """Load boxes, labels and, where all objects have one, masks.

    Differs from mmdet's :class:`LoadAnnotations` in that a sample in which an object
    has no mask (``has_masks`` False) gets no ``gt_masks`` at all: losses then treat it
    as boxes only, instead of learning an invented mask. Ignored objects (crowds)
    without a mask get an empty one. Instances with an ``instance_id`` give
    ``gt_instances_ids``, int64.

    Arguments are those of mmdet; masks are :class:`BitmapMasks`.
    """

    def __init__(self, with_mask: bool = False, **kwargs) -> None:
        super().__init__(with_mask=with_mask, **kwargs)

    def _load_labels(self, results: dict) -> None:
        super()._load_labels(results)
        instances = results['instances']
        if all('instance_id' in instance for instance in instances):
            results['gt_instances_ids'] = np.array(
                [instance['instance_id'] for instance in instances], dtype=np.int64
            )

    def _load_masks(self, results: dict) -> None:
        if not results.get('has_masks', False):
            return
        height, width = results['ori_shape']
        empty = np.zeros((height, width), dtype=np.uint8)
        masks = [
            self._poly2mask(instance['mask'], height, width)
            if 'mask' in instance
            else empty
            for instance in results['instances']
        ]
        results['gt_masks'] = BitmapMasks(masks, height, width)
