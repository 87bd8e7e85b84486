from __future__ import annotations

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from uninext.visualization.palette import (
    PALETTE,
    UNSURE_COLOR,
    WHITE,
    ink_on,
    instance_color,
    relative_luminance,
    track_color,
)

# How people see who lack a kind of cone: Machado, Oliveira and Fernandes 2009, severity
# 1.0, on linear RGB.
VISIONS = {
    'usual': np.eye(3),
    'protanopia': np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    'deuteranopia': np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    'tritanopia': np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def seen(colors, vision: str) -> np.ndarray:
    """(N, 3) CIE Lab of colours as somebody sees them."""
    values = np.array(colors) / 255
    linear = np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    linear = np.clip(linear @ VISIONS[vision].T, 0, 1)
    values = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return rgb2lab(values[None])[0]


def test_a_colour_needs_an_index():
    with pytest.raises(ValueError, match='at least 0, got -1'):
        instance_color(-1)
    assert track_color(-1) == UNSURE_COLOR
    assert track_color(3) == instance_color(3)


def test_colours_are_stable_and_differ():
    first = [instance_color(i) for i in range(60)]
    assert first == [instance_color(i) for i in range(60)]
    assert len(set(first)) == 60
    assert tuple(first[: len(PALETTE)]) == PALETTE


@pytest.mark.parametrize('vision', VISIONS)
def test_the_first_colours_can_be_told_apart(vision):
    lab = seen(PALETTE, vision)
    differences = [
        deltaE_ciede2000(lab[i], lab[j])
        for i, j in itertools.combinations(range(len(lab)), 2)
    ]
    assert min(differences) > 8.9  # 2.3 is just noticeable
    of_first = [deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab[:8], 2)]
    assert min(of_first) > 17


@pytest.mark.parametrize('index', range(40))
def test_letters_are_readable_on_every_colour(index):
    color = instance_color(index)
    levels = sorted([relative_luminance(color), relative_luminance(ink_on(color))])
    assert (levels[1] + 0.05) / (levels[0] + 0.05) >= 4.5  # WCAG AA


def test_luminance_goes_from_black_to_white():
    assert relative_luminance((0, 0, 0)) == 0
    assert relative_luminance(WHITE) == pytest.approx(1)
    assert relative_luminance((0, 255, 0)) > relative_luminance((255, 0, 0))
