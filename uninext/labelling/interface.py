"""A project's labeling interface in Label Studio: what its parts are called.

Predictions name the parts that they belong to, and a project may call them anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from uninext.formats.label_studio import (
    POLYGON_LABELS,
    RECTANGLE_LABELS,
    VIDEO_RECTANGLE,
    Region,
)

_DATA = ('Image', 'Video')
_PARTS = ('RectangleLabels', 'PolygonLabels', 'VideoRectangle')
EXPECTED = (
    'Expected <Image> with <RectangleLabels> or <PolygonLabels>, or <Video> with '
    '<VideoRectangle> and <Labels>; `uninext label --to label-studio` writes both.'
)


@dataclass(frozen=True)
class Interface:
    """What is labelled, and how.

    Attributes:
        key: Of the image or video in the data of a task.
        to_name: Of the image or video in the interface.
        is_video: Which of both.
        names: Of the categories.
        parts: Type of a region -> name of the part that it comes from.
    """

    key: str
    to_name: str
    is_video: bool
    names: tuple[str, ...]
    parts: dict[str, str]

    def fitted(self, regions: Sequence[Region]) -> list[Region]:
        """Regions under the names of this interface."""
        return [
            dict(r, from_name=self.parts[r['type']], to_name=self.to_name)
            for r in regions
        ]

    @property
    def takes_polygons(self) -> bool:
        """Whether a mask has a place."""
        return POLYGON_LABELS in self.parts


def read_interface(config: str) -> Interface:
    """Read the XML of a labeling interface.

    Raises:
        ValueError: If it has no image or video that objects are drawn on.
    """
    try:
        view = ElementTree.fromstring(config)
    except (ElementTree.ParseError, TypeError) as error:
        raise ValueError(f'The labeling interface is no XML: {error}.') from None
    data = next((e for e in view.iter() if e.tag in _DATA), None)
    if data is None:
        raise ValueError(f'The labeling interface shows no image or video. {EXPECTED}')
    to_name = data.get('name', '')
    parts = {
        element.tag.lower(): element.get('name', '')
        for element in view.iter()
        if element.tag in _PARTS and element.get('toName') == to_name
    }
    is_video = data.tag == 'Video'
    wanted = {VIDEO_RECTANGLE} if is_video else {RECTANGLE_LABELS, POLYGON_LABELS}
    labels = [e.get('value') or e.get('alias') for e in view.iter('Label')]
    names = tuple(dict.fromkeys(filter(None, labels)))
    if not wanted & parts.keys() or not names:
        raise ValueError(f'The labeling interface has no place for objects. {EXPECTED}')
    key = data.get('value', '').lstrip('$')
    return Interface(key, to_name, is_video, names, parts)
