"""Multi-object tracking: text files of MOTChallenge."""

from __future__ import annotations

import re
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

import numpy as np

from uninext.evaluation.functional.tracking import (
    COMBINED,
    TrackingFrame,
    box_similarity,
    distracted_predictions,
    tracking_figures,
)
from uninext.evaluation.result_files.reading import read_text

PEDESTRIAN = 1
# Who answers with one of these is neither right nor wrong: person on vehicle, static
# person, distractor, reflection.
DISTRACTORS = (2, 7, 8, 12)
NUM_COLUMNS = (6, 10)  # fewest; most


def evaluate_mot(gt: str | Path, pred: str | Path) -> dict[str, dict[str, float]]:
    """HOTA, CLEAR and IDF1 of pedestrians by the rules of MOTChallenge.

    Ground truth with classes (MOT16, MOT17, MOT20) is prepared first: answers that
    match a distractor are taken out, and of the ground truth only pedestrians stay
    that are marked to be considered. Ground truth without (MOT15) stays as it is.
    Deviation: in MOT20 vehicles without a motor count as distractors too; here not.

    Args:
        gt: ``gt.txt``, or a folder with ``<sequence>/gt/gt.txt`` or
            ``<sequence>/gt.txt``: lines ``frame, id, x, y, w, h, considered, class,
            visibility``, frames from 1, boxes in pixels.
        pred: One file, or a folder with ``<sequence>.txt`` (or the layout of ``gt``
            with ``<sequence>/<sequence>.txt``): lines ``frame, id, x, y, w, h, score,
            ...``. An empty file finds nothing.

    Returns:
        ``{sequence: figures}`` and ``COMBINED``; see ``tracking_figures``.

    Raises:
        ValueError: If a sequence has no file, a line is not of the layout, an id is
            twice in a frame, or a frame is beyond the end.
    """
    sequences = {}
    for name, (truth, answers) in _pair_files(Path(gt), Path(pred)).items():
        sequences[name] = _read_sequence(truth, answers)
    figures = tracking_figures(sequences)
    return {name: figures[name] for name in (COMBINED, *sequences)}


def read_mot(path: str | Path) -> np.ndarray:
    """Read a text file of MOTChallenge.

    Args:
        path: Of the file; commas or blanks between numbers.

    Returns:
        (N, 10): frame, id, x, y, w, h and what follows; -1 where a line is shorter.

    Raises:
        ValueError: If a line has not 6 to 10 numbers.
    """
    rows = []
    fewest, most = NUM_COLUMNS
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = [float(word) for word in re.split(r'[,\s]+', line.strip(' ,\t'))]
        except ValueError:
            values = []
        if not fewest <= len(values) <= most:
            raise ValueError(
                f'{path}, line {number}: expected {fewest} to {most} numbers (frame, '
                f'id, x, y, w, h, ...), got {line[:60]!r}.'
            )
        rows.append(values + [-1.0] * (most - len(values)))
    return np.array(rows).reshape(-1, most)


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
    pairs = {}
    for path in found:
        name = _sequence_folder(path).name
        places = [pred / f'{name}.txt', pred / name / f'{name}.txt']
        answers = [place for place in places if place.is_file()]
        if not answers:
            raise ValueError(
                f'{places[0]} is missing: every sequence of {gt} needs an answer (an '
                'empty file where nothing was found).'
            )
        pairs[name] = path, answers[0]
    return pairs


def _sequence_folder(path: Path) -> Path:
    folder = path.resolve().parent
    return folder.parent if folder.name == 'gt' else folder


def _read_sequence(truth_path: Path, answers_path: Path) -> list[TrackingFrame]:
    truth, answers = read_mot(truth_path), read_mot(answers_path)
    num_frames = _sequence_length(truth_path)
    if num_frames is None:
        num_frames = int(max(truth[:, 0].max(initial=0), answers[:, 0].max(initial=0)))
    for path, rows in ((truth_path, truth), (answers_path, answers)):
        outside = (rows[:, 0] < 1) | (rows[:, 0] > num_frames)
        if outside.any():
            raise ValueError(
                f'{path} has a line of frame {rows[outside][0, 0]:g}; frames are 1 to '
                f'{num_frames}.'
            )
    with_classes = bool((truth[:, 7] >= 0).any())
    frames = []
    for number in range(1, num_frames + 1):
        here, there = truth[truth[:, 0] == number], answers[answers[:, 0] == number]
        frames.append(_make_frame(here, there, with_classes))
    return frames


def _sequence_length(truth_path: Path) -> int | None:
    info = _sequence_folder(truth_path) / 'seqinfo.ini'
    if not info.is_file():
        return None
    parser = ConfigParser()
    try:
        parser.read_string(read_text(info))
        return parser.getint('Sequence', 'seqLength')
    except (ConfigError, ValueError) as error:
        raise ValueError(f'{info} has no [Sequence] seqLength: {error}.') from None


def _make_frame(
    truth: np.ndarray, answers: np.ndarray, with_classes: bool
) -> TrackingFrame:
    similarity = box_similarity(_to_xyxy(truth), _to_xyxy(answers))
    keep = truth[:, 6] != 0
    if with_classes:
        is_distractor = np.isin(truth[:, 7], DISTRACTORS)
        kept = ~distracted_predictions(similarity, is_distractor)
        answers, similarity = answers[kept], similarity[:, kept]
        keep &= truth[:, 7] == PEDESTRIAN
    return TrackingFrame(truth[keep, 1], answers[:, 1], similarity[keep])


def _to_xyxy(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
