"""Single-object tracking: text files of one box a line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from uninext.evaluation.functional.single_object import (
    RULES,
    sequence_errors,
    summarize_sequences,
)
from uninext.evaluation.result_files.reading import is_list_of, parse_json, read_text

TRUTH_FILES = ('groundtruth.txt', 'groundtruth_rect.txt')
# A number that is not 0 says that the target is not to be seen.
HIDDEN_FILES = ('full_occlusion.txt', 'out_of_view.txt', 'absence.label')
OTHER_FILES = ('_time', '_all_boxes', '_object_presence_scores')  # pytracking's


def evaluate_sot(gt: str | Path, pred: str | Path) -> dict[str, dict]:
    """Success, precision and overlap of one tracker, or of several.

    Args:
        gt: One file of ``x,y,w,h`` lines (pixels; comma, tab, blank or semicolon
            between numbers), a folder of ``<sequence>.txt``, or a folder that holds
            ``<sequence>/groundtruth.txt`` (or ``groundtruth_rect.txt``) at any depth,
            beside it what LaSOT and GOT-10k say of hidden frames.
        pred: One file, a folder of ``<sequence>.txt``, GOT-10k's
            ``<sequence>/<sequence>_001.txt``, or a folder of such folders, one per
            tracker. A result file of the OTB toolkit (``<sequence>.json``) is read
            too.

    Returns:
        ``{rules: {figure: value}}`` by the rules of :data:`RULES` and the number of
        sequences; with several trackers, by tracker's name first.

    Raises:
        ValueError: If a sequence of the ground truth has no file, a file does not have
            as many lines as frames, or a line is not four numbers.
    """
    gt, pred = Path(gt), Path(pred)
    truth = _find_truth(gt)
    if pred.is_file():
        return _evaluate_tracker(truth, _match_single(truth, pred))
    if not pred.is_dir():
        raise ValueError(f'{pred} does not exist. Check the path.')
    answers = _find_answers(pred)
    if set(truth) & set(answers):
        return _evaluate_tracker(truth, _check_complete(truth, answers, pred))
    trackers = {
        folder.name: found
        for folder in sorted(pred.iterdir())
        if folder.is_dir() and set(found := _find_answers(folder)) & set(truth)
    }
    if not trackers:
        raise ValueError(
            f'{pred} has no file of any of the {len(truth)} sequences of {gt} (e.g. '
            f'{next(iter(truth))}.txt), nor has a folder in it.'
        )
    return {
        name: _evaluate_tracker(truth, _check_complete(truth, found, pred / name))
        for name, found in trackers.items()
    }


def read_boxes(path: str | Path) -> np.ndarray:
    """Read a file of boxes.

    Args:
        path: Text of ``x,y,w,h`` lines, or JSON of the OTB toolkit.

    Returns:
        (T, 4) xywh pixels; NaN where the file says so.

    Raises:
        ValueError: If a line is not four numbers.
    """
    text = read_text(path)
    if Path(path).suffix == '.json':
        return _read_otb_json(text, path)
    boxes = []
    for number, line in enumerate(text.strip().splitlines(), start=1):
        try:
            values = [float(word) for word in re.split(r'[,;\s]+', line.strip(' ,;\t'))]
        except ValueError:
            values = []
        if len(values) != 4:
            raise ValueError(
                f'{path}, line {number}: expected the four numbers x, y, w, h, got '
                f'{line[:60]!r}.'
            )
        boxes.append(values)
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _read_otb_json(text: str, path: str | Path) -> np.ndarray:
    runs = parse_json(text, path)
    if not is_list_of(runs, 'res') or len(runs) != 1:
        raise ValueError(
            f"{path} is not one run of the OTB toolkit: a list of {{'res'}}."
        )
    if runs[0].get('resType', 'rect') != 'rect':
        raise ValueError(f"{path} holds {runs[0]['resType']!r}; only 'rect' is read.")
    boxes = np.array(runs[0]['res'], dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'{path} does not hold boxes of four numbers.')
    return boxes


def _evaluate_tracker(truth: dict[str, Path], answers: dict[str, Path]) -> dict:
    sequences = []
    for name, path in truth.items():
        boxes, answer = read_boxes(path), read_boxes(answers[name])
        if len(boxes) != len(answer):
            raise ValueError(
                f'{answers[name]} has {len(answer)} boxes, but {name} has {len(boxes)} '
                'frames. Every frame needs a line (NaN,NaN,NaN,NaN where nothing was '
                'found).'
            )
        sequences.append((answer, boxes, _read_visible(path, len(boxes))))
    figures: dict[str, dict] = {}
    for name, rules in RULES.items():
        errors = [sequence_errors(a, b, rules, v) for a, b, v in sequences]
        figures[name] = summarize_sequences(errors, rules)
    return {'num_sequences': len(truth), **figures}


def _find_truth(gt: Path) -> dict[str, Path]:
    if gt.is_file():
        own_folder = gt.name in TRUTH_FILES
        return {gt.parent.name if own_folder else gt.stem: gt}
    if not gt.is_dir():
        raise ValueError(f'{gt} does not exist. Check the path.')
    inside = sorted(p for name in TRUTH_FILES for p in gt.rglob(name))
    if inside:
        truth = {p.parent.name: p for p in inside}
        if len(truth) < len(inside):
            raise ValueError(f'{gt} has several sequences of the same name.')
        return truth
    truth = {p.stem: p for p in sorted(gt.glob('*.txt'))}
    if not truth:
        raise ValueError(
            f'{gt} has neither <sequence>.txt nor <sequence>/{TRUTH_FILES[0]}.'
        )
    return truth


def _find_answers(folder: Path) -> dict[str, Path]:
    """Sequence name -> file, in the layouts that trackers write."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix in ('.txt', '.json')]
    answers = {p.stem: p for p in files if not p.stem.endswith(OTHER_FILES)}
    for inner in sorted(p for p in folder.iterdir() if p.is_dir()):
        if (path := inner / f'{inner.name}_001.txt').is_file():
            answers[inner.name] = path
    return answers


def _match_single(truth: dict[str, Path], pred: Path) -> dict[str, Path]:
    if len(truth) == 1:
        return {next(iter(truth)): pred}
    raise ValueError(
        f'{pred} is one file, but the ground truth has {len(truth)} sequences. Give '
        'the folder of <sequence>.txt.'
    )


def _check_complete(
    truth: dict[str, Path], answers: dict[str, Path], pred: Path
) -> dict[str, Path]:
    missing = sorted(set(truth) - set(answers))
    if missing:
        raise ValueError(
            f'{pred} has no answer to {len(missing)} of {len(truth)} sequences (e.g. '
            f'{missing[0]}): figures of a part are not comparable.'
        )
    return answers


def _read_visible(path: Path, num_frames: int) -> np.ndarray | None:
    """Combine LaSOT's and GOT-10k's files beside the boxes: (T,) bool, None if none."""
    visible = None
    for name in HIDDEN_FILES:
        file = path.parent / name
        if path.name not in TRUTH_FILES or not file.is_file():
            continue
        flags = [word for word in re.split(r'[,;\s]+', read_text(file)) if word]
        if len(flags) != num_frames:
            raise ValueError(f'{file} has {len(flags)} flags for {num_frames} frames.')
        seen = np.array([float(flag) == 0 for flag in flags])
        visible = seen if visible is None else visible & seen
    return visible
