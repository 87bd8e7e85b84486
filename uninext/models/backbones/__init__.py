"""Where backbones' first weights come from; the backbones are mmdet's.

``PackagedImageNet``: from an installed package.
``load_torchvision_weights``: ``torchvision://NAME`` in a config, without torchvision.
"""

from uninext.models.backbones.packaged_weights import PackagedImageNet
from uninext.models.backbones.torchvision_scheme import load_torchvision_weights

__all__ = ['PackagedImageNet', 'load_torchvision_weights']
