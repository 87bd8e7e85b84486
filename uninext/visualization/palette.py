"""Colours of instances and of the letters on them.

An index (a track id, a category) always has the same RGB colour.
"""

from __future__ import annotations

import colorsys

Color = tuple[int, int, int]
BLACK, WHITE, BAR_COLOR = (0, 0, 0), (255, 255, 255), (24, 24, 28)
# Chosen one after another, each as far as possible (CIEDE2000, the least over usual
# sight and simulated protanopia, deuteranopia and tritanopia) from those before it, out
# of a grid of colours that are neither dark, nor pale, nor grey. No two of the first
# eight are nearer than 17, no two of all nearer than 9; 2.3 is just noticeable.
PALETTE: tuple[Color, ...] = (
    (128, 64, 255),
    (255, 0, 0),
    (0, 255, 224),
    (32, 160, 128),
    (255, 224, 0),
    (160, 32, 64),
    (192, 160, 255),
    (96, 64, 128),
    (255, 128, 160),
    (224, 64, 96),
    (160, 192, 96),
    (160, 128, 192),
    (128, 96, 160),
    (255, 192, 255),
    (96, 0, 224),
    (160, 0, 0),
    (160, 224, 160),
    (128, 128, 255),
    (96, 128, 0),
    (0, 192, 160),
)
UNSURE_COLOR = (170, 170, 170)
GOLDEN_RATIO = 0.61803398875  # steps of hue that never come close to an earlier one


def instance_color(index: int) -> Color:
    """Give an index (a label, a track id) its RGB colour, 0 to 255, always the same.

    The first 20 can be told apart with any kind of colour vision; later ones are spread
    over the hues, in six shades.

    Raises:
        ValueError: If the index is negative.
    """
    if index < 0:
        raise ValueError(f'A colour needs an index of at least 0, got {index}.')
    if index < len(PALETTE):
        return PALETTE[index]
    hue = (0.02 + index * GOLDEN_RATIO) % 1.0
    saturation = (0.85, 0.6, 1.0)[index // 8 % 3]
    value = (1.0, 0.8)[index // 4 % 2]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def track_color(track: int) -> Color:
    """:func:`instance_color`; grey for a track that is not sure yet (below 0)."""
    return UNSURE_COLOR if track < 0 else instance_color(track)


def ink_on(color: Color) -> Color:
    """Black or white, whichever reads better on a colour: at least 4.5 to 1.

    Follows: Web Content Accessibility Guidelines 2.2, contrast ratio.
    """
    luminance = relative_luminance(color)
    on_white, on_black = 1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05
    return BLACK if on_black >= on_white else WHITE


def relative_luminance(color: Color) -> float:
    """0 (black) to 1 (white), as eyes weigh the light of sRGB colours."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
