"""Tracks of a video as CVAT's XML "CVAT for video 1.1", to correct them there.

Source: the XML annotation format of CVAT's documentation. CVAT does not follow masks
(cvat-ai/cvat issue 6264: of a track of masks it imports the first alone), so a track
with masks becomes one of polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np

from uninext.apis.exports.video_tracks import Sighting, Track, VideoTracks, gathered
from uninext.apis.results import Result
from uninext.formats.cvat import FORMAT_VERSION, add, add_texts, as_text, points_text
from uninext.formats.outlines import outlines_of
from uninext.visualization.palette import instance_color


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
    add_texts(root, version=FORMAT_VERSION)
    task = add(add(root, 'meta'), 'task')
    last = max(0, tracks.num_frames - 1)
    add_texts(task, name=name, size=tracks.num_frames, mode='interpolation')
    add_texts(task, start_frame=0, stop_frame=last, source=name)
    labels = add(task, 'labels')
    for i, category in enumerate(tracks.categories):
        color = '#{:02x}{:02x}{:02x}'.format(*instance_color(i))
        add_texts(add(labels, 'label'), name=category, color=color, attributes='')
    if tracks.size_hw is not None:
        height, width = tracks.size_hw
        add_texts(add(task, 'original_size'), width=width, height=height)
    for track_id, track in sorted(tracks.tracks.items()):
        _add_track(root, track_id, track, tracks.num_frames)
    return as_text(root)


def _add_track(
    root: ElementTree.Element, track_id: int, track: Track, num_frames: int
) -> None:
    element = add(root, 'track', id=track_id, label=track.label, source='auto')
    has_masks = any(sighting.mask for sighting in track.sightings.values())
    tag, place_of = ('polygon', _polygon) if has_masks else ('box', _box)

    def add_shape(frame: int, sighting: Sighting, outside: int) -> None:
        flags = dict(frame=frame, keyframe=1, outside=outside, occluded=0)
        add(element, tag, **flags, **place_of(sighting), z_order=0)

    for frame, sighting in sorted(track.sightings.items()):
        add_shape(frame, sighting, outside=0)
        if frame + 1 < num_frames and frame + 1 not in track.sightings:
            add_shape(frame + 1, sighting, outside=1)


def _box(sighting: Sighting) -> dict[str, str]:
    x, y, w, h = sighting.box_xywh
    sides = dict(xtl=x, ytl=y, xbr=x + w, ybr=y + h)
    return {key: f'{value:.2f}' for key, value in sides.items()}


def _polygon(sighting: Sighting) -> dict[str, str]:
    x, y, w, h = sighting.box_xywh
    corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    outlines = outlines_of(sighting.mask) if sighting.mask else []
    return dict(points=points_text(outlines[0] if outlines else corners))
