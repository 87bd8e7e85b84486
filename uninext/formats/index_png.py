"""Pictures of object ids, as the servers of VOS take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

MAX_ID = 254  # 255 is void in DAVIS


def make_palette() -> list[int]:
    """Colours of ids 0 to 255, as PASCAL VOC and DAVIS number them.

    Bit b of the id's threes of bits goes to red, green and blue from the top.

    Returns:
        768 numbers: r, g, b of id 0, of id 1, ...
    """
    ids = np.arange(256)
    colors = np.zeros((256, 3), dtype=np.int64)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= ((ids >> (3 * bit + channel)) & 1) << (7 - bit)
    return colors.reshape(-1).tolist()


PALETTE = make_palette()


def write_object_ids(ids: np.ndarray, path: str | Path) -> None:
    """Write a palette PNG.

    Args:
        ids: (H, W) uint8, 0 is background.
        path: Of the file; its folder is made.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(ids, dtype=np.uint8), mode='P')
    image.putpalette(PALETTE)
    image.save(path)


def write_mask(mask: np.ndarray, path: str | Path) -> None:
    """Write a mask as a grey PNG of 0 and 255.

    Args:
        mask: (H, W) bool.
        path: Of the file; its folder is made.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255).save(path)


def paint_ids(masks: np.ndarray, ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Put masks into one picture; where they overlap the best score is on top.

    Args:
        masks: (N, H, W) bool.
        ids: (N,) int, 1 to 254.
        scores: (N,).

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: If an id does not fit.
    """
    if len(ids) and not (ids.min() >= 1 and ids.max() <= MAX_ID):
        raise ValueError(
            f'Object ids must be 1 to {MAX_ID}, got {sorted(ids.tolist())}.'
        )
    painted = np.zeros(masks.shape[1:], dtype=np.uint8)
    for index in np.argsort(scores, kind='stable'):
        painted[masks[index]] = ids[index]
    return painted
