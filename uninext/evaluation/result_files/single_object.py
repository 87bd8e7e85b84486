"""Single-object tracking: text files of one box a line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from uninext.evaluation.evaluators.single_object import (
    SingleObjectEvaluator,
    TargetBox,
)
from uninext.evaluation.functional.single_object import RULES
from uninext.formats.box_text import read_boxes, read_flags
from uninext.formats.json_file import read_text

GROUND_TRUTH_FILES = ('groundtruth.txt', 'groundtruth_rect.txt')
# File beside the boxes -> whether a number that is not 0 says that the target can be
# seen: LaSOT's files and GOT-10k's, whose cover.label counts eighths.
VISIBLE_FILES = {
    'full_occlusion.txt': False,
    'out_of_view.txt': False,
    'absence.label': False,
    'cover.label': True,
}
SIZE_FILE = 'meta_info.ini'  # GOT-10k's; names the resolution
OTHER_FILES = ('_time', '_all_boxes', '_object_presence_scores')  # pytracking's


def evaluate_sot(gt: str | Path, pred: str | Path) -> dict[str, dict]:
    """Success, precision and overlap of one tracker, or of several.

    Args:
        gt: One file of ``x,y,w,h`` lines (pixels; comma, tab, blank or semicolon
            between numbers), a folder of ``<sequence>.txt``, or a folder that holds
            ``<sequence>/groundtruth.txt`` (or ``groundtruth_rect.txt``) at any depth,
            beside it what LaSOT and GOT-10k say of hidden frames, and GOT-10k's
            ``meta_info.ini`` for the size that its rules clip to.
        pred: One file, a folder of ``<sequence>.txt``, GOT-10k's
            ``<sequence>/<sequence>_001.txt``, or a folder of such folders, one per
            tracker. A result file of the OTB toolkit (``<sequence>.json``) is read
            too.

    Returns:
        ``{rules: {metric: value}}`` by the rules of :data:`RULES` and the number of
        sequences; with several trackers, by tracker's name first.

    Raises:
        ValueError: If a sequence of the ground truth has no file, a file does not have
            as many lines as frames, or a line is not four numbers.
    """
    gt, pred = Path(gt), Path(pred)
    ground_truth = _find_ground_truth(gt)
    if pred.is_file():
        return _evaluate_tracker(ground_truth, _match_single(ground_truth, pred))
    if not pred.is_dir():
        raise ValueError(f'{pred} does not exist. Check the path.')
    predictions = _find_predictions(pred)
    if set(ground_truth) & set(predictions):
        return _evaluate_tracker(
            ground_truth, _check_complete(ground_truth, predictions, pred)
        )
    trackers = {
        folder.name: found
        for folder in sorted(pred.iterdir())
        if folder.is_dir()
        and set(found := _find_predictions(folder)) & set(ground_truth)
    }
    if not trackers:
        raise ValueError(
            f'{pred} has no file of any of the {len(ground_truth)} sequences of {gt} '
            f'(e.g. {next(iter(ground_truth))}.txt), nor has a folder in it.'
        )
    return {
        name: _evaluate_tracker(
            ground_truth, _check_complete(ground_truth, found, pred / name)
        )
        for name, found in trackers.items()
    }


def _evaluate_tracker(
    ground_truth: dict[str, Path], predictions: dict[str, Path]
) -> dict:
    evaluators = {name: SingleObjectEvaluator(name) for name in RULES}
    reader = evaluators['otb']  # records are the same for all rules
    records = {}
    for name, path in ground_truth.items():
        boxes, predicted = read_boxes(path), read_boxes(predictions[name])
        if len(boxes) != len(predicted):
            raise ValueError(
                f'{predictions[name]} has {len(predicted)} boxes, but {name} has '
                f'{len(boxes)} frames. Every frame needs a line (NaN,NaN,NaN,NaN where '
                'nothing was found).'
            )
        visible, size = _read_visible(path, len(boxes)), _read_size(path)
        state = reader.start()
        for t, (box, found) in enumerate(zip(boxes, predicted)):
            reader.add(state, TargetBox(box, bool(visible[t]), size), found)
        records[name] = reader.finish(state)
    try:
        metrics = {name: e.summarize(records) for name, e in evaluators.items()}
    except ValueError as error:
        first = next(iter(ground_truth.values()))
        raise ValueError(f'{first} and {len(records) - 1} more: {error}') from None
    return {'num_sequences': len(ground_truth), **metrics}


def _find_ground_truth(gt: Path) -> dict[str, Path]:
    if gt.is_file():
        own_folder = gt.name in GROUND_TRUTH_FILES
        return {gt.parent.name if own_folder else gt.stem: gt}
    if not gt.is_dir():
        raise ValueError(f'{gt} does not exist. Check the path.')
    inside = sorted(p for name in GROUND_TRUTH_FILES for p in gt.rglob(name))
    if inside:
        ground_truth = {p.parent.name: p for p in inside}
        if len(ground_truth) < len(inside):
            raise ValueError(f'{gt} has several sequences of the same name.')
        return ground_truth
    ground_truth = {p.stem: p for p in sorted(gt.glob('*.txt'))}
    if not ground_truth:
        raise ValueError(
            f'{gt} has neither <sequence>.txt nor <sequence>/{GROUND_TRUTH_FILES[0]}.'
        )
    return ground_truth


def _find_predictions(folder: Path) -> dict[str, Path]:
    """Sequence name -> file, in the layouts that trackers write."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix in ('.txt', '.json')]
    predictions = {p.stem: p for p in files if not p.stem.endswith(OTHER_FILES)}
    for inner in sorted(p for p in folder.iterdir() if p.is_dir()):
        if (path := inner / f'{inner.name}_001.txt').is_file():
            predictions[inner.name] = path
    return predictions


def _match_single(ground_truth: dict[str, Path], pred: Path) -> dict[str, Path]:
    if len(ground_truth) == 1:
        return {next(iter(ground_truth)): pred}
    raise ValueError(
        f'{pred} is one file, but the ground truth has {len(ground_truth)} sequences. '
        'Give the folder of <sequence>.txt.'
    )


def _check_complete(
    ground_truth: dict[str, Path], predictions: dict[str, Path], pred: Path
) -> dict[str, Path]:
    missing = sorted(set(ground_truth) - set(predictions))
    if missing:
        raise ValueError(
            f'{pred} has no prediction for {len(missing)} of {len(ground_truth)} '
            f'sequences (e.g. {missing[0]}): metrics of a part are not comparable.'
        )
    return predictions


def _read_visible(path: Path, num_frames: int) -> np.ndarray:
    """Combine LaSOT's and GOT-10k's files beside the boxes: (T,) bool."""
    visible = np.ones(num_frames, dtype=bool)
    for name, is_visible in VISIBLE_FILES.items():
        file = path.parent / name
        if path.name not in GROUND_TRUTH_FILES or not file.is_file():
            continue
        visible &= read_flags(file, num_frames) == is_visible
    return visible


def _read_size(path: Path) -> tuple[int, int] | None:
    """Size (H, W) that GOT-10k's file beside the boxes names; None without one."""
    file = path.parent / SIZE_FILE
    if path.name not in GROUND_TRUTH_FILES or not file.is_file():
        return None
    found = re.search(r'(?m)^resolution:\s*\(\s*(\d+),\s*(\d+)\s*\)', read_text(file))
    if found is None:
        raise ValueError(f'{file} has no line "resolution: (WIDTH, HEIGHT)".')
    return int(found[2]), int(found[1])
