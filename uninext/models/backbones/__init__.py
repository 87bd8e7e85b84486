"""Backbones that mmdet and mmpretrain lack, and where first weights come from.

``UninextViT``: a plain ViT with a pyramid of three levels.
``PackagedImageNet``: first weights from an installed package.
``load_torchvision_weights``: ``torchvision://NAME`` in a config, without torchvision.
``widen_input_channels``: more than three channels for any backbone.
"""

from uninext.models.backbones.decomposed_attention import DecomposedAttention
from uninext.models.backbones.input_channels import widen_input_channels
from uninext.models.backbones.packaged_weights import PackagedImageNet
from uninext.models.backbones.torchvision_scheme import load_torchvision_weights
from uninext.models.backbones.uninext_vit import UninextViT

__all__ = [
    'DecomposedAttention',
    'PackagedImageNet',
    'UninextViT',
    'load_torchvision_weights',
    'widen_input_channels',
]
