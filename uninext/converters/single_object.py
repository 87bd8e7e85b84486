"""Convert sets for tracking one object by its box: LaSOT, GOT-10k and their like.

One annotation a video. Boxes stay as the files have them (LaSOT and OTB count pixels
from 1), since that is how results are evaluated; null: the target is absent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uninext.converters.video_json import (
    Box,
    Track,
    VideoConversion,
    VideoJson,
    image_size,
    require,
    video_converter,
)
from uninext.formats.box_text import read_boxes, read_flags
from uninext.formats.errors import DatasetError
from uninext.utils.image_files import list_images, natural_key

LASOT_LAYOUT = (
    'the LaSOT download: <class>/<sequence>/ with img/00000001.jpg, groundtruth.txt, '
    'full_occlusion.txt, out_of_view.txt; testing_set.txt beside the classes'
)
GOT10K_LAYOUT = (
    'the GOT-10k download: {train,val,test}/<sequence>/ with 00000001.jpg and '
    'groundtruth.txt; for train and val absence.label and cover.label'
)
TRACKINGNET_LAYOUT = (
    'the TrackingNet download, unpacked: {TRAIN_0,...,TRAIN_11,TEST}/ with '
    'anno/<sequence>.txt and frames/<sequence>/0.jpg'
)
TNL2K_LAYOUT = 'the TNL2K download: <sequence>/ with imgs/*.jpg and groundtruth.txt'
OTB_LAYOUT = 'OTB folders: <sequence>/ with img/0001.jpg and groundtruth_rect.txt'
# The published training uses the first 4 of the 12 parts of TrackingNet.
PUBLISHED_CHUNKS = (0, 1, 2, 3)
# Sequences of OTB whose boxes do not start at the first frame of the folder.
OTB_FIRST_FRAMES = {'David': 300}
_OTB_FILE = re.compile(r'groundtruth_rect(\.\d+)?\.txt')
ABSENT_BOX = 'the file gives no box (NaN, or of no size)'
ABSENT_HIDDEN = 'the target is fully occluded or out of view'
ABSENT_OUTSIDE = 'the box lies outside of the frame'


@dataclass(frozen=True)
class BoxSequence:
    """Where the frames and boxes of a video are.

    Attributes:
        name: Of the video.
        images: Folder of the frames, below the root.
        boxes: Text file with one box a line.
        first_number: Number in the name of the frame of the first box; -1: the
            smallest there is; None: names have no numbers, frames and boxes are paired
            in order and must be as many.
        hidden_files: Files of numbers, one a box: not 0 where the target is hidden.
        visible_files: Files of numbers, one a box: 0 where the target is hidden.
        labels_withheld: Only the first box is public; frames after it are kept.
    """

    name: str
    images: str
    boxes: Path
    first_number: int | None = 1
    hidden_files: tuple[Path, ...] = ()
    visible_files: tuple[Path, ...] = ()
    labels_withheld: bool = False


@video_converter()
def convert_lasot(
    root: Path, out: VideoJson, split: str = 'train', split_file: Path | None = None
) -> None:
    """Convert LaSOT, or its extension (15 classes, for testing only).

    Args:
        root: Folder of the classes.
        out: Collects the videos.
        split: ``test``: the sequences of testing_set.txt; ``train``: all others;
            ``all``: every sequence, for the extension.
        split_file: Names of the wanted sequences, one a line, instead.
    """
    require(root, LASOT_LAYOUT)
    folders = {p.parent.name: p.parent for p in root.glob('*/*/groundtruth.txt')}
    names = _lasot_names(root, sorted(folders, key=natural_key), split, split_file)
    for name in out.each(names, 'sequences'):
        if name not in folders:
            out.conversion.skip('listed sequence that is not on disk', name)
            continue
        folder = folders[name]
        sequence = BoxSequence(
            name=name,
            images=(folder / 'img').relative_to(root).as_posix(),
            boxes=folder / 'groundtruth.txt',
            hidden_files=(folder / 'full_occlusion.txt', folder / 'out_of_view.txt'),
        )
        _add(out, root, sequence, first_box_needed=split != 'train')


@video_converter()
def convert_got10k(root: Path, out: VideoJson, split: str = 'train') -> None:
    """Convert a split of GOT-10k.

    A target is absent where absence.label says so and where cover.label says that
    nothing of it is visible. File names are those below ``root/split``.
    """
    folder = require(root / split, GOT10K_LAYOUT)
    list_file = folder / 'list.txt'
    if list_file.is_file():
        names = list_file.read_text().split()
    else:
        names = sorted(p.parent.name for p in folder.glob('*/groundtruth.txt'))
    for name in out.each(names, 'sequences'):
        sequence = BoxSequence(
            name=name,
            images=name,
            boxes=folder / name / 'groundtruth.txt',
            hidden_files=(folder / name / 'absence.label',),
            visible_files=(folder / name / 'cover.label',),
            labels_withheld=split == 'test',
        )
        _add(out, folder, sequence, first_box_needed=split != 'train')


@video_converter()
def convert_trackingnet(
    root: Path,
    out: VideoJson,
    split: str = 'train',
    chunks: Sequence[int] = PUBLISHED_CHUNKS,
) -> None:
    """Convert ``chunks`` of the training set of TrackingNet, or ``test``.

    One file for all parts: nothing is to be merged.
    """
    test = split == 'test'
    parts = ['TEST'] if test else [f'TRAIN_{chunk}' for chunk in chunks]
    folders = [require(root / part / 'anno', TRACKINGNET_LAYOUT) for part in parts]
    files = [path for folder in folders for path in sorted(folder.glob('*.txt'))]
    for path in out.each(files, 'sequences'):
        sequence = BoxSequence(
            name=path.stem,
            images=f'{path.parent.parent.name}/frames/{path.stem}',
            boxes=path,
            first_number=0,
            labels_withheld=test,
        )
        _add(out, root, sequence, first_box_needed=test)


@video_converter()
def convert_tnl2k(root: Path, out: VideoJson) -> None:
    """Convert all TNL2K sequences of a folder, or of folders in it."""
    require(root, TNL2K_LAYOUT)
    files = [*root.glob('*/groundtruth.txt'), *root.glob('*/*/groundtruth.txt')]
    for path in out.each(sorted(files), 'sequences'):
        images = (path.parent / 'imgs').relative_to(root).as_posix()
        sequence = BoxSequence(path.parent.name, images, path, first_number=None)
        _add(out, root, sequence, first_box_needed=True)


@video_converter()
def convert_otb(root: Path, out: VideoJson) -> None:
    """Convert OTB, or own videos in folders of that layout.

    A sequence with several targets (groundtruth_rect.1.txt, ...) becomes one video a
    target, as the benchmark counts. Frames after the last box are left out.
    """
    require(root, OTB_LAYOUT)
    files = [p for p in root.glob('*/*.txt') if _OTB_FILE.fullmatch(p.name)]
    for path in out.each(sorted(files), 'sequences'):
        target = _OTB_FILE.fullmatch(path.name).group(1) or ''
        name = path.parent.name
        sequence = BoxSequence(
            name=name + target.replace('.', '-'),
            images=f'{name}/img',
            boxes=path,
            first_number=OTB_FIRST_FRAMES.get(name, -1),
        )
        _add(out, root, sequence, first_box_needed=True)


def _add(
    out: VideoJson, root: Path, sequence: BoxSequence, first_box_needed: bool
) -> None:
    """Add a video, or count why not."""
    conversion = out.conversion
    try:
        boxes = read_boxes(sequence.boxes).tolist()
        hidden = _read_hidden(sequence, len(boxes))
    except DatasetError as error:
        conversion.skip('video whose boxes cannot be read', error)
        return
    names = _frame_names(root / sequence.images, sequence, len(boxes), conversion)
    if names is None:
        return
    kept = [(name, i) for i, name in enumerate(names) if name is not None]
    if not kept:
        conversion.skip('video without a frame', root / sequence.images)
        return
    size_wh = image_size(root / sequence.images / kept[0][0], conversion)
    if size_wh is None:
        return
    bboxes = [
        _visible(boxes[i], hidden[i], size_wh, conversion) if i < len(boxes) else None
        for _, i in kept
    ]
    if first_box_needed and bboxes[0] is None:
        reason = 'test video whose first frame has no box'
        conversion.skip(reason, sequence.name, fault=False)
        return
    file_names = [f'{sequence.images}/{name}' for name, _ in kept]
    out.add(file_names, size_wh, [Track(bboxes)], name=sequence.name)


def _frame_names(
    folder: Path, sequence: BoxSequence, num_boxes: int, conversion: VideoConversion
) -> list[str | None] | None:
    """Name of the frame of each box, None for one that is not on disk.

    If labels are withheld, the frames after the last box follow. None, counted, if
    frames and boxes cannot be paired.
    """
    on_disk = [path.name for path in list_images(folder)]
    if sequence.first_number is None:
        if len(on_disk) != num_boxes:
            conversion.skip(
                'video with fewer or more frames than boxes',
                f'{folder}: {len(on_disk)} and {num_boxes}',
            )
            return None
        return list(on_disk)
    by_number = {int(Path(n).stem): n for n in on_disk if Path(n).stem.isdigit()}
    first = sequence.first_number
    if first < 0:
        first = min(by_number, default=0)
    names = [by_number.get(first + i) for i in range(num_boxes)]
    gone = names.count(None)
    if gone:
        example = folder / f'frame {first + names.index(None)}'
        conversion.skip('frame that is not on disk', example, gone)
    after = [by_number[n] for n in sorted(by_number) if n >= first + num_boxes]
    if sequence.labels_withheld:
        return names + after
    if after:
        reason = 'frame after the last box'
        conversion.skip(reason, folder / after[0], len(after), fault=False)
    return names


def _visible(
    box: Box, hidden: bool, size_wh: tuple[int, int], conversion: VideoConversion
) -> Box | None:
    x, y, width, height = box
    if any(math.isnan(v) or math.isinf(v) for v in box) or min(width, height) <= 0:
        reason = ABSENT_BOX
    elif hidden:
        reason = ABSENT_HIDDEN
    elif x + width <= 0 or y + height <= 0 or x >= size_wh[0] or y >= size_wh[1]:
        reason = ABSENT_OUTSIDE
    else:
        return box
    conversion.absent[reason] += 1
    return None


def _read_hidden(sequence: BoxSequence, num_boxes: int) -> list[bool]:
    """For each box, whether the target cannot be seen; absent files say nothing.

    Raises:
        DatasetError: If a file does not hold as many numbers as there are boxes.
    """
    hidden = np.zeros(num_boxes, dtype=bool)
    for path in sequence.hidden_files + sequence.visible_files:
        if path.is_file():
            flags = read_flags(path, num_boxes)
            hidden |= flags if path in sequence.hidden_files else ~flags
    return hidden.tolist()


def _lasot_names(
    root: Path, all_names: list[str], split: str, split_file: Path | None
) -> list[str]:
    if split_file is not None:
        return require(split_file, 'one sequence name a line').read_text().split()
    if split == 'all':
        return all_names
    test_file = require(
        root / 'testing_set.txt',
        'the list of test sequences that comes with LaSOT; or name the wanted '
        'sequences with --split-file',
    )
    test_names = test_file.read_text().split()
    if split == 'test':
        return test_names
    held_out = set(test_names)
    return [name for name in all_names if name not in held_out]
