"""Images whose pixels are object ids (DAVIS, YouTube-VOS and their servers)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from uninext.formats.errors import DatasetError
from uninext.utils.files import replacing
from uninext.utils.image_files import UNREADABLE

VOID = 255  # no object: DAVIS
MAX_ID = VOID - 1


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


def read_object_ids(path: str | Path, binary: bool = False) -> np.ndarray:
    """Read an image of object ids.

    Args:
        path: PNG with a palette or grey values; of a colour image whose channels are
            equal, one is taken.
        binary: All pixels that are not black are object 1 (DAVIS 2016).

    Returns:
        (H, W) uint8, 0 is background.

    Raises:
        DatasetError: If it cannot be read, has colours instead of ids, or values that
            do not fit in eight bits.
    """
    try:
        with Image.open(path) as image:
            ids = np.array(image)
    except FileNotFoundError:
        raise DatasetError(f'{path} does not exist.') from None
    except UNREADABLE as error:
        raise DatasetError(f'{path} is not an image: {error}.') from None
    if binary:
        seen = ids[..., :3].any(axis=-1) if ids.ndim == 3 else ids > 0
        return np.asarray(seen, dtype=np.uint8)
    if ids.ndim == 3 and (ids[..., :3] == ids[..., :1]).all():
        ids = ids[..., 0]
    if ids.ndim != 2:
        raise DatasetError(
            f'{path} has colours. Object ids are the indices of a palette (mode P) or '
            'grey values.'
        )
    if ids.size and not (ids.min() >= 0 and ids.max() <= VOID):
        raise DatasetError(
            f'{path} has the value {ids.max()} ({ids.dtype}); object ids are 0 to '
            f'{VOID}: write an 8-bit image.'
        )
    return ids.astype(np.uint8)


def write_object_ids(ids: np.ndarray, path: str | Path) -> None:
    """Write (H, W) uint8 ids, 0 is background, as a palette PNG; see :func:`_save`."""
    image = Image.fromarray(np.asarray(ids, dtype=np.uint8), mode='P')
    image.putpalette(PALETTE)
    _save(image, path)


def write_mask(mask: np.ndarray, path: str | Path) -> None:
    """Write a mask (H, W) bool as a grey PNG of 0 and 255; see :func:`_save`."""
    _save(Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255), path)


def _save(image: Image.Image, path: str | Path) -> None:
    """Write a PNG whole or not at all; its folder is made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        image.save(temporary, format='PNG')


def paint_ids(masks: np.ndarray, ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Put masks into one image; where they overlap the best score is on top.

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
