"""Write MOT17 (MOT16, MOT20) as a file of videos with one box track per person.

The benchmark's folders in; the video JSON that the video datasets read out.
"""

from __future__ import annotations

import configparser
import csv
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from uninext.datasets.annotation_file import DatasetError
from uninext.datasets.converters.files import tracked, write_json

# Classes of gt.txt, as the benchmark's own evaluation reads them: persons who walk are
# the targets; whoever is found where one of the distractors is, is neither right nor
# wrong; all other classes (cars, occluders, ...) are plain background.
PEDESTRIAN = 1
DISTRACTORS = {
    2: 'person on vehicle',
    7: 'static person',
    8: 'distractor',
    12: 'reflection',
}
CATEGORIES = [dict(id=1, name='pedestrian')]

_LAYOUT = (
    'Expected the folders of the MOT challenge: '
    'ROOT/train/<sequence>/{img1/000001.jpg, gt/gt.txt, seqinfo.ini}.'
)


@dataclass
class MOTConversion:
    """What a conversion read and left out.

    Attributes:
        num_videos: Sequences written.
        num_frames: Of all sequences, those that are on the disk.
        num_tracks: Tracks of targets.
        num_boxes: Boxes of targets.
        num_ignored_boxes: Boxes written with ``iscrowd`` 1.
        skipped: Reason -> count.
    """

    num_videos: int = 0
    num_frames: int = 0
    num_tracks: int = 0
    num_boxes: int = 0
    num_ignored_boxes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def summary(self, title: str) -> str:
        """A few lines for people: kept, skipped and why."""
        lines = [
            f'{title}: {self.num_videos} videos, {self.num_frames} frames, '
            f'{self.num_tracks} tracks with {self.num_boxes} boxes, '
            f'{self.num_ignored_boxes} boxes to be ignored'
        ]
        lines += [f'  skipped {n}: {why}' for why, n in sorted(self.skipped.items())]
        return '\n'.join(lines)


class _Row(NamedTuple):
    frame: int
    track: int
    box: tuple[float, float, float, float]  # x, y, width, height in pixels
    considered: bool
    kind: int
    visibility: float


class _Sequence(NamedTuple):
    frames: dict[int, str]  # number, from 1 -> file name below the root
    width: int
    height: int


def convert_mot_challenge(
    root: str | Path,
    out_file: str | Path,
    split: str = 'train',
    min_visibility: float = 0.0,
    strict: bool = False,
    progress: bool = True,
) -> MOTConversion:
    """Convert the sequences of one split.

    A target is a pedestrian that the ground truth says to consider. Pedestrians that
    it says not to consider, and what the benchmark calls distractors, are written with
    ``iscrowd`` 1. Boxes are those of gt.txt, without a shift by the 1 at which its
    pixels start (as published trackers train and are judged), cut to the frame. MOT17
    holds each sequence three times, for three detectors: it is read once.

    Args:
        root: Folder of the download. File names are written relative to it.
        out_file: File to write.
        split: Folder of the sequences below ``root``; '' if they lie in ``root``.
        min_visibility: Boxes of targets that are visible to a smaller part, from 0 to
            1, are written with ``iscrowd`` 1.
        strict: Raise instead of counting, where annotated frames are not on the disk.
        progress: Show a progress bar.

    Returns:
        What was read and what was skipped.

    Raises:
        DatasetError: If the folders or files are not those of the benchmark.
    """
    root = Path(root)
    conversion = MOTConversion()
    videos: list[dict] = []
    annotations: list[dict] = []
    folders = _sequence_folders(root / split, conversion)
    for folder in tracked(folders, 'sequences', progress):
        sequence = _read_sequence(folder, root)
        video = dict(
            id=len(videos) + 1,
            name=folder.name,
            width=sequence.width,
            height=sequence.height,
            length=len(sequence.frames),
            file_names=list(sequence.frames.values()),
        )
        videos.append(video)
        conversion.num_frames += len(sequence.frames)
        truth = folder / 'gt' / 'gt.txt'
        if not truth.is_file():
            conversion.skipped['sequence without gt.txt: written without tracks'] += 1
            continue
        tracks = _read_tracks(truth, sequence, min_visibility, strict, conversion)
        for (_, ignored), bboxes in tracks.items():
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    video_id=video['id'],
                    category_id=PEDESTRIAN,
                    iscrowd=int(ignored),
                    bboxes=bboxes,
                )
            )
            num_boxes = sum(box is not None for box in bboxes)
            conversion.num_tracks += not ignored
            conversion.num_boxes += 0 if ignored else num_boxes
            conversion.num_ignored_boxes += num_boxes if ignored else 0
    conversion.num_videos = len(videos)
    write_json(
        dict(videos=videos, annotations=annotations, categories=CATEGORIES),
        Path(out_file),
    )
    return conversion


