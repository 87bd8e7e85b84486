"""Convert sets of expressions about objects in videos: Ref-YouTube-VOS and Ref-DAVIS.

For training, one record of ``videos`` is one referred object with all its expressions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uninext.converters.mask_folders import MaskVideo, read_mask_video
from uninext.converters.video_json import (
    Track,
    VideoConversion,
    VideoJson,
    require,
    video_converter,
)
from uninext.converters.video_objects import davis_videos
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import read_json
from uninext.utils.text import clean_expression

MIN_FRAMES = 2  # an object must be seen twice to make a pair
REF_YOUTUBE_VOS_LAYOUT = (
    'the Ref-YouTube-VOS download: {train,valid}/JPEGImages/<video>/00000.jpg, '
    'train/Annotations/<video>/00000.png and '
    'meta_expressions/{train,valid,test}/meta_expressions.json'
)

REF_DAVIS_LAYOUT = (
    'the Ref-DAVIS download: davis_text_annotations/Davis17_annot1.txt and so on, and '
    'DAVIS/ with JPEGImages/480p, Annotations_unsupervised/480p (or Annotations/480p) '
    'and ImageSets/2017/val.txt'
)
# two annotators saw the first frame or the full video
REF_DAVIS_FILES = {
    'annot1-first': 'Davis17_annot1.txt',
    'annot1-full': 'Davis17_annot1_full_video.txt',
    'annot2-first': 'Davis17_annot2.txt',
    'annot2-full': 'Davis17_annot2_full_video.txt',
}
_MISSPELT = {
    'clasic-car': 'classic-car',
    'dog-scale': 'dogs-scale',
    'motor-bike': 'motorbike',
}


def add_referred_objects(
    meta_file: Path, out: VideoJson, images: Path, masks: Path, binary: bool = False
) -> None:
    """Add one record per referred object, for training.

    A record has the frames in which the object is visible and all its expressions;
    objects that are visible in fewer than two frames are left out.

    Args:
        meta_file: meta_expressions.json: ``videos`` -> name -> ``frames`` and
            ``expressions`` -> id -> ``exp``, ``obj_id``.
        out: Collects the records.
        images: Folder with ``<video>/<frame>.jpg``.
        masks: Folder with ``<video>/<frame>.png``, pixel values ``obj_id``.
        binary: All that is not black is object 1 (DAVIS 2016).
    """
    require(images, REF_YOUTUBE_VOS_LAYOUT)
    require(masks, REF_YOUTUBE_VOS_LAYOUT)
    videos = _videos_of(meta_file)
    for name, record in out.each(list(videos.items()), 'videos'):
        expressions = _expressions(name, record, out.conversion)
        video = read_mask_video(
            images, masks, name, out.conversion, record.get('frames'), binary
        )
        if video is not None:
            for number, texts in expressions.items():
                _add_object(out, video, number, texts)


convert_referred_objects = video_converter()(add_referred_objects)


@video_converter()
def convert_ref_youtube_vos(root: Path, out: VideoJson, split: str = 'train') -> None:
    """Convert a split of Ref-YouTube-VOS.

    ``train``: as :func:`add_referred_objects`. Other splits have no public masks:
    one record per expression, with ``video`` and ``exp_id``, by which results are
    filed. The file of ``valid`` lists the videos of ``test`` too; where the file of
    ``test`` is there, they are left out (202 videos remain).
    """
    meta_file = root / 'meta_expressions' / split / 'meta_expressions.json'
    images = root / split / 'JPEGImages'
    if split == 'train':
        add_referred_objects(meta_file, out, images, root / split / 'Annotations')
        return
    require(images, REF_YOUTUBE_VOS_LAYOUT)
    videos = _videos_of(meta_file)
    test_file = root / 'meta_expressions' / 'test' / 'meta_expressions.json'
    if split == 'valid' and test_file.is_file():
        for name in sorted(set(videos) & set(_videos_of(test_file))):
            del videos[name]
            out.conversion.skip('video of the test split', name, fault=False)
    for name, record in out.each(list(videos.items()), 'videos'):
        video = read_mask_video(
            images, None, name, out.conversion, record.get('frames')
        )
        if video is None:
            continue
        for exp_id, expression in record.get('expressions', {}).items():
            out.add(
                video.file_names,
                video.size_wh,
                [],
                require_object=False,
                name=f'{name}/{exp_id}',
                video=name,
                exp_id=exp_id,
                expressions=[expression['exp'].strip()],
            )


@video_converter()
def convert_ref_davis(root: Path, out: VideoJson, split: str = 'annot1-first') -> None:
    """Convert the validation videos of Ref-DAVIS with the expressions of one annotator.

    One record per video; its ``expressions`` and ``object_ids`` are those of its
    objects, and the annotations are the objects, with all masks, in the same order.

    Args:
        root: Folder with ``davis_text_annotations/`` and ``DAVIS/``.
        out: Collects the videos.
        split: One of :data:`REF_DAVIS_FILES`.
    """
    text_file = root / 'davis_text_annotations' / REF_DAVIS_FILES[split]
    expressions = read_davis_expressions(require(text_file, REF_DAVIS_LAYOUT))
    davis = require(root / 'DAVIS', REF_DAVIS_LAYOUT)
    images = require(davis / 'JPEGImages' / '480p', REF_DAVIS_LAYOUT)
    masks = davis / 'Annotations_unsupervised' / '480p'
    if not masks.is_dir():
        masks = require(davis / 'Annotations' / '480p', REF_DAVIS_LAYOUT)
    for name in out.each(davis_videos(davis, '2017', 'val'), 'videos'):
        of_video = expressions.get(name)
        if not of_video:
            out.conversion.skip('video without an expression', name)
            continue
        video = read_mask_video(images, masks, name, out.conversion)
        if video is None:
            continue
        for number in sorted(set(of_video) - set(video.tracks)):
            del of_video[number]
            where = f'{name} object {number}'
            out.conversion.skip('referred object without a mask', where)
        numbers = sorted(of_video)
        out.add(
            video.file_names,
            video.size_wh,
            [video.tracks[number] for number in numbers],
            name=name,
            object_ids=numbers,
            expressions=[of_video[number] for number in numbers],
        )


def read_davis_expressions(path: Path) -> dict[str, dict[int, str]]:
    """Read lines of video, object number and expression in quotes.

    Returns:
        Video -> object number -> expression. The names that the files misspell are put
        right.

    Raises:
        DatasetError: If a line is not of this form.
    """
    data = path.read_bytes()
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError:  # the second annotator's files
        text = data.decode('latin-1')
    videos: dict[str, dict[int, str]] = {}
    for position, line in enumerate(text.splitlines(), start=1):
        words = line.split(maxsplit=2)
        if not words:
            continue
        if len(words) < 3 or not words[1].isdigit():
            raise DatasetError(
                f'{path}, line {position}: "{line}" is not a video, the number of an '
                'object and an expression in quotes.'
            )
        name = _MISSPELT.get(words[0], words[0])
        expression = ' '.join(words[2].split()).strip('"').strip()
        videos.setdefault(name, {})[int(words[1])] = expression
    return videos


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
        reason = 'referred object that is not visible in two frames'
        out.conversion.skip(reason, where, fault=False)
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
    content = read_json(meta_file)
    videos = content.get('videos') if isinstance(content, dict) else None
    if not isinstance(videos, dict):
        raise DatasetError(
            f'{meta_file} has no object "videos". Expected: {REF_YOUTUBE_VOS_LAYOUT}.'
        )
    return videos


def _expressions(
    name: str, record: dict[str, Any], conversion: VideoConversion
) -> dict[int, list[str]]:
    """Object number -> its different expressions."""
    expressions: dict[int, list[str]] = {}
    for key, expression in record.get('expressions', {}).items():
        text = expression['exp'].strip()
        if not clean_expression(text).strip():
            reason, example = 'expression without a word', f'{name} expression {key}'
            conversion.skip(reason, example, fault=False)
            continue
        known = expressions.setdefault(int(expression['obj_id']), [])
        if text not in known:
            known.append(text)
    return expressions
