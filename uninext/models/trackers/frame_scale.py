"""To which size the next frame is resized."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

Scale = tuple[int, int]


def frame_scale(
    scale: Scale | Mapping[str, Scale] | None, kinds: Collection[str]
) -> Scale | None:
    """The size for kinds of prompts; of several the largest, with a warning.

    Args:
        scale: (long, short) sides in pixels, aspect kept; None: frames as they are; a
            dict of sides for each kind of prompt.
        kinds: What is asked for; nothing: any size does.
    """
    if scale is None or not isinstance(scale, Mapping):
        return None if scale is None else tuple(scale)
    sizes = {kind: tuple(scale[kind]) for kind in kinds or scale}
    largest = max(sizes.values(), key=min)
    if kinds and set(sizes.values()) != {largest}:
        alone = [f'{kind}: {s[0]} x {s[1]}' for kind, s in sorted(sizes.items())]
        warnings.warn(
            'What is asked for together is looked for at one size, '
            f'{largest[0]} x {largest[1]}; asked for alone, it would be '
            f'{", ".join(alone)} (scale= sets it).',
            stacklevel=4,
        )
    return largest
