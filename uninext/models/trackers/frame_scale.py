"""To which size the next frame is resized: kinds of prompts enter, a size leaves."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

Scale = tuple[int, int]


class FrameScale:
    """The size of frames, which may depend on what is asked for.

    Args:
        scale: (long, short) sides in pixels, aspect kept; None: frames as they are; a
            dict of sides for each kind of prompt.
    """

    def __init__(self, scale: Scale | Mapping[str, Scale] | None) -> None:
        self._scale = scale
        self._told = False

    def of(self, kinds: Collection[str]) -> Scale | None:
        """The size for kinds of prompts; of several sizes the largest, with a warning.

        Args:
            kinds: That are asked for; none: any size does.
        """
        if self._scale is None or not isinstance(self._scale, Mapping):
            return None if self._scale is None else tuple(self._scale)
        sizes = {kind: tuple(self._scale[kind]) for kind in kinds or self._scale}
        largest = max(sizes.values(), key=min)
        if kinds and set(sizes.values()) != {largest} and not self._told:
            self._told = True
            alone = [f'{kind}: {s[0]} x {s[1]}' for kind, s in sorted(sizes.items())]
            warnings.warn(
                'What is asked for together is looked for at one size, '
                f'{largest[0]} x {largest[1]}; asked for alone, it would be '
                f'{", ".join(alone)} (scale= sets it).',
                stacklevel=4,
            )
        return largest
