"""Operations with more than one implementation; the fastest present one is taken.

Enter: tensors. Leave: tensors.
"""

from uninext.models.ops.convolutions import FoldedNorm, to_channels_last
from uninext.models.ops.ms_deform_attn import (
    DeformKeys,
    MSDeformAttention,
    deform_attn_backend,
    ms_deform_attn,
)
from uninext.models.ops.nms import class_aware_nms, pairwise_iou

__all__ = [
    'DeformKeys',
    'FoldedNorm',
    'MSDeformAttention',
    'class_aware_nms',
    'deform_attn_backend',
    'ms_deform_attn',
    'pairwise_iou',
    'to_channels_last',
]
