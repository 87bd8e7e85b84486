"""Questions as the page hands them to its handlers."""

from __future__ import annotations

from types import SimpleNamespace

from uninext.utils.serving_limits import ServingLimits
from uninext.web.handlers import AskHandlers
from uninext.web.prompts import read_prompts
from uninext.web.shared_inferencer import SharedInferencer
from uninext.web.videos import VideoHandlers

SIZE_HW = (64, 96)
NUM_FRAMES = 5
FPS = 8
REQUEST = SimpleNamespace(session_hash='me')


def asking(find, visits) -> AskHandlers:
    return AskHandlers(SharedInferencer(find), visits)


def watching(find, visits, **limits) -> VideoHandlers:
    return VideoHandlers(SharedInferencer(find), visits, ServingLimits(**limits))


def fields(categories='star, ring', expressions='', boxes='', painting=None, thr=0.3):
    """Of the page, as image and video take them."""
    return categories, expressions, boxes, painting, thr


def asked(*texts):
    return read_prompts(*texts, None, SIZE_HW)
