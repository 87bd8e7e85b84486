"""Models of images and videos that find rectangles by colour; a video of some."""

from __future__ import annotations

from uninext.models.detectors import UNINEXTVideo
from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
)

from .painted_world import ColorModel, frame

RED, GREEN, BLUE = (8, 8, 40, 40), (64, 16, 104, 56), (48, 0, 60, 12)
STEP = 4  # pixels that things move in a frame


class PaintedImages(ColorModel):
    """Finds colours in images, several of one size at once."""

    def build_pyramid(self, levels, samples):
        pairs = zip(levels.split(1), samples)
        return [ColorModel.build_pyramid(self, level, [s]) for level, s in pairs]

    def find(self, pyramid, rows, images, with_masks=True, with_embeds=False):
        wanted = with_masks, with_embeds
        found = []
        for row, i in zip(rows, images):
            found += ColorModel.find(self, pyramid[i], [row], [0], *wanted)
        return found


class PaintedVideos(PaintedImages, UNINEXTVideo):
    """Follows them besides."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.trackers = dict(
            category=PromptQuasiDenseTracker(),
            expression=ExpressionTracker(with_iou=False),
            box=TemplateTracker(with_iou=False, template_size=32),
            mask=TemplateTracker(with_iou=False, template_size=32),
        )


def moved(box, number):
    x1, y1, x2, y2 = box
    return x1 + number * STEP, y1, x2 + number * STEP, y2


def movie(count=4):
    return [
        frame(red=moved(RED, i), green=moved(GREEN, i), blue=BLUE) for i in range(count)
    ]
