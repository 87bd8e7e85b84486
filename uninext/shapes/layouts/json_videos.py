"""Videos with all objects in JSON files: YouTube-VIS, OVIS, and videos of BDD100K.

Labelled videos in; folders of frames and JSON files, of the categories of the shapes,
out. Those of YouTube-VIS and OVIS need no converter; unlike the downloads, ``val`` has
its annotations, so that it can be evaluated here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uninext.formats.json_file import write_json
from uninext.shapes.layouts.files import Videos, link_frames
from uninext.shapes.layouts.image_sets import box2d
from uninext.shapes.video_labels import LabelledVideo, Track
from uninext.shapes.vocabulary import CATEGORIES

# Set -> split -> file of annotations, folder of frames.
INSTANCE_SETS = {
    'ytvis_2019': {
        'train': ('annotations/instances_train_sub.json', 'train/JPEGImages'),
        'val': ('annotations/instances_val_sub.json', 'valid/JPEGImages'),
    },
    'ytvis_2021': {
        'train': ('train/instances.json', 'train/JPEGImages'),
        'val': ('valid/instances.json', 'valid/JPEGImages'),
    },
    'ovis': {
        'train': ('annotations_train.json', 'train'),
        'val': ('annotations_valid.json', 'valid'),
    },
}
# Set of BDD100K -> folder of the frames, folder of the labels, whether it has masks.
BDD100K_SETS = {
    'box_track': ('images/track', 'labels/box_track_20', False),
    'seg_track': ('images/seg_track_20', 'labels/seg_track_20/rles', True),
}


def write_instances(name: str, root: Path, videos: Videos) -> None:
    """Write one of ``INSTANCE_SETS``."""
    for split, (path, images) in INSTANCE_SETS[name].items():
        records: list[dict] = []
        annotations: list[dict] = []
        for video_id, video in enumerate(videos[split], start=1):
            names = link_frames(video, root / images / video.name)
            size = {'width': video.size_wh[0], 'height': video.size_wh[1]}
            size['length'] = len(video)
            files = [f'{video.name}/{name}' for name in names]
            records.append({'id': video_id, **size, 'file_names': files})
            for track in video.tracks:
                ids = {'id': len(annotations) + 1, 'video_id': video_id}
                annotations.append({**ids, **_annotation(track, size)})
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
        write_json(content, root / path)


def write_bdd100k_videos(root: Path, videos: Videos) -> None:
    """Write ``box_track_20`` and ``seg_track_20`` of the same videos."""
    for images, labels, with_masks in BDD100K_SETS.values():
        for split in ('train', 'val'):
            for video in videos[split]:
                folder = root / images / split / video.name
                pattern = video.name + '-{:07d}.jpg'
                names = link_frames(video, folder, pattern, first=1)
                frames = [
                    {
                        'name': name,
                        'videoName': video.name,
                        'frameIndex': index,
                        'labels': _labels(video, index, with_masks),
                    }
                    for index, name in enumerate(names)
                ]
                write_json(frames, root / labels / split / f'{video.name}.json')


def _annotation(track: Track, size: dict[str, int]) -> dict[str, Any]:
    areas = [None if box is None else box[2] * box[3] for box in track.boxes_xywh]
    return {
        'category_id': CATEGORIES.index(track.words['category']) + 1,
        'iscrowd': 0,
        **size,
        'bboxes': track.boxes_xywh,
        'segmentations': track.masks,
        'areas': areas,
    }


def _labels(video: LabelledVideo, index: int, with_masks: bool) -> list[dict]:
    labels = []
    for track in video.tracks:
        box = track.boxes_xywh[index]
        if box is None:
            continue
        label: dict[str, Any] = {
            'id': str(track.id),
            'category': track.words['category'],
            'attributes': {
                'occluded': bool(track.visibility[index] < 0.9),
                'truncated': False,
                'crowd': False,
            },
            'box2d': box2d(box),
        }
        if with_masks:
            label['rle'] = track.masks[index]
        labels.append(label)
    return labels
