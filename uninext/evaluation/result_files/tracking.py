"""Multi-object tracking and segmentation: text files of MOTChallenge and MOTS."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uninext.evaluation.evaluators.tracks import (
    PROTOCOLS,
    TrackedObjects,
    TracksEvaluator,
    num_annotated,
)
from uninext.formats.boxes import xywh_to_xyxy
from uninext.formats.json_file import read_text
from uninext.formats.mot_text import (
    CONSIDERED,
    MotsTable,
    MotTable,
    read_mot,
    read_mots,
)


def evaluate_mot(
    gt: str | Path, pred: str | Path, protocol: str | None = None
) -> dict[str, dict[str, float]]:
    """HOTA, CLEAR and IDF1 of boxes by the rules of MOTChallenge.

    Args:
        gt: ``gt.txt``, or a folder with ``<sequence>/gt/gt.txt`` or
            ``<sequence>/gt.txt``: lines ``frame, id, x, y, w, h, considered, class,
            visibility`` (MOT15: ``..., considered, x, y, z``), frames from 1, boxes in
            pixels. The sequence is as long as ``seqinfo.ini`` beside it says; without
            one it ends with the last annotated frame.
        pred: One file, or a folder with ``<sequence>.txt`` (or the layout of ``gt``
            with ``<sequence>/<sequence>.txt``): lines ``frame, id, x, y, w, h, score,
            ...``. An empty file finds nothing.
        protocol: See ``TracksEvaluator``. None: what the ground truth is: ``mot15``
            if it has no classes, ``mot20`` if all sequences are named ``MOT20...``,
            else ``mot17``.

    Returns:
        ``COMBINED`` and ``{sequence: metrics}``; see ``combine_sequences``.

    Raises:
        ValueError: If a sequence has no file or two, a line is not of the layout, an id
            is twice in a frame, a frame is beyond the end, nothing of a ground truth is
            left to evaluate, or sequences need different protocols.
    """
    pairs = _pair_files(Path(gt), Path(pred))
    tables = {
        name: (read_mot(ground_truth), read_mot(found))
        for name, (ground_truth, found) in pairs.items()
    }
    if protocol is None:
        protocol = _protocol_of(gt, {name: pair[0] for name, pair in tables.items()})
    evaluator = TracksEvaluator(protocol)
    sides = {
        name: (
            _mot_side(ground_truth, protocol, True),
            _mot_side(found, protocol, False),
        )
        for name, (ground_truth, found) in tables.items()
    }
    return _evaluate(evaluator, sides, gt)


def evaluate_mots(
    gt: str | Path, pred: str | Path, protocol: str | None = None
) -> dict[str, dict[str, float]]:
    """HOTA, CLEAR (sMOTA) and IDF1 of masks, by default by the rules of MOTS.

    Args:
        gt: As :func:`evaluate_mot`, of lines ``frame id class height width rle``;
            frames from 1, ``rle`` as pycocotools compresses it.
        pred: The same.
        protocol: ``mots`` (also None): class 2 is the pedestrian, 10 a region to
            ignore, and masks do not overlap; or ``plain``: any classes.

    Returns:
        As :func:`evaluate_mot`.

    Raises:
        ValueError: As :func:`evaluate_mot`, or if a mask is damaged.
    """
    evaluator = TracksEvaluator(protocol or 'mots', with_masks=True)
    sides = {
        name: (_mots_side(read_mots(ground_truth)), _mots_side(read_mots(found)))
        for name, (ground_truth, found) in _pair_files(Path(gt), Path(pred)).items()
    }
    return _evaluate(evaluator, sides, gt)


@dataclass
class _Side:
    """What a file has of a sequence, in the order of its lines."""

    path: Path
    lines: np.ndarray  # (N,)
    frames: np.ndarray  # (N,) from 1
    objects: TrackedObjects

    def at(self, places: np.ndarray) -> TrackedObjects:
        """The objects of some lines."""
        objects = self.objects
        shapes = objects.shapes
        return TrackedObjects(
            objects.ids[places],
            shapes[places]
            if isinstance(shapes, np.ndarray)
            else [shapes[place] for place in places],
            objects.classes[places],
            None if objects.considered is None else objects.considered[places],
        )


def _evaluate(
    evaluator: TracksEvaluator, sides: Mapping[str, tuple[_Side, _Side]], gt: str | Path
) -> dict[str, dict[str, float]]:
    records = {}
    for name, (ground_truth, found) in sides.items():
        try:
            records[name] = _record(evaluator, ground_truth, found)
        except ValueError as error:
            raise ValueError(f'{ground_truth.path} and {found.path}: {error}') from None
        left = num_annotated(records[name])
        if len(ground_truth.frames) and not left and evaluator.protocol.name != 'plain':
            raise ValueError(
                f'Nothing is left of the {len(ground_truth.frames)} lines of '
                f'{ground_truth.path} '
                f'under the protocol {evaluator.protocol.name}: are they marked as not '
                'to be considered, or does the file follow another protocol?'
            )
    if not sum(num_annotated(record) for record in records.values()):
        raise ValueError(f'{gt} has no object to evaluate.')
    return evaluator.summarize(records)


def _record(
    evaluator: TracksEvaluator, ground_truth: _Side, found: _Side
) -> dict[str, Any]:
    num_frames = _sequence_length(ground_truth.path)
    if num_frames is None:
        num_frames = int(ground_truth.frames.max(initial=0))
    for side in (ground_truth, found):
        beyond = side.frames > num_frames
        if beyond.any():
            raise ValueError(
                f'line {side.lines[beyond][0]} of {side.path} is of frame '
                f'{side.frames[beyond][0]}; frames are 1 to {num_frames} (the length '
                'in seqinfo.ini; without one the last annotated frame).'
            )
    state = evaluator.start()
    orders = [np.argsort(side.frames, kind='stable') for side in (ground_truth, found)]
    numbers = np.arange(1, num_frames + 2)
    starts = [
        np.searchsorted(side.frames[order], numbers)
        for side, order in zip((ground_truth, found), orders)
    ]
    for place in range(num_frames):
        gt_here, found_here = (
            side.at(order[start[place] : start[place + 1]])
            for side, order, start in zip((ground_truth, found), orders, starts)
        )
        evaluator.add(state, gt_here, found_here)
    return evaluator.finish(state)


def _pair_files(gt: Path, pred: Path) -> dict[str, tuple[Path, Path]]:
    if gt.is_file():
        if not pred.is_file():
            raise ValueError(f'{gt} is one sequence, so {pred} must be a file.')
        return {_sequence_folder(gt).name: (gt, pred)}
    if not gt.is_dir():
        raise ValueError(f'{gt} does not exist. Check the path.')
    found = sorted(gt.rglob('gt.txt'))
    if not found:
        raise ValueError(f'{gt} has no <sequence>/gt/gt.txt.')
    pairs: dict[str, tuple[Path, Path]] = {}
    for path in found:
        name = _sequence_folder(path).name
        if name in pairs:
            raise ValueError(
                f'The sequence {name} has two ground truths, {pairs[name][0]} and '
                f'{path}. Give the folder of one split.'
            )
        places = [pred / f'{name}.txt', pred / name / f'{name}.txt']
        files = [place for place in places if place.is_file()]
        if not files:
            raise ValueError(
                f'{places[0]} is missing: every sequence of {gt} needs predictions (an '
                'empty file where nothing was found).'
            )
        if len(files) > 1:
            raise ValueError(
                f'The sequence {name} has two files of predictions, '
                f'{files[0]} and {files[1]}. Remove one.'
            )
        pairs[name] = path, files[0]
    return pairs


def _sequence_folder(path: Path) -> Path:
    folder = path.resolve().parent
    return folder.parent if folder.name == 'gt' else folder


def _sequence_length(gt_path: Path) -> int | None:
    info = _sequence_folder(gt_path) / 'seqinfo.ini'
    if not info.is_file():
        return None
    parser = ConfigParser()
    try:
        parser.read_string(read_text(info))
        length = parser.getint('Sequence', 'seqLength')
    except (ConfigError, ValueError) as error:
        raise ValueError(f'{info} has no [Sequence] seqLength: {error}.') from None
    if length < 1:
        raise ValueError(f'{info} has the seqLength {length}; expected 1 or more.')
    return length


def _protocol_of(gt: str | Path, tables: Mapping[str, MotTable]) -> str:
    """The protocol of ground truths; all must have the same."""
    chosen = {
        name: ('mot20' if name.upper().startswith('MOT20') else 'mot17')
        if table.classes is not None
        else 'mot15'
        for name, table in tables.items()
        if len(table.rows)
    }
    if not chosen:
        raise ValueError(f'{gt} has no object to evaluate.')
    if len(set(chosen.values())) > 1:
        several = ', '.join(f'{name}: {value}' for name, value in chosen.items())
        raise ValueError(
            f'The sequences of {gt} are of different protocols ({several}). Evaluate '
            'them apart, or name one with --protocol.'
        )
    return next(iter(chosen.values()))


def _mot_side(table: MotTable, protocol: str, is_ground_truth: bool) -> _Side:
    rows = table.rows
    ones = np.ones(len(rows), dtype=np.int64)
    classes = None if protocol == 'mot15' else table.classes
    known = (
        PROTOCOLS[protocol].classes
        if is_ground_truth
        else PROTOCOLS[protocol].predicted
    )
    if classes is None:
        if is_ground_truth and known is not None and len(rows):
            raise ValueError(
                f'{table.path} has no classes in column 8, which the protocol '
                f'{protocol} needs. Without classes it is mot15.'
            )
    elif known is not None and not np.isin(classes, known).all():
        place = int(np.flatnonzero(~np.isin(classes, known))[0])
        raise ValueError(
            f'{table.path}, line {table.lines[place]}: class {classes[place]}; '
            f'{protocol} has {min(known)} to {max(known)} here (column 8).'
        )
    boxes_xyxy = xywh_to_xyxy(rows[:, 2:6])
    objects = TrackedObjects(
        ids=rows[:, 1].astype(np.int64),
        shapes=boxes_xyxy,
        classes=ones if classes is None else classes,
        considered=rows[:, CONSIDERED] != 0 if is_ground_truth else None,
    )
    frames = rows[:, 0].astype(np.int64)
    side = _Side(table.path, table.lines, frames, objects)
    _check_unique(side, np.ones(len(rows), dtype=bool))
    return side


def _mots_side(table: MotsTable) -> _Side:
    objects = TrackedObjects(table.ids, table.rles, table.classes)
    side = _Side(table.path, table.lines, table.frames, objects)
    _check_unique(side, table.classes != PROTOCOLS['mots'].ignored_class)
    return side


def _check_unique(side: _Side, counted: np.ndarray) -> None:
    """An id is once in a frame; ``counted`` (N,) bool: lines with an identity."""
    line_of: dict[tuple[int, int], int] = {}
    rows = zip(side.frames.tolist(), side.objects.ids.tolist(), side.lines.tolist())
    for (frame, identity, line), counts in zip(rows, counted.tolist()):
        if not counts:
            continue
        first = line_of.setdefault((frame, identity), line)
        if first != line:
            raise ValueError(
                f'{side.path}, line {line}: frame {frame} has an id twice: {identity}, '
                f'first in line {first}. An object is once in a frame.'
            )
