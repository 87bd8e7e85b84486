"""Convert sets for tracking given objects by masks: DAVIS and YouTube-VOS.

One annotation an object, with its masks and the boxes around them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from uninext.converters.mask_folders import MaskVideo, read_mask_video
from uninext.converters.video_json import (
    Track,
    VideoJson,
    require,
    video_converter,
)
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import read_json

DAVIS_LAYOUT = (
    'the DAVIS download: JPEGImages/480p/<video>/00000.jpg, '
    'Annotations/480p/<video>/00000.png and ImageSets/<year>/<split>.txt'
)
YOUTUBE_VOS_LAYOUT = (
    'the YouTube-VOS download: {train,valid}/ with JPEGImages/<video>/00000.jpg, '
    'Annotations/<video>/00000.png and meta.json'
)


@video_converter()
def convert_davis(
    root: Path,
    out: VideoJson,
    year: str = '2017',
    split: str = 'val',
    first_mask_only: bool = False,
) -> None:
    """Convert DAVIS 2016 or 2017.

    The file serves object tracking (an annotation is a target) and instance
    segmentation with the one class ``object`` alike.

    Args:
        root: Folder of the download.
        out: Collects the videos.
        year: ``2016``: all that is not black is one object; ``2017``: the pixel values
            are the objects.
        split: ``train``, ``val`` or another list of ImageSets.
        first_mask_only: Keep the first mask of an object, as in a test.
    """
    images = require(root / 'JPEGImages' / '480p', DAVIS_LAYOUT)
    masks = require(root / 'Annotations' / '480p', DAVIS_LAYOUT)
    for name in out.each(davis_videos(root, year, split), 'videos'):
        video = read_mask_video(
            images,
            masks,
            name,
            out.conversion,
            binary=year == '2016',
            every_frame_masked=not first_mask_only,
        )
        if video is not None:
            _add(out, video, first_mask_only)


def davis_videos(root: Path, year: str, split: str) -> list[str]:
    """Names of the videos of a split of DAVIS, in the order of its list.

    The list is ImageSets/<year>/<split>.txt; in the first download of 2016 it is
    ImageSets/480p/<split>.txt, which names every frame.

    Raises:
        DatasetError: If there is none.
    """
    folder = root / 'ImageSets'
    candidates = [folder / year / f'{split}.txt']
    if year == '2016':
        candidates.append(folder / '480p' / f'{split}.txt')
    candidates.append(folder / f'{split}.txt')
    for path in candidates:
        if path.is_file():
            lines = [line.split() for line in path.read_text().splitlines()]
            # '/JPEGImages/480p/bear/00000.jpg ...' or 'bear'
            names = [
                Path(words[0]).parent.name if '/' in words[0] else words[0]
                for words in lines
                if words
            ]
            return list(dict.fromkeys(names))
    raise DatasetError(f'{candidates[0]} does not exist. Expected: {DAVIS_LAYOUT}.')


@video_converter()
def convert_youtube_vos(
    root: Path, out: VideoJson, split: str = 'train', all_masks: bool = False
) -> None:
    """Convert YouTube-VOS 2018 or 2019.

    Training videos: every frame with a mask, all objects. Videos of other splits: all
    frames; each object has the mask of the frame in which it is given. Where there is
    ``train/meta.json``, their objects have ``is_seen``: whether their category is one
    of the training set (1) or not (0), which YouTube-VOS's G asks for.

    The published converter leaves out the boxes, so that no sample of this set is ever
    used; here they are the tight boxes of the masks.

    Args:
        root: Folder with ``train/`` and ``valid/``.
        out: Collects the videos.
        split: Folder below ``root``.
        all_masks: Keep all masks, as of training videos: for a split whose ground truth
            is at hand, to evaluate on.
    """
    folder = require(root / split, YOUTUBE_VOS_LAYOUT)
    images = require(folder / 'JPEGImages', YOUTUBE_VOS_LAYOUT)
    masks = require(folder / 'Annotations', YOUTUBE_VOS_LAYOUT)
    meta_file = require(folder / 'meta.json', YOUTUBE_VOS_LAYOUT)
    videos = read_json(meta_file).get('videos', {})
    train = split.startswith('train')
    every_mask = train or all_masks
    seen = None if train else _training_categories(root)
    for name, record in out.each(list(videos.items()), 'videos'):
        video = read_mask_video(
            images, masks, name, out.conversion, every_frame_masked=every_mask
        )
        if video is None:
            continue
        objects = {int(k): v for k, v in record.get('objects', {}).items()}
        for number in sorted(set(objects) - set(video.tracks)):
            reason = 'object of meta.json without a mask'
            out.conversion.skip(reason, f'{name} {number}')
        for number in sorted(set(video.tracks) - set(objects)):
            del video.tracks[number]
            reason = 'object that meta.json does not have'
            out.conversion.skip(reason, f'{name} {number}')
        if seen is not None:
            for number, track in video.tracks.items():
                track.extra['is_seen'] = int(objects[number].get('category') in seen)
        _add(out, video, first_mask_only=not every_mask)


def _training_categories(root: Path) -> set[str] | None:
    """Categories of the training set; None where it is not there."""
    path = root / 'train' / 'meta.json'
    if not path.is_file():
        return None
    return {
        object['category']
        for record in read_json(path).get('videos', {}).values()
        for object in record.get('objects', {}).values()
        if 'category' in object
    }


def _add(out: VideoJson, video: MaskVideo, first_mask_only: bool) -> None:
    tracks: Iterable[Track] = video.tracks.values()
    if first_mask_only:
        for track in tracks:
            first = next(i for i, box in enumerate(track.bboxes) if box is not None)
            for values in (track.bboxes, track.segmentations):
                values[first + 1 :] = [None] * (len(values) - first - 1)
    out.add(video.file_names, video.size_wh, tracks, name=video.name)
