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
from mmengine.registry import init_default_scope

from uninext.engine import (
    has_accelerator,
    load_checkpoint_file,
    load_state,
    state_dict_of,
)
from uninext.models.sessions import VideoSession
from uninext.registry import MODELS

IMAGE_SUFFIXES = {'.jpg', '.jpeg', '.png', '.bmp', '.webp'}


def open_session(
    config: str | Path | Config,
    checkpoint: str | Path,
    scale: tuple[int, int] | None = (1333, 800),
    device: str = 'auto',
) -> VideoSession:
    """Build a video model, load its weights, start a session.

    Args:
        config: With a ``model`` of the type ``UNINEXTVideo``.
        checkpoint: Its weights; every key must fit.
        scale: (long, short) sides that frames are resized to; None: as they are.
        device: 'cpu', 'cuda', ...; 'auto' takes the accelerator if there is one.

    Raises:
        ValueError: If the config has no video model.
        CheckpointError: If the file cannot be read or does not fit.

    Example:
        >>> session = open_session('configs/uninext/stage3_video.py', 'iter_180000.pth')
        ... # doctest: +SKIP
    """
    init_default_scope('uninext')
    cfg = config if isinstance(config, Config) else Config.fromfile(config)
    if cfg.get('model', {}).get('type') != 'UNINEXTVideo':
        raise ValueError(
            f'A session needs a video model; the config has the model '
            f'{cfg.get("model", {}).get("type")!r}. Take configs/uninext/'
            'stage3_video.py, or one that inherits from it.'
        )
    if device == 'auto':
        device = 'cuda' if has_accelerator() else 'cpu'
    model = MODELS.build(cfg.model)
    state = state_dict_of(load_checkpoint_file(checkpoint), str(checkpoint))
    load_state(model, state, source=str(checkpoint))
    return model.to(device).eval().open(scale=scale)


def read_frames(source: str | Path | int) -> Iterator[np.ndarray]:
    """Read a video file, a folder of pictures, a camera or a stream, frame by frame.

    Nothing but the newest frame is held.

    Args:
        source: A file; a folder, whose pictures are taken in the order of their names;
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
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
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
