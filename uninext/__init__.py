"""UNINEXT: object discovery and retrieval by prompt, as a framework on OpenMMLab.

Importing this package is light: it loads neither torch nor mmdet. The rooms, in the
order that data takes::

    structures -> datasets -> models -> evaluation | visualization -> apis, cli
"""

from uninext.version import __version__

__all__ = ['__version__']
