"""Read masks that are kept as one indexed image a frame.

Pixel values are object numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pycocotools import mask as mask_utils

from uninext.converters.video_json import Track, VideoConversion, image_size
from uninext.formats.errors import DatasetError
from uninext.formats.index_png import read_object_ids
from uninext.formats.rle import encode_mask
from uninext.utils.image_files import list_images


@dataclass(frozen=True)
class MaskVideo:
    """A video with its objects.

    Attributes:
        name: Its folder.
        file_names: Of its frames, below the folder of images.
        size_wh: Width and height in pixels.
        tracks: Object number -> boxes and masks.
    """

    name: str
    file_names: tuple[str, ...]
    size_wh: tuple[int, int]
    tracks: dict[int, Track]


def read_mask_video(
    images: Path,
    masks: Path | None,
    name: str,
    conversion: VideoConversion,
    stems: Sequence[str] | None = None,
    binary: bool = False,
    every_frame_masked: bool = True,
) -> MaskVideo | None:
    """Read the frames and the masks of a video.

    Args:
        images: Folder with ``<name>/<stem>.jpg``.
        masks: Folder with ``<name>/<stem>.png``; None if there are no masks.
        name: Of the video.
        conversion: Counts what is left out; the video itself if no frame is left.
        stems: Frames to read; those that are not on disk are left out. None: all.
        binary: As of :func:`read_object_ids`.
        every_frame_masked: Leave out frames that have no image in ``masks``.
    """
    on_disk = {path.stem: path.name for path in list_images(images / name)}
    if stems is None:
        stems = list(on_disk)
    present = [stem for stem in stems if stem in on_disk]
    gone = [stem for stem in stems if stem not in on_disk]
    if gone:
        conversion.skip('frame that is not on disk', images / name / gone[0], len(gone))
    paths: list[Path | None] = [None] * len(present)
    if masks is not None:
        has_mask = {path.stem for path in list_images(masks / name)}
        if every_frame_masked:
            bare = [stem for stem in present if stem not in has_mask]
            if bare:
                reason, example = 'frame without a mask', f'{name}/{bare[0]}'
                conversion.skip(reason, example, len(bare), fault=False)
            present = [stem for stem in present if stem in has_mask]
        paths = [
            masks / name / f'{stem}.png' if stem in has_mask else None
            for stem in present
        ]
    if not present:
        conversion.skip('video without a frame', images / name)
        return None
    size_wh = image_size(images / name / on_disk[present[0]], conversion)
    if size_wh is None:
        return None
    return MaskVideo(
        name=name,
        file_names=tuple(f'{name}/{on_disk[stem]}' for stem in present),
        size_wh=size_wh,
        tracks=read_tracks(paths, size_wh, conversion, binary),
    )


def read_tracks(
    paths: Sequence[Path | None],
    size_wh: tuple[int, int],
    conversion: VideoConversion,
    binary: bool = False,
) -> dict[int, Track]:
    """Object number -> its boxes and masks, in the order of the numbers.

    ``paths`` are the image of each frame, None for a frame that has none; those that
    cannot be read, or are not of ``size_wh`` pixels, are counted and left out.
    """
    tracks: dict[int, Track] = {}
    for frame, path in enumerate(paths):
        pixels = None if path is None else _read(path, size_wh, conversion, binary)
        if pixels is None:
            continue
        for number in np.flatnonzero(np.bincount(pixels.ravel())).tolist():
            if number == 0:
                continue
            rle = encode_mask(pixels == number)
            if number not in tracks:
                boxes, masks = ([None] * len(paths) for _ in range(2))
                tracks[number] = Track(boxes, masks, extra=dict(object_id=number))
            tracks[number].bboxes[frame] = mask_utils.toBbox(rle).tolist()
            tracks[number].segmentations[frame] = rle
    return dict(sorted(tracks.items()))


def _read(
    path: Path, size_wh: tuple[int, int], conversion: VideoConversion, binary: bool
) -> np.ndarray | None:
    try:
        pixels = read_object_ids(path, binary)
    except DatasetError:
        conversion.skip('mask that cannot be read', path)
        return None
    if pixels.shape != size_wh[::-1]:
        conversion.skip('mask of another size than its video', path)
        return None
    return pixels
