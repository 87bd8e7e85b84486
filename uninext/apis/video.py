"""Videos of users: files, folders and cameras enter, frames leave; sessions are opened.

A video session itself is :class:`uninext.models.sessions.VideoSession`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

from uninext.apis.devices import usable_device
from uninext.apis.named_models import (
    build_uninext,
    checked_scale,
    inference_scale,
    resolve_model,
)
from uninext.engine import load_weights
from uninext.models.sessions import VideoSession
from uninext.utils.image_files import IMAGE_SUFFIXES, list_images


def open_session(
    model: str | Path | Config | None = None,
    checkpoint: str | Path | None = None,
    scale: tuple[int, int] | str | None = 'auto',
    device: str = 'auto',
) -> VideoSession:
    """Build a video model, load its weights, start a session.

    Args:
        model: A name (``'uninext_tiny'``, which None means too); the path or name of a
            config, or a config, with a ``model`` of the type ``UNINEXTVideo``; or a
            file of weights that tells its config. See
            :func:`uninext.apis.named_models.resolve_model`.
        checkpoint: Weights; every key must fit. Must be given with a config.
        scale: (long, short) sides that frames are resized to; None: as they are;
            'auto': what the config tests or trains with.
        device: 'cpu', 'cuda', ...; 'auto' takes the accelerator if there is one.

    Raises:
        ValueError: If no model is meant by it, or it is none for videos; it says what
            may be passed. If there is no such device; it says which there are.
        CheckpointError: If the file cannot be read or does not fit.

    Example:
        >>> session = open_session('configs/uninext/stage3_video.py', 'iter_180000.pth')
        ... # doctest: +SKIP
    """
    device = usable_device(device)  # before seconds are spent on the model
    config, weights = resolve_model(model, checkpoint)
    network = build_uninext(config, 'UNINEXTVideo')
    load_weights(network, weights)
    frame_scale = checked_scale(scale, inference_scale(config))
    return network.to(device).eval().open(scale=frame_scale)


def read_frames(source: str | Path | int) -> Iterator[np.ndarray]:
    """Read a video file, a folder of pictures, a camera or a stream, frame by frame.

    Nothing but the newest frame is held.

    Args:
        source: A file; a folder, whose images are taken in natural order (2 before 10);
            an address (``rtsp://``, ``http://``); the number of a camera.

    Yields:
        (H, W, 3) uint8 BGR.

    Raises:
        ValueError: If there is no such source, it has no frame, or a picture of a
            folder cannot be read. A video file that ends early just ends.
    """
    if isinstance(source, (str, Path)) and Path(source).is_dir():
        yield from _read_folder(Path(source))
        return
    is_address = isinstance(source, str) and '://' in source
    if not isinstance(source, int) and not is_address and not Path(source).is_file():
        raise ValueError(
            f'There is no video {source}. Give a file, a folder of pictures, an '
            'address or the number of a camera.'
        )
    capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
    count = 0
    with contextlib.closing(_Released(capture)):
        while True:
            is_read, frame = capture.read()
            if not is_read:
                break
            count += 1
            yield frame
    if not count:
        raise ValueError(
            f'No frame can be read from {source}: it is no video that OpenCV knows, or '
            'it is empty.'
        )


def _read_folder(folder: Path) -> Iterator[np.ndarray]:
    files = list_images(folder)
    if not files:
        raise ValueError(
            f'The folder {folder} holds no picture '
            f'({", ".join(sorted(IMAGE_SUFFIXES))}).'
        )
    for file in files:
        frame = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if frame is None:
            raise ValueError(f'Cannot read {file}: it is damaged, or no picture.')
        yield frame


class _Released:
    """Gives a capture the name of method that ``closing`` calls."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self.close = capture.release
