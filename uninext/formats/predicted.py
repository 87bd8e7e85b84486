"""What was predicted in an image, as the layouts of labelling tools take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

ACCEPT, REVIEW = 'accept', 'review'  # bands of certainty


class PredictedInstance(NamedTuple):
    """One object in an image.

    Attributes:
        label: Name of its category.
        box_xywh: Pixels.
        score: In 0..1.
        mask: COCO RLE, or None.
        track_id: The same for the same object through a video; None in single images.
        band: 'accept', or 'review' where a person has to look; '' without bands.
    """

    label: str
    box_xywh: list[float]
    score: float = 1.0
    mask: dict[str, Any] | None = None
    track_id: int | None = None
    band: str = ''

    @property
    def corners_xy(self) -> list[tuple[float, float]]:
        """Four corners of the box, clockwise from the left top, pixels."""
        x, y, w, h = self.box_xywh
        return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]


@dataclass(frozen=True)
class PredictedImage:
    """An image and its objects.

    Attributes:
        file_name: Of the image, from the folder that all of a set are in; ``/``
            between folders.
        height: Pixels.
        width: Pixels.
        instances: What was found, in any order.
    """

    file_name: str
    height: int
    width: int
    instances: tuple[PredictedInstance, ...] = ()
