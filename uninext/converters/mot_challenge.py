"""Write MOT17 (MOT16, MOT20) as a file of videos with one box track per person."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from PIL import Image

from uninext.converters.video_json import (
    Track,
    VideoConversion,
    VideoJson,
    video_converter,
)
from uninext.formats.errors import DatasetError
from uninext.formats.mot_text import CLASS, CONSIDERED, read_mot
from uninext.utils.image_files import list_images, turned_size_wh

# Classes of gt.txt: persons who walk are the targets. All others are written too, since
# the benchmark's evaluation matches predictions with them.
PEDESTRIAN = 1
NUM_CLASSES = 13
VISIBILITY = LEAST_COLUMNS = 8  # its column, from 0; how many there are without it
MOST_COLUMNS = 9  # with ten, the last three are a place in the world (MOT15)

_LAYOUT = (
    'Expected the folders of the MOT challenge: '
    'ROOT/train/<sequence>/{img1/000001.jpg, gt/gt.txt, seqinfo.ini}.'
)


@video_converter('pedestrian')
def convert_mot_challenge(
    root: Path, out: VideoJson, split: str = 'train', min_visibility: float = 0.0
) -> None:
    """Convert the sequences of one split.

    A target is a pedestrian that the ground truth says to consider; all else is written
    with ``iscrowd`` 1, so that nothing learns from it. For the evaluation, every
    annotation has ``considered`` (0 or 1), ``mot_class`` (1 to 13) and ``object_id``,
    the id of gt.txt. Boxes are those of gt.txt, not cut to the frame (datasets cut them
    for training), without a shift by the 1 at which its pixels start (as published
    trackers train and are evaluated). MOT17 holds each sequence three times, for three
    detectors: it is read once.

    Args:
        root: Folder of the download. File names are written relative to it.
        out: Collects the videos; strict: raises where annotated frames are not on disk.
        split: Folder of the sequences below ``root``; '' if they lie in ``root``.
        min_visibility: Boxes of targets that are visible to a smaller part, from 0 to
            1, are written with ``iscrowd`` 1.
    """
    for folder in out.each(_sequence_folders(root / split), 'sequences'):
        images = _images_of(folder)
        ground_truth = folder / 'gt' / 'gt.txt'
        given = ground_truth, list(images), min_visibility, out.conversion
        out.add(
            [path.relative_to(root).as_posix() for path in images.values()],
            _size_wh(folder, next(iter(images.values()))),
            _read_tracks(*given) if ground_truth.is_file() else [],
            require_object=False,
            name=folder.name,
        )


def _sequence_folders(folder: Path) -> list[Path]:
    """Folders with frames; of the copies for several detectors the first one."""
    if not folder.is_dir():
        raise DatasetError(f'The folder {folder} does not exist. {_LAYOUT}')
    chosen: dict[str, Path] = {}
    for sequence in sorted(path for path in folder.iterdir() if path.is_dir()):
        name = re.sub(r'-(DPM|FRCNN|SDP)$', '', sequence.name)
        if (sequence / 'img1').is_dir():
            chosen.setdefault(name, sequence)
    if not chosen:
        raise DatasetError(f'No sequence lies in {folder}. {_LAYOUT}')
    return list(chosen.values())


def _images_of(folder: Path) -> dict[int, Path]:
    """Number of a frame, from 1 -> its image, in order."""
    images = {
        int(path.stem): path
        for path in list_images(folder / 'img1')
        if path.stem.isdigit()
    }
    if not images:
        raise DatasetError(f'{folder / "img1"} holds no frame. {_LAYOUT}')
    return dict(sorted(images.items()))


def _size_wh(folder: Path, first_frame: Path) -> tuple[int, int]:
    info = configparser.ConfigParser()
    try:
        info.read(folder / 'seqinfo.ini', encoding='utf-8')
        section = info['Sequence']
        return int(section['imWidth']), int(section['imHeight'])
    except KeyError as error:
        if 'Sequence' not in info:  # no such file
            with Image.open(first_frame) as image:
                return turned_size_wh(image)
        reason: Exception = error
    except (configparser.Error, ValueError) as error:
        reason = error
    raise DatasetError(
        f'{folder / "seqinfo.ini"} has no imWidth and imHeight: {reason}. Restore it, '
        'or remove it to take the size from the first frame.'
    )


def _read_tracks(
    ground_truth: Path,
    frames: list[int],
    min_visibility: float,
    conversion: VideoConversion,
) -> list[Track]:
    place_of = {number: place for place, number in enumerate(frames)}
    tracks: dict[tuple[int, int, bool, bool], Track] = {}
    seen: set[tuple[int, int]] = set()
    table = read_mot(ground_truth)
    for values, num, line in zip(table.rows.tolist(), table.num_columns, table.lines):
        if problem := _problem_of(values[CLASS], num):
            raise DatasetError(
                f'{ground_truth}, line {line}: expected frame, id, x, y, width, '
                f'height, consider, class, visibility; {problem}.'
            )
        frame, identity, kind = int(values[0]), int(values[1]), int(values[CLASS])
        if (frame, identity) in seen:
            raise DatasetError(
                f'{ground_truth}, frame {frame}: the id {identity} is there twice. An '
                'object has one box in a frame.'
            )
        seen.add((frame, identity))
        if frame not in place_of:
            where = f'{ground_truth}, frame {frame}'
            conversion.skip('box in a frame that is not on the disk', where)
            continue
        considered = values[CONSIDERED] != 0
        visibility = values[VISIBILITY] if num > LEAST_COLUMNS else 1.0
        target = kind == PEDESTRIAN and considered and visibility >= min_visibility
        key = (identity, kind, considered, target)
        if key not in tracks:
            tracks[key] = Track(
                bboxes=[None] * len(place_of),
                iscrowd=int(not target),
                extra=dict(
                    object_id=identity, considered=int(considered), mot_class=kind
                ),
            )
        tracks[key].bboxes[place_of[frame]] = values[2:6]
    return list(tracks.values())


def _problem_of(kind: float, num_columns: int) -> str | None:
    if num_columns > MOST_COLUMNS:
        return f'got {num_columns} columns, as in MOT15, which has no classes'
    if num_columns < LEAST_COLUMNS:
        return f'got {num_columns} columns'
    if kind % 1 or not 1 <= kind <= NUM_CLASSES:
        return f'the class must be 1 to {NUM_CLASSES}, got {kind:g}'
    return None
