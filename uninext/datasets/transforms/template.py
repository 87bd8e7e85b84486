"""Ask for a target by showing it: cut out of the later frame, sought in the earlier."""

from __future__ import annotations

import numpy as np
import torch

from uninext.datasets.transforms.augmentation import keep_instances
from uninext.datasets.transforms.base import NamedTransform
from uninext.registry import TRANSFORMS
from uninext.structures import Template, VisualPrompt


@TRANSFORMS.register_module()
class SampleTarget(NamedTransform):
    """Draw an object that all frames show, and drop the others.

    Put it after :class:`KeepVisibleInstances`: the object must have survived the crops.

    Follows: method section 3.2 (SOT).

    Required keys: ``frames`` with ``gt_instances_ids`` and ``gt_ignore_flags``.
    Changed: the frames, one object each, with the label 0.
    """

    def transform(self, results: dict) -> dict | None:
        """Choose the object; None if the frames have none in common."""
        frames = results['frames']
        common = _valued_ids(frames[0])
        for frame in frames[1:]:
            common = np.intersect1d(common, _valued_ids(frame))
        if not len(common):
            return None
        target = common[np.random.randint(len(common))]
        for frame in frames:
            keep_instances(frame, np.flatnonzero(frame['gt_instances_ids'] == target))
            frame['gt_bboxes_labels'] = np.zeros_like(frame['gt_bboxes_labels'])
        return results


@TRANSFORMS.register_module()
class TemplatePrompt(NamedTransform):
    """Show the target of the later frame as the prompt of the earlier one.

    Put it after :class:`SampleTarget` and all augmentation. The template has the
    channel order and range of the image: BGR in 0..255. Its fourth channel is the mask
    of the target where the source knows masks, else its box.

    Follows: method sections 1.4 and 3.2 (key frame first in time, template from the
    later one).

    Required keys: ``frames``, two with the same one object. The result is the earlier
    frame, with ``prompt``, ready for :class:`PackUninextInputs`.

    Args:
        context: Side of the crop relative to the target.
        size: Side of the template in pixels.
    """

    def __init__(self, context: float = 2.0, size: int = 256) -> None:
        self.context = context
        self.size = size

    def transform(self, results: dict) -> dict:
        """Cut out the template."""
        key, shown = results['frames']
        assert len(key['gt_bboxes']) == len(shown['gt_bboxes']) == 1
        mask = None
        if 'gt_masks' in shown:
            mask = torch.from_numpy(shown['gt_masks'].masks[0])
        image = torch.from_numpy(np.ascontiguousarray(shown['img'].transpose(2, 0, 1)))
        box = shown['gt_bboxes'].tensor[0]
        template = Template.from_frame(image, box, mask, self.context, self.size)
        return {**key, 'prompt': VisualPrompt((template,))}


def _valued_ids(frame: dict) -> np.ndarray:
    return frame['gt_instances_ids'][~frame['gt_ignore_flags']]
