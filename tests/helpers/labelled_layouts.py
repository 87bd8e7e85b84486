"""An image of two objects, for the layouts of labelling tools."""

from __future__ import annotations

import numpy as np
import pytest

from uninext.formats.predicted import PredictedImage, PredictedInstance
from uninext.formats.rle import encode_mask

NAMES = ['dog', 'cat: "tabby" & <white>']
BOXES_XYWH = [2.0, 4.0, 10.0, 6.0], [20.0, 15.0, 55.0, 40.0]
EMPTY = PredictedImage('empty.jpg', 60, 80)


def made_up_image(with_masks: bool, file_name: str = 'a b/c.jpg') -> PredictedImage:
    """Two rectangles of 80 x 60 pixels, one of which is to be reviewed."""
    instances = []
    for label, box, score in zip(NAMES, BOXES_XYWH, (0.25, 0.75)):
        mask = np.zeros((60, 80), bool)
        x, y, w, h = map(int, box)
        mask[y : y + h, x : x + w] = True
        rle = encode_mask(mask) if with_masks else None
        band = 'accept' if score > 0.5 else 'review'
        one = PredictedInstance(label, box, score, rle, band=band)
        instances.append(one)
    return PredictedImage(file_name, 60, 80, tuple(instances))


def assert_same_objects(read, image, tolerance: float = 0.5) -> None:
    """Labels are the same, boxes to half a pixel."""
    assert [i.label for i in read] == [i.label for i in image.instances]
    for one, other in zip(read, image.instances):
        assert one.box_xywh == pytest.approx(other.box_xywh, abs=2 * tolerance)
