"""Measure what the tasks do not show: relations, and what is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from uninext.apis.inferencer import UninextInferencer
from uninext.formats.boxes import pairwise_iou
from uninext.formats.json_file import read_json, write_json, write_text
from uninext.shapes.report.ten_tasks import ADVICE, record_of, shown

MIN_IOU = 0.5  # above it an expression found its object


@dataclass(frozen=True)
class BeyondMetric:
    """A metric, what a model that masters the suite reaches, and what was measured.

    Attributes:
        asked: What is asked for.
        metric: Its name, for people.
        limit: At least, or at most, so much.
        at_most: Whether ``limit`` is not to be passed.
        measured: NaN where nothing was asked.
        number: Expressions, or images with categories that they do not show.
    """

    asked: str
    metric: str
    limit: float
    at_most: bool
    measured: float
    number: int

    @property
    def is_reached(self) -> bool:
        """Whether it is what it should be."""
        if self.at_most:
            return self.measured <= self.limit
        return self.measured >= self.limit


def measure_beyond_tasks(
    find: UninextInferencer,
    root: str | Path,
    split: str = 'val',
    num_images: int | None = None,
) -> list[BeyondMetric]:
    """Ask images of a Shapes suite by relations, and for what they do not show.

    Relations: P@0.5, the share of expressions whose best box has an IoU above 0.5 with
    that of its object. Absent categories: instances an image above the default
    threshold, where it is asked for the categories that it does not show, and no other.
    Absent expressions: AUC, how often one that fits nothing scores below one that fits,
    of all pairs in all images, ties half.

    Args:
        find: The model.
        root: Folder of the suite.
        split: Of ``annotations/{absent,refs}_<split>.json``.
        num_images: Ask the first so many images; None is all.

    Raises:
        FileError: A ValueError, if the suite has no such split.
    """
    root = Path(root)
    absent = read_json(root / f'annotations/absent_{split}.json', ADVICE)['images']
    refs = read_json(root / f'annotations/refs_{split}.json', ADVICE)
    present = _expressions_by_image(refs)
    counts: list[int] = []
    hits: list[bool] = []
    scores: dict[bool, list[float]] = {True: [], False: []}
    for record in absent[:num_images]:
        path = root / split / record['file_name']
        if record['absent_categories']:
            (result,) = find(path, categories=record['absent_categories'])
            counts.append(len(result))
        here = present.get(record['id'], [])
        texts = [asked.text for asked in here] + record['absent_expressions']
        if not texts:
            continue
        (result,) = find(path, expression=texts)
        best = dict(
            zip(result.prompt_ids.tolist(), zip(result.scores, result.boxes_xyxy))
        )
        for number in range(len(texts)):
            score, box = best.get(number, (0.0, np.zeros(4)))
            asked = here[number] if number < len(here) else None
            if asked is None or asked.is_first:
                scores[asked is not None].append(float(score))
            if asked is not None and asked.kind == 'relation':
                iou = pairwise_iou([box], [asked.box_xyxy])
                hits.append(bool(iou[0, 0] > MIN_IOU))
    auc = area_under_curve(scores[True], scores[False])
    return [
        BeyondMetric('relations', 'P@0.5', 0.85, False, _mean(hits), len(hits)),
        BeyondMetric(
            *('absent categories', 'false positives an image', 0.05, True),
            *(_mean(counts), len(counts)),
        ),
        BeyondMetric(
            *('absent expressions', 'AUC', 0.90, False, auc, len(scores[False])),
        ),
    ]


def beyond_tasks_table(rows: Sequence[BeyondMetric]) -> str:
    """What was asked and what was measured, in Markdown."""
    lines = ['| asked for | metric | limit | measured | reached | asked |']
    lines.append('|---|---|---|---|---|---|')
    for row in rows:
        limit = f'{"at most" if row.at_most else "at least"} {row.limit:.2f}'
        lines.append(
            f'| {row.asked} | {row.metric} | {limit} | {shown(row.measured)} '
            f'| {"yes" if row.is_reached else "no"} | {row.number} |'
        )
    return '\n'.join(lines)


def write_beyond_tasks(folder: str | Path, rows: Sequence[BeyondMetric]) -> None:
    """Write ``beyond_tasks.md``, the table, and ``beyond_tasks.json``; NaN is null.

    Raises:
        FileError: A ValueError, if a file cannot be written.
    """
    write_text([beyond_tasks_table(rows), '\n'], Path(folder) / 'beyond_tasks.md')
    records = [record_of(row) for row in rows]
    write_json({'metrics': records}, Path(folder) / 'beyond_tasks.json')


def area_under_curve(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Share of pairs in which the positive is higher, ties half; NaN without pairs.

    The area under the curve of true over false positives (Mann-Whitney U).
    """
    if not len(positive) or not len(negative):
        return float('nan')
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, 'left')
    ties = np.searchsorted(ordered, positive, 'right') - below
    return float((below + ties / 2).sum() / (len(positive) * len(negative)))


class _Present(NamedTuple):
    """An expression that fits an object of the image; whether it is its first."""

    text: str
    kind: str
    box_xyxy: np.ndarray
    is_first: bool


def _expressions_by_image(refs: Mapping[str, Any]) -> dict[int, list[_Present]]:
    """Each object's first expression, and all its relations."""
    boxes = {a['image_id']: np.array(a['bbox'], float) for a in refs['annotations']}
    found: dict[int, list[_Present]] = {}
    for record in refs['images']:
        box = boxes[record['id']]
        box_xyxy = np.concatenate([box[:2], box[:2] + box[2:]])
        here = found.setdefault(record['original_id'], [])
        for place, (text, kind) in enumerate(
            zip(record['expressions'], record['kinds'])
        ):
            if place == 0 or kind == 'relation':
                here.append(_Present(text, kind, box_xyxy, place == 0))
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float('nan')
