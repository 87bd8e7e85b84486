"""Tracks of a video as CVAT's XML "CVAT for video 1.1", to correct them there.

Source: the XML annotation format of CVAT's documentation. CVAT does not follow masks
(cvat-ai/cvat issue 6264: of a track of masks it imports the first alone), so a track
with masks becomes one of polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import cv2
import numpy as np
from pycocotools import mask as mask_utils

from uninext.apis.exports.video_tracks import Sighting, Track, VideoTracks, gathered
from uninext.apis.results import Result
from uninext.visualization.palette import instance_color

FORMAT_VERSION = '1.1'
TOLERANCE = 0.75  # pixels that a polygon may be off the edge of its mask


def to_cvat(results: Sequence[Result] | VideoTracks, name: str = 'video') -> str:
    """Write tracks as CVAT for video 1.1.

    Every frame is a keyframe, from 0. Where a track ends or pauses, its last shape is
    repeated once with ``outside="1"``. Without masks the shapes are boxes; with masks
    they are polygons around the largest part (its box where a mask is too small).

    Args:
        results: All frames of one video.
        name: Of the video.

    Raises:
        ValueError: If the results are of single images, or frames differ in size.
    """
    tracks = gathered(results)
    root = ElementTree.Element('annotations')
    _add_texts(root, version=FORMAT_VERSION)
    task = _add(_add(root, 'meta'), 'task')
    last = max(0, tracks.num_frames - 1)
    _add_texts(task, name=name, size=tracks.num_frames, mode='interpolation')
    _add_texts(task, start_frame=0, stop_frame=last, source=name)
    labels = _add(task, 'labels')
    for i, category in enumerate(tracks.categories):
        color = '#{:02x}{:02x}{:02x}'.format(*instance_color(i))
        _add_texts(_add(labels, 'label'), name=category, color=color, attributes='')
    if tracks.size_hw is not None:
        height, width = tracks.size_hw
        _add_texts(_add(task, 'original_size'), width=width, height=height)
    for track_id, track in sorted(tracks.tracks.items()):
        _add_track(root, track_id, track, tracks.num_frames)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding='unicode')
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add_track(
    root: ElementTree.Element, track_id: int, track: Track, num_frames: int
) -> None:
    element = _add(root, 'track', id=track_id, label=track.label, source='auto')
    has_masks = any(sighting.mask for sighting in track.sightings.values())
    tag, place_of = ('polygon', _polygon) if has_masks else ('box', _box)

    def add(frame: int, sighting: Sighting, outside: int) -> None:
        flags = dict(frame=frame, keyframe=1, outside=outside, occluded=0)
        _add(element, tag, **flags, **place_of(sighting), z_order=0)

    for frame, sighting in sorted(track.sightings.items()):
        add(frame, sighting, outside=0)
        if frame + 1 < num_frames and frame + 1 not in track.sightings:
            add(frame + 1, sighting, outside=1)


def _box(sighting: Sighting) -> dict[str, str]:
    x, y, w, h = sighting.box_xywh
    sides = dict(xtl=x, ytl=y, xbr=x + w, ybr=y + h)
    return {key: f'{value:.2f}' for key, value in sides.items()}


def _polygon(sighting: Sighting) -> dict[str, str]:
    x, y, w, h = sighting.box_xywh
    corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    points = _outline(sighting.mask) if sighting.mask else None
    points = corners if points is None else points
    return dict(points=';'.join(f'{px:.2f},{py:.2f}' for px, py in points))


def _outline(mask: dict) -> np.ndarray | None:
    """(P, 2) xy, pixels, around the largest part; None if no polygon fits it.

    The outline is drawn on an image of double size, where the edges of pixels, not
    their centres, are within half a pixel of it.
    """
    pixels = mask_utils.decode(mask)
    doubled = pixels.repeat(2, axis=0).repeat(2, axis=1)
    outlines, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    outline = cv2.approxPolyDP(outline, 2 * TOLERANCE, closed=True)[:, 0]
    return (outline + 0.5) / 2 if len(outline) >= 3 else None


def _add(
    parent: ElementTree.Element, tag: str, **attributes: object
) -> ElementTree.Element:
    texts = {key: str(value) for key, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, texts)


def _add_texts(parent: ElementTree.Element, **texts: object) -> None:
    for tag, text in texts.items():
        _add(parent, tag).text = str(text)
