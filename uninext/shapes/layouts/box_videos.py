"""Videos with one target and its boxes, as LaSOT, GOT-10k and TrackingNet have them.

Labelled videos in; folders of frames and text files of boxes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from uninext.formats.box_text import box_lines
from uninext.formats.json_file import write_text
from uninext.shapes.layouts.files import Videos, link_frames, write_lines
from uninext.shapes.video_labels import LabelledVideo, Track

NUM_PARTS = 4  # of TrackingNet, those that the published training reads
COVER_STEPS = 8  # of GOT-10k: eighths of the target that are seen


def write_lasot(root: Path, videos: Videos) -> None:
    """Write ``<class>/<class>-<n>/``; ``val`` is what testing_set.txt lists.

    Boxes count pixels from 1, as in LaSOT.
    """
    counts: Counter[str] = Counter()
    listed = []
    for split in ('train', 'val'):
        for video, track in _with_target(videos[split]):
            kind = track.words['category']
            counts[kind] += 1
            name = f'{kind}-{counts[kind]}'
            if split == 'val':
                listed.append(name)
            _write_lasot_video(root / kind / name, video, track)
    write_lines(listed, root / 'testing_set.txt')


def write_got10k(root: Path, videos: Videos) -> None:
    """Write ``train``, ``val``, and as ``test`` the latter with the first box only."""
    for split, source in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        names = []
        for number, (video, track) in enumerate(_with_target(videos[source]), start=1):
            names.append(f'GOT-10k_{split.capitalize()}_{number:06d}')
            folder = root / split / names[-1]
            link_frames(video, folder, '{:08d}.jpg', first=1)
            boxes = [','.join(f'{value:.4f}' for value in box) for box in _boxes(track)]
            if split == 'test':
                boxes = boxes[:1]
            else:
                cover = np.ceil(track.visibility * COVER_STEPS).astype(int)
                write_lines(cover, folder / 'cover.label')
                write_lines((~track.visible).astype(int), folder / 'absence.label')
            write_lines(boxes, folder / 'groundtruth.txt')
        write_lines(names, root / split / 'list.txt')


def write_trackingnet(root: Path, videos: Videos) -> None:
    """Write ``TRAIN_0`` to ``TRAIN_3`` in turns, and ``TEST`` with the first boxes."""
    for part in [f'TRAIN_{i}' for i in range(NUM_PARTS)] + ['TEST']:
        for kind in ('anno', 'frames'):
            (root / part / kind).mkdir(parents=True, exist_ok=True)
    for split in ('train', 'val'):
        for number, (video, track) in enumerate(_with_target(videos[split])):
            part = root / ('TEST' if split == 'val' else f'TRAIN_{number % NUM_PARTS}')
            link_frames(video, part / 'frames' / video.name, '{}.jpg')
            boxes = _boxes(track)[: 1 if split == 'val' else None]
            write_text([box_lines(boxes)], part / 'anno' / f'{video.name}.txt')


def _with_target(
    videos: Sequence[LabelledVideo],
) -> Iterator[tuple[LabelledVideo, Track]]:
    return ((video, track) for video in videos if (track := video.target()))


def _boxes(track: Track) -> np.ndarray:
    """(T, 4) xywh, whole pixels; zeros where the target is not visible."""
    return np.array([box or [0, 0, 0, 0] for box in track.boxes_xywh])


def _write_lasot_video(folder: Path, video: LabelledVideo, track: Track) -> None:
    link_frames(video, folder / 'img', '{:08d}.jpg', first=1)
    boxes = _boxes(track)
    boxes[track.visible, :2] += 1
    write_text([box_lines(boxes)], folder / 'groundtruth.txt')
    occluded = ~track.visible & ~track.outside
    for name, flags in (('full_occlusion', occluded), ('out_of_view', track.outside)):
        write_text([','.join(map(str, flags.astype(int)))], folder / f'{name}.txt')
    texts = [expression.text for expression in track.expressions]
    write_text([*texts, track.words['category']][:1], folder / 'nlp.txt')
