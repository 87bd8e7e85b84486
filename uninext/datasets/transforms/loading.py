"""Read images and masks.

Sample dictionaries with paths and polygons in, arrays, boxes and bitmaps out.
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.structures.mask import BitmapMasks

from uninext.datasets.annotation_file import UnreadableImageError
from uninext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageOrExplain(LoadImageFromFile):
    """Load an image (H, W, 3) uint8 BGR; say which file is at fault if that fails.

    Required keys: ``img_path``; ``height`` and ``width`` are compared if present.
    Added keys: ``img``, ``img_shape``, ``ori_shape`` (height, width).

    Args:
        imdecode_backend: Of mmcv. Pillow, as published, refuses files that are cut
            off; OpenCV fills what is absent with grey.
        **kwargs: Of mmcv's ``LoadImageFromFile``.
    """

    def __init__(self, imdecode_backend: str = 'pillow', **kwargs) -> None:
        super().__init__(imdecode_backend=imdecode_backend, **kwargs)

    def transform(self, results: dict) -> dict:
        """Load it.

        Raises:
            UnreadableImageError: If the file is absent, damaged or not an image, or if
                it has another size than the annotation says: boxes would be wrong.
        """
        path = results['img_path']
        try:
            loaded = super().transform(results)
        except Exception as error:  # decoders raise errors of a dozen unrelated types
            raise UnreadableImageError(
                f'Cannot read image {path}: {str(error) or type(error).__name__}. '
                'Download it again, or remove it from the annotation file.',
                path,
            ) from error
        height, width = loaded['ori_shape']
        stated = (results.get('height', height), results.get('width', width))
        if stated != (height, width):
            raise UnreadableImageError(
                f'Image {path} is {width}x{height} pixels (width x height), but its '
                f'annotation says {stated[1]}x{stated[0]}. Correct one of them.',
                path,
            )
        return loaded


@TRANSFORMS.register_module()
class LoadPromptAnnotations(LoadAnnotations):
    """Load boxes, labels and, where all objects have one, masks.

    Differs from mmdet's :class:`LoadAnnotations` in that a sample in which an object
    has no mask (``has_masks`` False) gets no ``gt_masks`` at all: losses then treat it
    as boxes only, instead of learning an invented mask. Ignored objects (crowds)
    without a mask get an empty one. Instances with an ``instance_id`` give
    ``gt_instances_ids``, int64.

    Args:
        with_mask: Load masks as :class:`BitmapMasks` where known.
        **kwargs: Of mmdet's ``LoadAnnotations``.
    """

    def __init__(self, with_mask: bool = False, **kwargs) -> None:
        super().__init__(with_mask=with_mask, poly2mask=True, **kwargs)

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
