"""Where backbones' first weights and inputs come from; the backbones are mmdet's.

``PackagedImageNet``: from an installed package.
``load_torchvision_weights``: ``torchvision://NAME`` in a config, without torchvision.
``widen_input_channels``: more than three channels for any backbone.
"""

from uninext.models.backbones.input_channels import widen_input_channels
from uninext.models.backbones.packaged_weights import PackagedImageNet
from uninext.models.backbones.torchvision_scheme import load_torchvision_weights

__all__ = ['PackagedImageNet', 'load_torchvision_weights', 'widen_input_channels']
