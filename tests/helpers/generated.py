"""What is generated, looked at: files by their checksums, objects by their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from uninext.shapes.vocabulary import COLORS
from uninext.utils.files import sha256_of


def digests(folder: Path) -> dict[str, str]:
    """Path below a folder -> checksum, of all its files."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def nearest_color(pixels: np.ndarray) -> str:
    """Which of the shapes' colours the brighter of some pixels (n, 3) RGB have."""
    brightness = pixels.astype(float).sum(1)
    bright = pixels[brightness >= np.quantile(brightness, 0.7)].mean(0)
    colors = np.array(list(COLORS.values()), float)
    alike = colors @ bright / np.linalg.norm(colors, axis=1)
    return list(COLORS)[alike.argmax()]
