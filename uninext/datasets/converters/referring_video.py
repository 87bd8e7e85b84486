"""Convert sets of sentences about objects in videos: Ref-YouTube-VOS and Ref-DAVIS.

Files of sentences and folders of indexed masks in; the shared video JSON out. For
training, one record of ``videos`` is one referred object with all its sentences.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uninext.datasets.annotation_file import DatasetError
from uninext.datasets.converters.files import load_json, tracked
from uninext.datasets.converters.mask_folders import MaskVideo, read_mask_video
from uninext.datasets.converters.video_json import (
    Track,
    VideoConversion,
    VideoJson,
    require,
)
from uninext.structures import clean_expression

MIN_FRAMES = 2  # an object must be seen twice to make a pair
REF_YOUTUBE_VOS_LAYOUT = (
    'the Ref-YouTube-VOS download: {train,valid}/JPEGImages/<video>/00000.jpg, '
    'train/Annotations/<video>/00000.png and '
    'meta_expressions/{train,valid,test}/meta_expressions.json'
)


def convert_referred_objects(
    meta_file: Path,
    images: Path,
    masks: Path,
    out_file: Path,
    binary: bool = False,
    strict: bool = False,
    progress: bool = True,
) -> VideoConversion:
    """Write one record per referred object, for training.

    A record has the frames in which the object is visible and all its sentences;
    objects that are visible in fewer than two frames are left out.

    Args:
        meta_file: meta_expressions.json: ``videos`` -> name -> ``frames`` and
            ``expressions`` -> id -> ``exp``, ``obj_id``.
        images: Folder with ``<video>/<frame>.jpg``.
        masks: Folder with ``<video>/<frame>.png``, pixel values ``obj_id``.
        out_file: JSON to write.
        binary: All that is not black is object 1 (DAVIS 2016).
        strict: Raise at the first thing that has to be skipped.
        progress: Show a progress bar in a terminal.

    Raises:
        DatasetError: If the download is not what was expected.
    """
    require(images, REF_YOUTUBE_VOS_LAYOUT)
    require(masks, REF_YOUTUBE_VOS_LAYOUT)
    out = VideoJson(strict=strict)
    videos = _videos_of(meta_file)
    for name, record in tracked(list(videos.items()), 'videos', progress):
        sentences = _sentences(name, record, out.conversion)
        video = read_mask_video(
            images, masks, name, out.conversion, record.get('frames'), binary
        )
        if video is None:
            continue
        for number, expressions in sentences.items():
            _add_object(out, video, number, expressions)
    return out.save(out_file)


def _add_object(
    out: VideoJson, video: MaskVideo, number: int, expressions: list[str]
) -> None:
    where = f'{video.name} object {number}'
    track = video.tracks.get(number)
    if track is None:
        out.conversion.skip('referred object without a mask', where)
        return
    seen = [i for i, box in enumerate(track.bboxes) if box is not None]
    if len(seen) < MIN_FRAMES:
        out.conversion.skip('referred object that is visible in one frame only', where)
        return
    kept = Track(
        bboxes=[track.bboxes[i] for i in seen],
        segmentations=[track.segmentations[i] for i in seen],
        extra=track.extra,
    )
    out.add(
        [video.file_names[i] for i in seen],
        video.size_wh,
        [kept],
        name=video.name,
        expressions=expressions,
    )


def _videos_of(meta_file: Path) -> dict[str, dict[str, Any]]:
    require(meta_file, REF_YOUTUBE_VOS_LAYOUT)
    content = load_json(meta_file)
    videos = content.get('videos') if isinstance(content, dict) else None
    if not isinstance(videos, dict):
        raise DatasetError(
            f'{meta_file} has no object "videos". Expected: {REF_YOUTUBE_VOS_LAYOUT}.'
        )
    return videos


def _sentences(
    name: str, record: dict[str, Any], conversion: VideoConversion
) -> dict[int, list[str]]:
    """Object number -> its different sentences."""
    sentences: dict[int, list[str]] = {}
    for key, expression in record.get('expressions', {}).items():
        text = expression['exp'].strip()
        if not clean_expression(text).strip():
            conversion.skip('sentence without a word', f'{name} expression {key}')
            continue
        known = sentences.setdefault(int(expression['obj_id']), [])
        if text not in known:
            known.append(text)
    return sentences
