"""Pack a sample dictionary into what a model takes. The last transform.

Sample dictionaries in; ``inputs`` (3, H, W) uint8 BGR and a data sample out.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.datasets.transforms import PackDetInputs

from uninext.registry import TRANSFORMS
from uninext.structures import UninextDataSample

META_KEYS = (
    'img_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'sample_idx',
    'instances',
    'expression',
    'ref_id',
    'image_id',
)


@TRANSFORMS.register_module()
class PackUninextInputs(PackDetInputs):
    """Pack image, prompt and ground truth.

    Differs from mmdet's :class:`PackDetInputs` in that the data sample is a
    :class:`UninextDataSample` with a ``prompt``. ``gt_instances`` has ``bboxes``
    (:class:`HorizontalBoxes`, xyxy, pixels of the image as it leaves), ``labels``
    (indices into ``prompt.names``) and, where masks of all objects are known,
    ``masks`` (:class:`BitmapMasks`); ``ignored_instances`` the same of crowds.

    Required keys: ``prompt``, set by a transform before. The meta key ``instances`` is
    the ground truth before augmentation (xyxy in pixels of the original image, labels
    of the dataset), which metrics compare with; :class:`MultiTaskDataset` adds
    ``source``.

    Args:
        meta_keys: Keys to carry along, where present.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys=tuple(meta_keys))

    def transform(self, results: dict) -> dict:
        """Pack it.

        Returns:
            ``inputs``: (3, H, W) uint8 BGR; ``data_samples``: the data sample.

        Raises:
            ValueError: If no transform before has set a prompt.
        """
        if 'prompt' not in results:
            raise ValueError(
                'A sample reaches PackUninextInputs without a prompt. Put '
                'SampleCategoryPrompt, AllCategoryPrompt or SampleExpressionPrompt '
                'before it in the pipeline.'
            )
        packed = super().transform(results)
        plain = packed['data_samples']
        sample = UninextDataSample(metainfo=plain.metainfo)
        sample.prompt = results['prompt']
        sample.gt_instances = plain.gt_instances
        sample.ignored_instances = plain.ignored_instances
        packed['data_samples'] = sample
        return packed
