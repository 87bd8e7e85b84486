"""Ground truth of an image in the units of the heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh, get_box_tensor
from torch import Tensor

from uninext.structures import PromptFeatures, UninextDataSample
from uninext.utils.transfers import upload

MASK_STRIDE = 4
_START = MASK_STRIDE // 2  # of the cells' centres


@dataclass
class ImageTargets:
    """What one image holds, G objects.

    Attributes:
        boxes_xyxy: (G, 4), pixels of the network's input.
        boxes_cxcywh: (G, 4), in 0..1 of the un-padded image.
        positive_maps: (G, L) bool, prompt embeddings that mean the object; L as in
            the logits of the head.
        img_size_hw: (height, width) of the un-padded image in pixels.
        masks: (G, H/4, W/4) bool: the padded image's masks at the centres of its cells
            of 4 x 4 pixels; or None if only boxes are known.
        color_similarity: (8, H/4, W/4), or None; see ``losses.color_similarity``.
        ids: (G,) int64, by which objects of a video are known again, or None.
        names_only: No loss of boxes, their IoU and masks, which are None; see
            :class:`PackUninextInputs`.
    """

    boxes_xyxy: Tensor
    boxes_cxcywh: Tensor
    positive_maps: Tensor
    img_size_hw: tuple[int, int]
    masks: Tensor | None = None
    color_similarity: Tensor | None = None
    ids: Tensor | None = None
    names_only: bool = False

    def __len__(self) -> int:
        return len(self.boxes_cxcywh)

    @property
    def scale_whwh(self) -> Tensor:
        """(4,) factors from 0..1 to pixels."""
        height, width = self.img_size_hw
        return self.boxes_cxcywh.new_tensor([width, height, width, height])


def gather_targets(
    data_samples: Sequence[UninextDataSample], prompt: PromptFeatures
) -> list[ImageTargets]:
    """Read the ground truth of a batch.

    Args:
        data_samples: With ``gt_instances`` (boxes xyxy in pixels of the network's
            input, labels indexing the prompt's names, masks if known).
        prompt: Tells which embeddings mean which label.
    """
    device = prompt.embeds.device
    targets = []
    for sample, name_map in zip(data_samples, prompt.positive_maps):
        height, width = sample.img_shape[:2]
        instances = sample.gt_instances
        boxes = get_box_tensor(instances.bboxes).to(device).float().view(-1, 4)
        scale = boxes.new_tensor([width, height, width, height])
        masks, ids = instances.get('masks'), instances.get('instances_ids')
        if masks is not None:
            cells = masks.to_ndarray()[:, _START::MASK_STRIDE, _START::MASK_STRIDE]
            masks = upload(torch.from_numpy(cells.astype(bool)), device)
        targets.append(
            ImageTargets(
                boxes_xyxy=boxes,
                boxes_cxcywh=bbox_xyxy_to_cxcywh(boxes / scale),
                positive_maps=name_map.to(device)[instances.labels.to(device)].bool(),
                img_size_hw=(height, width),
                masks=masks,
                color_similarity=sample.get('color_similarity'),
                ids=None if ids is None else torch.as_tensor(ids, device=device),
                names_only=sample.get('names_only', False),
            )
        )
    return targets
