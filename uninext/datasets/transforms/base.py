"""A transform whose text tells the arguments it was built with."""

from __future__ import annotations

import inspect

from mmcv.transforms import BaseTransform


class NamedTransform(BaseTransform):
    """Shown in logs as its config: an attribute is called as its argument."""

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        given = ', '.join(f'{name}={getattr(self, name)!r}' for name in names)
        return f'{type(self).__name__}({given})'