def _sequence_folders(folder: Path, conversion: MOTConversion) -> list[Path]:
    """Folders with frames; of the copies for several detectors the first one."""
    if not folder.is_dir():
        raise DatasetError(f'The folder {folder} does not exist. {_LAYOUT}')
    chosen: dict[str, Path] = {}
    for sequence in sorted(path for path in folder.iterdir() if path.is_dir()):
        name = re.sub(r'-(DPM|FRCNN|SDP)$', '', sequence.name)
        if name in chosen:
            conversion.skipped['same sequence, prepared for another detector'] += 1
        elif not (sequence / 'img1').is_dir():
            conversion.skipped['folder without img1/'] += 1
        else:
            chosen[name] = sequence
    if not chosen:
        raise DatasetError(f'No sequence lies in {folder}. {_LAYOUT}')
    return list(chosen.values())


def _read_sequence(folder: Path, root: Path) -> _Sequence:
    images = {
        int(path.stem): path
        for path in sorted((folder / 'img1').iterdir())
        if path.stem.isdigit() and path.suffix.lower() in ('.jpg', '.jpeg', '.png')
    }
    if not images:
        raise DatasetError(f'{folder / "img1"} holds no frame. {_LAYOUT}')
    frames = {n: images[n].relative_to(root).as_posix() for n in sorted(images)}
    info = configparser.ConfigParser()
    try:
        info.read(folder / 'seqinfo.ini', encoding='utf-8')
        width = info.getint('Sequence', 'imWidth')
        height = info.getint('Sequence', 'imHeight')
    except configparser.NoSectionError:  # no such file
        with Image.open(next(iter(images.values()))) as image:
            width, height = image.size
    except (configparser.Error, ValueError, UnicodeDecodeError) as error:
        raise DatasetError(
            f'{folder / "seqinfo.ini"} has no imWidth and imHeight: {error}. Restore '
            'it, or remove it to take the size from the first frame.'
        ) from error
    return _Sequence(frames, width, height)


def _read_tracks(
    truth: Path,
    sequence: _Sequence,
    min_visibility: float,
    strict: bool,
    conversion: MOTConversion,
) -> dict[tuple[int, bool], list[list[float] | None]]:
    """(Track id, to be ignored) -> [x, y, w, h] or None for each frame there is."""
    place_of = {number: place for place, number in enumerate(sequence.frames)}
    tracks: dict[tuple[int, bool], list[list[float] | None]] = {}
    for row in _read_rows(truth):
        place = place_of.get(row.frame)
        box = _cut(row.box, sequence.width, sequence.height)
        if row.kind != PEDESTRIAN and row.kind not in DISTRACTORS:
            conversion.skipped['box of neither a person nor a distractor'] += 1
        elif place is None:
            if strict:
                raise DatasetError(
                    f'{truth} annotates frame {row.frame}, which is not in '
                    f'{truth.parent.parent / "img1"}. Complete the download, or '
                    'convert without strict to use the frames that exist.'
                )
            conversion.skipped['box in a frame that is not on the disk'] += 1
        elif box is None:
            conversion.skipped['box outside the frame or empty'] += 1
        else:
            ignored = row.kind != PEDESTRIAN or not row.considered
            ignored = ignored or row.visibility < min_visibility
            track = tracks.setdefault((row.track, ignored), [None] * len(place_of))
            track[place] = box
    return tracks


def _read_rows(truth: Path) -> list[_Row]:
    rows = []
    with truth.open(newline='', encoding='utf-8') as file:
        for number, cells in enumerate(csv.reader(file), start=1):
            if not cells:
                continue
            try:
                frame, track, x, y, width, height, flag, kind = map(float, cells[:8])
                visibility = float(cells[8]) if len(cells) > 8 else 1.0
                values = (frame, track, x, y, width, height, flag, kind, visibility)
                if not all(map(math.isfinite, values)):
                    raise ValueError('a number is not finite')
            except ValueError as error:
                raise DatasetError(
                    f'{truth}, line {number}: expected frame, id, x, y, width, height, '
                    f'consider, class, visibility; got {",".join(cells)!r} ({error}).'
                ) from error
            box = (x, y, width, height)
            rows.append(
                _Row(int(frame), int(track), box, flag != 0, int(kind), visibility)
            )
    return rows


def _cut(
    box_xywh: tuple[float, float, float, float], width: int, height: int
) -> list[float] | None:
    """The part inside the frame; None if there is none."""
    x1, y1 = max(box_xywh[0], 0), max(box_xywh[1], 0)
    x2 = min(box_xywh[0] + box_xywh[2], width)
    y2 = min(box_xywh[1] + box_xywh[3], height)
    if x2 <= x1 or y2 <= y1:
        return None
    return [x1, y1, x2 - x1, y2 - y1]
