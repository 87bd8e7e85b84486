"""Write generated videos to disk in the form that the dataset classes read.

Last step of the flow for videos. Layout::

    videos/<split>/<video>/00000.jpg
    vis_<split>.json         objects with masks, of ``CATEGORIES``
    mot_<split>.json         the same of crowds: many objects, often of one kind
    sot_<split>.json         one target a video, seen in the first frame
    vos_<split>.json         all objects that are seen in the first frame, without
    vos_twins_<split>.json   those that look like another of their video, if any
    refs_<split>.json        one record per referred object; a frame says who is meant
    refs_motion_<split>.json the same with expressions that need motion, if there are
    any

all of them video JSON (see ``converters.video_json``) with file names below
``videos/<split>/``. Annotations carry ``object_id``, ``words`` and ``visibility``, the
share of the object that is seen in each frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uninext.converters.video_json import Track as JsonTrack
from uninext.converters.video_json import VideoConversion, VideoJson
from uninext.shapes.video_labels import LabelledVideo, Track, generate_video
from uninext.shapes.vocabulary import CATEGORIES, SPLITS


@dataclass(frozen=True)
class VideoStyle:
    """A kind of videos.

    Attributes:
        name: The videos' names begin so.
        number: In the seed.
        num_objects: Least and most.
    """

    name: str
    number: int
    num_objects: tuple[int, int]


SCENE = VideoStyle('scene', 10, (3, 6))
CROWD = VideoStyle('crowd', 11, (6, 10))


def generate_videos(
    out_dir: str | Path,
    split: str,
    count: int,
    style: VideoStyle = SCENE,
    size_wh: tuple[int, int] = (320, 240),
    length: int = 24,
    seed: int = 0,
    hand_camera: bool = True,
) -> list[LabelledVideo]:
    """Generate the videos of a split below ``out_dir/videos/<split>``.

    A video depends on the seed, its style, its split and its number alone: a larger
    set begins with the smaller one, and no video of one split is in the other. Other
    arguments are those of :func:`draw_video`.

    Raises:
        ValueError: If a number is below its least, or ``split`` is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f'split must be one of {list(SPLITS)}, got {split!r}.')
    if count < 1 or seed < 0:
        raise ValueError(
            f'A set needs at least 1 video and a seed of at least 0, got {count} and '
            f'{seed}.'
        )
    return [
        generate_video(
            np.random.default_rng([seed, SPLITS.index(split), number, style.number]),
            Path(out_dir) / 'videos' / split / f'{style.name}_{number:05d}',
            size_wh,
            length,
            style.num_objects,
            hand_camera,
        )
        for number in range(count)
    ]


def write_video_set(
    out_dir: str | Path,
    split: str,
    scenes: Sequence[LabelledVideo],
    crowds: Sequence[LabelledVideo],
) -> dict[str, VideoConversion]:
    """Write the annotation files of a split; path of each -> what is in it."""
    files = {
        'vis': _instances(scenes),
        'mot': _instances(crowds),
        'sot': _targets(scenes, lambda video: [t for t in [video.target()] if t]),
        'vos': _targets(scenes, lambda video: _shown_first(video, twins=False)),
        'vos_twins': _targets(scenes, lambda video: _shown_first(video, twins=True)),
        'refs': _expressions(scenes, with_motion=False),
        'refs_motion': _expressions(scenes, with_motion=True),
    }
    return {
        str(path): video_json.save(path)
        for name, video_json in files.items()
        if video_json.conversion.videos
        for path in [Path(out_dir) / f'{name}_{split}.json']
    }


def _add(
    out: VideoJson,
    video: LabelledVideo,
    tracks: Sequence[Track],
    category_ids: Sequence[int] = (),
    /,
    **extra: Any,
) -> None:
    """Add a video and some of its objects; without ids they are of one category."""
    found = [
        JsonTrack(
            bboxes=list(track.boxes_xywh),
            segmentations=list(track.masks),
            category_id=category_id,
            extra={
                'object_id': track.id,
                'words': track.words,
                'visibility': np.round(track.visibility, 3).tolist(),
            },
        )
        for track, category_id in zip(tracks, category_ids or [1] * len(tracks))
    ]
    names = [f'{video.name}/{path.name}' for path in video.frames]
    out.add(names, video.size_wh, found, **{'name': video.name, **extra})


def _instances(videos: Sequence[LabelledVideo]) -> VideoJson:
    out = VideoJson(CATEGORIES)
    for video in videos:
        ids = [CATEGORIES.index(track.words['category']) + 1 for track in video.tracks]
        _add(out, video, video.tracks, ids)
    return out


def _shown_first(video: LabelledVideo, twins: bool) -> list[Track]:
    """What is seen in the first frame and looks like another, or like no other."""
    return [t for t in video.tracks if t.visible[0] and video.has_twin(t) == twins]


def _targets(
    videos: Sequence[LabelledVideo], choose: Callable[[LabelledVideo], Sequence[Track]]
) -> VideoJson:
    out = VideoJson()
    for video in videos:
        if chosen := choose(video):
            _add(out, video, chosen)
    return out


def _expressions(videos: Sequence[LabelledVideo], with_motion: bool) -> VideoJson:
    """One record per object; ``exp_id`` counts the expressions of a video."""
    out = VideoJson()
    for video in videos:
        number = 0
        for track in video.tracks:
            mine = [s for s in track.expressions if (s.kind == 'motion') == with_motion]
            if not mine:
                continue
            _add(
                out,
                video,
                [track],
                name=f'{video.name}/{track.id}',
                video=video.name,
                exp_id=[str(number + i) for i in range(len(mine))],
                expressions=[s.text for s in mine],
                kinds=[s.kind for s in mine],
            )
            number += len(mine)
    return out
