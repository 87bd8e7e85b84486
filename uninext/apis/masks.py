"""Mask files of users: a mask for each target that an image shows.

Masks of arrays are told apart in ``uninext.models.trackers.inputs``.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from uninext.apis.images import SourceError
from uninext.models.trackers.inputs import MAX_LABELS, masks_of_numbers
from uninext.utils.error_origin import is_for_users
from uninext.utils.image_files import UNREADABLE

HALF = 128  # of grey tones, 0..255


def load_mask(mask: Any) -> Any:
    """Masks of a file, or of a list of files; anything else is returned as it is.

    Returns:
        (n, H, W) bool, all targets of the files; see :func:`read_masks`.

    Raises:
        SourceError: If a file cannot be read, holds no masks that are understood, or
            the files differ in size.
    """
    if isinstance(mask, (str, Path)):
        return read_masks(mask)
    is_list = isinstance(mask, (list, tuple)) and len(mask) > 0
    if not is_list or not all(isinstance(item, (str, Path)) for item in mask):
        return mask
    masks = [read_masks(path) for path in mask]
    if len({mask.shape[1:] for mask in masks}) > 1:
        sizes = ', '.join(f'{m.shape[2]} x {m.shape[1]}' for m in masks)
        raise SourceError(
            f'All masks must have the size of the image, got {sizes} (width x height).'
        )
    return np.concatenate(masks)


def read_masks(path: str | Path) -> np.ndarray:
    """Read the targets of a mask file; it is turned as its EXIF data say.

    =====================================  ===========================================
    file                                   targets
    =====================================  ===========================================
    two tones                              what is not black
    palette (DAVIS, YouTube-VOS)           each index; the background is black, else 0
    numbers to 64, or of 16 bits           each number but 0
    flat colours                           each colour but black
    an alpha channel that is not constant  what is opaque
    grey tones (soft edges, JPEG)          128 and more, with a warning
    =====================================  ===========================================

    Returns:
        (n, H, W) bool, in the order of the numbers.

    Raises:
        SourceError: If it cannot be read, or is none of these.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    except UNREADABLE as error:
        raise SourceError(
            f'The mask {path} cannot be read ({error}). Give an image that is 0 '
            'outside of the target, or an array (height, width).'
        ) from error
    try:
        return _masks_of(image, path)
    except ValueError as error:
        if not is_for_users(error):
            raise
        raise SourceError(f'The mask {path} is not understood: {error}') from error


def _masks_of(image: Image.Image, path: str | Path) -> np.ndarray:
    if image.mode == 'P':
        return _of_palette(image, path)
    if image.mode == '1' or image.mode == 'F' or image.mode.startswith('I'):
        return masks_of_numbers(np.array(image))
    if image.mode == 'L':
        return _of_tones(np.array(image), path)
    has_alpha = 'A' in image.getbands()
    colors = _codes(np.array(image.convert('RGB')))
    alpha = np.array(image.getchannel('A')) if has_alpha else np.zeros(1, np.uint8)
    if alpha.min() == alpha.max():
        return _of_colors(colors, path)
    num_colors = len(np.unique(colors[alpha >= HALF]))
    if 1 < num_colors <= MAX_LABELS:
        raise ValueError(
            f'it has {num_colors} colours and an alpha channel. Leave the alpha '
            'channel away, or give what is opaque one colour.'
        )
    return _of_tones(alpha, path)


def _codes(rgb: np.ndarray) -> np.ndarray:
    """(H, W) int64, a number for each colour; 0 is black."""
    return rgb.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _of_colors(codes: np.ndarray, path: str | Path) -> np.ndarray:
    tones = codes & 0xFF
    if np.array_equal(codes, tones * 0x010101):
        return _of_tones(tones.astype(np.uint8), path)
    return masks_of_numbers(codes)


def _of_palette(image: Image.Image, path: str | Path) -> np.ndarray:
    """Of each index; of the tones, if the palette is grey."""
    indices = np.array(image)
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette('RGB'), np.uint8).reshape(-1, 3)
    palette[: len(given)] = given
    codes, used = _codes(palette), np.unique(indices)
    black = [index for index in used.tolist() if not codes[index]]
    is_distinct = len(np.unique(codes[used])) == len(used)
    if is_distinct and (palette[used] == palette[used, :1]).all():
        return _of_tones(palette[indices][..., 0], path)
    background = black[0] if codes[0] and len(black) == 1 else 0
    if background:  # indices from 1, so that 0 is free for it
        indices = np.where(indices == background, 0, indices.astype(np.int64) + 1)
    return masks_of_numbers(indices)


def _of_tones(tones: np.ndarray, path: str | Path) -> np.ndarray:
    """Of grey tones, (H, W) uint8."""
    labels = np.unique(tones[tones > 0])
    if len(labels) < 2 or labels[-1] <= MAX_LABELS:
        return masks_of_numbers(tones)
    warnings.warn(
        f'The mask {path} has {len(labels)} grey tones: pixels of {HALF} and more are '
        'the target. To tell several targets apart, give an image with a palette, or '
        f'whose grey tones are their numbers, 1..{MAX_LABELS}.',
        stacklevel=4,
    )
    return (tones >= HALF)[None]
