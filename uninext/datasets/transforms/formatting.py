"""Pack a sample dictionary into what a model takes. The last transform."""

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
    'video_id',
    'frame_id',
)
FRAME_META_KEYS = (
    'img_path',
    'ori_shape',
    'img_shape',
    'scale_factor',
    'instances',
    'video_id',
    'video_name',
    'frame_id',
    'video_length',
    'set_name',
    'prompt_starts',
)


@TRANSFORMS.register_module()
class PackUninextInputs(PackDetInputs):
    """Pack image, prompt and ground truth.

    Differs from mmdet's :class:`PackDetInputs` in that the data sample is a
    :class:`UninextDataSample` with a ``prompt``. ``gt_instances`` has ``bboxes``
    (:class:`HorizontalBoxes`, xyxy, pixels of the image as it leaves), ``labels``
    (indices into ``prompt.names``) and, where known, ``instances_ids`` (int64, equal
    in all frames of a video) and ``masks`` (:class:`BitmapMasks`, where masks of all
    objects are known); ``ignored_instances`` the same of crowds.

    Required keys: ``prompt``, set by a transform before. The meta key ``instances`` is
    the ground truth before augmentation (xyxy in pixels of the original image, labels
    of the dataset), which metrics compare with; :class:`MultiTaskDataset` adds
    ``source``.

    Args:
        meta_keys: Keys to carry along, where present.
        names_only: What objects are called is learned from the image, not where they
            are: it has no loss of boxes, their IoU and masks. For images so small that
            boxes of them are not those of whole ones. Beyond the paper.
    """

    mapping_table = {
        **PackDetInputs.mapping_table,
        'gt_instances_ids': 'instances_ids',
    }

    def __init__(
        self, meta_keys: Sequence[str] = META_KEYS, names_only: bool = False
    ) -> None:
        super().__init__(meta_keys=tuple(meta_keys))
        self.names_only = names_only

    def transform(self, results: dict) -> dict:
        """``inputs`` (3, H, W) uint8 BGR, and ``data_samples``.

        Raises:
            ValueError: If no transform before has set a prompt.
        """
        if 'prompt' not in results:
            raise ValueError(
                'A sample reaches PackUninextInputs without a prompt. Put '
                'SampleCategoryPrompt, AllCategoryPrompt, SampleExpressionPrompt or '
                'TemplatePrompt before it in the pipeline.'
            )
        packed = super().transform(results)
        plain = packed['data_samples']
        sample = UninextDataSample(metainfo=plain.metainfo)
        sample.prompt = results['prompt']
        sample.gt_instances = plain.gt_instances
        sample.ignored_instances = plain.ignored_instances
        if self.names_only:
            sample.set_metainfo(dict(names_only=True))
            sample.gt_instances.pop('masks', None)
        return {**packed, 'data_samples': sample}


@TRANSFORMS.register_module()
class PackFrame(PackDetInputs):
    """Pack a frame of a video that is tested; ``prompt_starts`` is what is asked for.

    The data sample is a :class:`UninextDataSample` without instances to learn from:
    ground truth is the meta key ``instances``, as the file has it.

    Args:
        meta_keys: Keys to carry along, where present.
    """

    def __init__(self, meta_keys: Sequence[str] = FRAME_META_KEYS) -> None:
        super().__init__(meta_keys=tuple(meta_keys))

    def transform(self, results: dict) -> dict:
        """``inputs`` (3, H, W) uint8 BGR, and ``data_samples``.

        Raises:
            ValueError: If this is no frame of a test set.
        """
        if 'prompt_starts' not in results:
            raise ValueError(
                'PackFrame packs frames of video datasets with test_mode=True; use '
                'PackUninextInputs or PackClipInputs for training and for images.'
            )
        packed = super().transform(results)
        sample = UninextDataSample(metainfo=packed['data_samples'].metainfo)
        return {**packed, 'data_samples': sample}


@TRANSFORMS.register_module()
class PackClipInputs(PackUninextInputs):
    """Pack a pair of frames.

    Required keys: ``frames``, two samples as :class:`PackUninextInputs` takes them,
    each with a prompt of its own.

    Args:
        meta_keys: Keys of the frames to carry along, where present.
        names_only: As of :class:`PackUninextInputs`, of both frames.
    """

    def transform(self, results: dict) -> dict:
        """Pack it.

        Returns:
            ``inputs`` and ``reference_inputs``: (3, H, W) uint8 BGR of the key frame
            and of the reference frame, sizes may differ; ``data_samples``: the data
            sample of the key frame, whose ``reference`` is that of the other frame.
        """
        frames = results.get('frames')
        if frames is None or len(frames) != 2:
            raise ValueError(
                'PackClipInputs packs two frames; put SampleFramePair at the beginning '
                'of the pipeline, or use PackUninextInputs for single images.'
            )
        key, reference = map(super().transform, frames)
        key['data_samples'].reference = reference['data_samples']
        key['reference_inputs'] = reference['inputs']
        return key
