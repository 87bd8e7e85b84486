"""``uninext predict`` of rectangles that are found by their colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from uninext.cli import main

from .painted_world import frame
from .tools import message_of_failure

RED, GREEN = (8, 8, 40, 40), (64, 16, 104, 56)
STEP = 4  # pixels that things move in a frame
NAMES = ['--categories', 'red, green']


def moved(box, step):
    return [v + STEP * step * (1 - i % 2) for i, v in enumerate(box)]


def image_at(step: int = 0) -> np.ndarray:
    return frame(red=moved(RED, step), green=moved(GREEN, step))


def run(*arguments: object) -> int:
    return main(['predict', *map(str, arguments)])


def fails(capsys, *arguments: object) -> str:
    return message_of_failure(main, capsys, 'predict', *arguments)


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file()
    )


def read_video(path: Path) -> tuple[int, float]:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count, capture.get(cv2.CAP_PROP_FPS)
