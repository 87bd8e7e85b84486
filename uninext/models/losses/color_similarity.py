"""How alike neighbouring pixels are in colour: the label of the pairwise mask loss.

From the un-normalised image of the data preprocessor to :class:`PairwiseAffinityLoss`.

Neighbours: of a 3 x 3 window with gaps of 2 strides, in row-major order (top left, top,
top right, left, right, ..., bottom right), the centre left out; outside the map every
value is 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmdet.models.utils import unfold_wo_center
from torch import Tensor

_KERNEL_SIZE, _DILATION = 3, 2  # 2012.02310, Section 3.3
_STEPS = (-_DILATION, 0, _DILATION)
_PAIRS = [(y, x) for y in _STEPS for x in _STEPS if (y, x) != (0, 0)]
NEIGHBOUR_STEPS = torch.tensor(_PAIRS).T  # (2, 8), y and x


def _unfold_neighbours(maps: Tensor) -> Tensor:
    """(M, 8, H, W) neighbours of pixels (M, H, W); order and padding as above."""
    return unfold_wo_center(maps[:, None], _KERNEL_SIZE, _DILATION)[:, 0]


@torch.no_grad()
def color_similarity(image_rgb: Tensor, img_mask: Tensor, stride: int = 4) -> Tensor:
    """Compare each pixel of the down-sampled image with its neighbours in LAB space.

    Similarity is ``exp(-|c - c_neighbour| / 2)``, times 1 where at least one of the
    pixel's neighbours lies in ``img_mask``, else 0.

    Paper: BoxInst: High-Performance Instance Segmentation with Box Annotations,
    2012.02310, Eq. 7. Follows: published stage 1, whose images are RGB but whose
    channels are swapped as if they were BGR before the change to LAB.

    Args:
        image_rgb: (3, H, W) RGB in 0..255, un-normalised, padded with 0; H and W are
            multiples of ``stride``.
        img_mask: (H, W), non-zero where the image counts: 0 on padding and on rows
            whose annotation is not trusted.
        stride: Stride of the masks that are supervised.

    Returns:
        (8, H / stride, W / stride), float32, in 0..1.

    Raises:
        ValueError: If H or W is no multiple of ``stride``, or the sizes differ.
    """
    height, width = image_rgb.shape[-2:]
    if height % stride or width % stride:
        raise ValueError(
            f'Colour similarity needs sides that are multiples of {stride}, got an '
            f'image of {height} x {width}: set pad_size_divisor to a multiple of it.'
        )
    if tuple(img_mask.shape) != (height, width):
        raise ValueError(
            f'img_mask must have the size of the image, ({height}, {width}), got '
            f'{tuple(img_mask.shape)}.'
        )
    small = F.avg_pool2d(image_rgb.float()[None], stride)[0]  # (3, h, w)
    lab = _rgb_to_lab(small.flip(0))  # read as BGR, as published
    distance = (lab[:, None] - _unfold_neighbours(lab)).norm(dim=0)  # (8, h, w)
    start = stride // 2
    valid = img_mask[None, start::stride, start::stride].to(lab)
    weight = _unfold_neighbours(valid).amax(1)  # (1, h, w)
    return torch.exp(-0.5 * distance) * weight


def _rgb_to_lab(image: Tensor) -> Tensor:
    """(3, h, w) in 0..255, fractions cut, to CIE LAB (D65) on the same device."""
    from skimage.color import rgb2lab  # a second of import, needed in stage 1 only

    array = image.byte().permute(1, 2, 0).cpu().numpy()
    lab = torch.as_tensor(rgb2lab(array), dtype=torch.float32, device=image.device)
    return lab.permute(2, 0, 1)
