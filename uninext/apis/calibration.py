"""Thresholds for a wanted rate of false alarms, found on labelled images.

A false alarm is an instance of what is not there. Its rate is that of instances a
prompt: of the categories that an image does not show, all asked at once, or of an
expression that fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from uninext.apis.inferencer import UninextInferencer
from uninext.apis.labelled_images import LabelledImage
from uninext.apis.results import Result
from uninext.formats.boxes import pairwise_iou

LOWEST = 0.05  # of categories: lower scores are not looked at
MIN_IOU = 0.5  # from it on an object is found


@dataclass
class KindScores:
    """What was asked with one kind of prompt, and how sure the model was.

    Attributes:
        lowest: Threshold that scores were looked at with.
        absent: Scores of the instances of what is not there.
        present: The best score of each object, or expression, that is there; 0 if it
            was not found.
        num_absent: Prompts for what is not there.
    """

    lowest: float
    absent: list[float] = field(default_factory=list)
    present: list[float] = field(default_factory=list)
    num_absent: int = 0

    def __add__(self, other: KindScores) -> KindScores:
        """Both together; they were looked at with one threshold."""
        return KindScores(
            self.lowest,
            self.absent + other.absent,
            self.present + other.present,
            self.num_absent + other.num_absent,
        )

    def false_alarms(self, threshold: float) -> float:
        """Instances a prompt for what is not there; NaN without such a prompt."""
        return _count(self.absent, threshold) / (self.num_absent or float('nan'))

    def found(self, threshold: float) -> float:
        """Share of what is there that is found; NaN if nothing is there."""
        return _count(self.present, threshold) / (len(self.present) or float('nan'))

    def threshold(self, rate: float) -> float:
        """The lowest threshold with so many false alarms a prompt, or fewer."""
        allowed = int(rate * self.num_absent + 1e-9)
        scores = np.sort(np.array(self.absent, np.float32))[::-1]
        if len(scores) <= allowed:
            return self.lowest
        return min(1.0, float(np.nextafter(scores[allowed], np.float32(2))))


def held_out_alarms(one: KindScores, other: KindScores, rate: float) -> float:
    """False alarms a prompt of each half, with the threshold of the other half.

    NaN if a half has no prompt for what is not there.
    """
    halves = (one, other.threshold(rate)), (other, one.threshold(rate))
    alarms = [half.num_absent * half.false_alarms(thr) for half, thr in halves]
    return sum(alarms) / (one.num_absent + other.num_absent or float('nan'))


def score_kinds(
    find: UninextInferencer, images: Iterable[LabelledImage]
) -> dict[str, KindScores]:
    """Ask images for what they show, and for what they do not.

    Targets are shown in the image that is asked, and so are always there: they are not
    among the kinds.

    Returns:
        ``category`` and ``expression`` -> scores.
    """
    kinds = {'category': KindScores(LOWEST), 'expression': KindScores(0.0)}
    predictor = find.model.predictor
    with_masks, predictor.with_masks = predictor.with_masks, False  # boxes are enough
    try:
        for image in images:
            _ask(find, image, **kinds)
    finally:
        predictor.with_masks = with_masks
    return kinds


def _ask(
    find: UninextInferencer,
    image: LabelledImage,
    category: KindScores,
    expression: KindScores,
) -> None:
    thresholds = {'category': LOWEST, 'expression': 0.0}
    texts = image.expressions + image.absent_expressions
    names = image.absent_categories or None
    if names or texts:
        (result,) = find(
            image.path,
            categories=names,
            expression=texts or None,
            score_thr=thresholds,
            progress=False,
        )
        scores, first = _scores_by_prompt(result), 0
        if names:
            category.absent += scores[0]
            category.num_absent += 1
            first = 1
        there = first + len(image.expressions)
        expression.present += [max(s, default=0.0) for s in scores[first:there]]
        expression.absent += [s for found in scores[there:] for s in found]
        expression.num_absent += len(image.absent_expressions)
    if image.boxes_xyxy:
        (result,) = find(
            image.path,
            categories=list(image.boxes_xyxy),
            score_thr=thresholds,
            progress=False,
        )
        for name, boxes in image.boxes_xyxy.items():
            category.present += _best_scores(result, name, boxes)


def _scores_by_prompt(result: Result) -> list[list[float]]:
    return [
        result.scores[result.prompt_ids == i].tolist()
        for i in range(len(result.prompts))
    ]


def _best_scores(result: Result, name: str, boxes_xyxy: np.ndarray) -> list[float]:
    """Of each box the best score of what was found there under its name; else 0."""
    mine = np.array([label == name for label in result.labels], bool)
    iou = pairwise_iou(boxes_xyxy, result.boxes_xyxy[mine])
    scores = np.where(iou >= MIN_IOU, result.scores[mine], 0.0)
    return scores.max(1, initial=0.0).tolist()


def _count(scores: Sequence[float], threshold: float) -> int:
    return int((np.array(scores, np.float32) >= np.float32(threshold)).sum())
