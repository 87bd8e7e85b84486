"""Augmentation where mmdet's transforms do not suffice."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import RandomApply

from uninext.datasets.transforms.base import NamedTransform
from uninext.registry import TRANSFORMS

MIN_BOX_SIZE = 1e-5  # pixels; an object is dropped unless both sides are longer
INSTANCE_KEYS = (
    'gt_bboxes',
    'gt_bboxes_labels',
    'gt_ignore_flags',
    'gt_masks',
    'gt_instances_ids',
)


@TRANSFORMS.register_module()
class RandomApplyCrop(RandomApply):
    """Apply transforms that crop, but not to a sample that has to stay whole.

    "The third man from the left" is another man, or nobody, in a part of the image;
    :class:`SampleExpressionPrompt` marks such a sample with ``keep_whole``. A clip is
    not cropped if any of its frames has to stay whole.

    Follows: method sections 3.1 and 3.2 (crop branch with probability 0.5). Differs
    from the published stage 3, which crops whatever the expression says.

    Args:
        transforms: Of the branch.
        prob: Probability of the branch.
    """

    def transform(self, results: dict) -> dict | None:
        """Apply the branch or nothing."""
        frames = results.get('frames', [results])
        if any(frame.get('keep_whole', False) for frame in frames):
            return results
        return super().transform(results)


@TRANSFORMS.register_module()
class KeepVisibleInstances(NamedTransform):
    """Recompute boxes from masks and drop what augmentation left nothing of.

    Required keys: ``gt_bboxes``, ``gt_bboxes_labels``, ``gt_ignore_flags``; with
    ``gt_masks`` the boxes become the tight boxes of the masks.

    Differs from mmdet's :class:`FilterAnnotations` in that boxes follow the masks, and
    that ignored objects do not count when it is asked whether any object is left.
    A sample with no object left is drawn anew (as published), but not one that had none
    to begin with (``is_empty``), which is there to teach absence.
    """

    def transform(self, results: dict) -> dict | None:
        """Drop invisible instances; None if no object is left of some."""
        masks = results.get('gt_masks')
        if masks is not None:
            results['gt_bboxes'] = masks.get_bboxes('hbox')
        boxes = results['gt_bboxes']
        keep = (boxes.widths > MIN_BOX_SIZE) & (boxes.heights > MIN_BOX_SIZE)
        keep = keep.numpy()
        if masks is not None:
            keep &= masks.areas > 0
        keep_instances(results, np.flatnonzero(keep))
        is_emptied = np.all(results['gt_ignore_flags']) and not results.get('is_empty')
        return None if is_emptied else results


def keep_instances(results: dict, inds: np.ndarray) -> None:
    """Keep these instances of a sample, in place; ``inds`` (K,) int64."""
    for key in INSTANCE_KEYS:
        if key in results:
            results[key] = results[key][inds]
