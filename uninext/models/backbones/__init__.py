"""Backbones' weights that installed packages ship; the backbones are mmdet's."""

from uninext.models.backbones.packaged_weights import PackagedImageNet

__all__ = ['PackagedImageNet']
