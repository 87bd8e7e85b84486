"""Videos with all objects in one JSON file: YouTube-VIS 2019 and 2021, and OVIS.

Labelled videos in; folders of frames and annotation files, which need no converter,
out. Unlike the downloads, ``val`` has its annotations, so that it can be evaluated
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from uninext.shapes.layouts.files import link_frames, write_json
from uninext.shapes.video_labels import LabelledVideo, Track
from uninext.shapes.vocabulary import CATEGORIES

Videos = Mapping[str, Sequence[LabelledVideo]]


@dataclass(frozen=True)
class _Places:
    """Where a set keeps the file and the frames of a split."""

    annotations: dict[str, str]
    images: dict[str, str]


_PLACES = {
    'ytvis_2019': _Places(
        {
            'train': 'annotations/instances_train_sub.json',
            'val': 'annotations/instances_val_sub.json',
        },
        {'train': 'train/JPEGImages', 'val': 'valid/JPEGImages'},
    ),
    'ytvis_2021': _Places(
        {'train': 'train/instances.json', 'val': 'valid/instances.json'},
        {'train': 'train/JPEGImages', 'val': 'valid/JPEGImages'},
    ),
    'ovis': _Places(
        {'train': 'annotations_train.json', 'val': 'annotations_valid.json'},
        {'train': 'train', 'val': 'valid'},
    ),
}


def write_ytvis_2019(root: Path, videos: Videos) -> None:
    """Write YouTube-VIS 2019."""
    _write(root, videos, _PLACES['ytvis_2019'])


def write_ytvis_2021(root: Path, videos: Videos) -> None:
    """Write YouTube-VIS 2021."""
    _write(root, videos, _PLACES['ytvis_2021'])


def write_ovis(root: Path, videos: Videos) -> None:
    """Write OVIS."""
    _write(root, videos, _PLACES['ovis'])


def _write(root: Path, videos: Videos, places: _Places) -> None:
    for split, path in places.annotations.items():
        records: list[dict] = []
        annotations: list[dict] = []
        for video_id, video in enumerate(videos[split], start=1):
            folder = root / places.images[split] / video.name
            names = link_frames(video, folder)
            records.append(
                {
                    'id': video_id,
                    'width': video.size_wh[0],
                    'height': video.size_wh[1],
                    'length': len(video),
                    'file_names': [f'{video.name}/{name}' for name in names],
                }
            )
            for track in video.tracks:
                annotations.append(
                    {
                        'id': len(annotations) + 1,
                        'video_id': video_id,
                        **_annotation(track, video.size_wh),
                    }
                )
        categories = [
            {'id': i, 'name': name, 'supercategory': 'object'}
            for i, name in enumerate(CATEGORIES, start=1)
        ]
        content = {
            'info': {'description': 'Shapes'},
            'videos': records,
            'annotations': annotations,
            'categories': categories,
        }
        write_json(root / path, content)


def _annotation(track: Track, size_wh: tuple[int, int]) -> dict:
    areas = [None if box is None else box[2] * box[3] for box in track.boxes_xywh]
    return {
        'category_id': CATEGORIES.index(track.words['category']) + 1,
        'iscrowd': 0,
        'width': size_wh[0],
        'height': size_wh[1],
        'length': len(track.masks),
        'bboxes': list(track.boxes_xywh),
        'segmentations': list(track.masks),
        'areas': areas,
    }
