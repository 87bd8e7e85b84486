"""Videos of BDD100K: box_track_20 and seg_track_20, in the Scalabel layout.

Labelled videos in; folders of frames and a JSON file a video out. The categories are
those of the shapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from uninext.shapes.layouts.files import link_frames, write_json
from uninext.shapes.layouts.image_sets import box2d
from uninext.shapes.video_labels import LabelledVideo

Videos = Mapping[str, Sequence[LabelledVideo]]
# Set -> folder of the frames, folder of the labels, whether it has masks.
SETS = {
    'box_track': ('images/track', 'labels/box_track_20', False),
    'seg_track': ('images/seg_track_20', 'labels/seg_track_20/rles', True),
}


def write_bdd100k_videos(root: Path, videos: Videos) -> None:
    """Write ``box_track_20`` and ``seg_track_20`` of the same videos."""
    for images, labels, with_masks in SETS.values():
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
                write_json(root / labels / split / f'{video.name}.json', frames)


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
