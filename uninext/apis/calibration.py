"""Thresholds of scores, found on labelled images.

For a wanted rate of false alarms: a false alarm is an instance of what is not there;
its rate is that of instances a prompt, of the categories that an image does not show,
all asked at once, or of an expression that fits nothing. Or for the best F1: of
objects found and instances that are right, where second boxes of an object are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from uninext.apis.inferencer import UninextInferencer
from uninext.apis.labelled_images import LabelledImage
from uninext.apis.results import Result
from uninext.formats.boxes import pairwise_iou

# Kinds of prompts that are calibrated; lower scores are not looked at.
KINDS = {'category': 0.05, 'expression': 0.0}
MIN_IOU = 0.5  # from it on an object is found


@dataclass
class KindScores:
    """What was asked with one kind of prompt, and how sure the model was.

    Attributes:
        lowest: Threshold that scores were looked at with.
        absent: Scores of the instances of what is not there.
        present: The score of each object, or expression, that is there; 0 if it was
            not found.
        num_absent: Prompts for what is not there.
        wrong: Scores of instances that are no object that is there, or one again.
    """

    lowest: float
    absent: list[float] = field(default_factory=list)
    present: list[float] = field(default_factory=list)
    num_absent: int = 0
    wrong: list[float] = field(default_factory=list)

    def __add__(self, other: KindScores) -> KindScores:
        """Both together; they were looked at with one threshold."""
        return KindScores(
            self.lowest,
            self.absent + other.absent,
            self.present + other.present,
            self.num_absent + other.num_absent,
            self.wrong + other.wrong,
        )

    def false_alarms(self, threshold: float) -> float:
        """Instances a prompt for what is not there; NaN without such a prompt."""
        return _count(self.absent, threshold) / (self.num_absent or float('nan'))

    def found(self, threshold: float) -> float:
        """Share of what is there that is found; NaN if nothing is there."""
        return _count(self.present, threshold) / (len(self.present) or float('nan'))

    def f1(self, threshold: float) -> float:
        """Harmonic mean of precision and recall; NaN if nothing is there or found."""
        found = _count(self.present, threshold)
        all_found = found + _count([*self.absent, *self.wrong], threshold)
        return 2 * found / (all_found + len(self.present) or float('nan'))

    def threshold_for(self, rate: float) -> float:
        """The lowest threshold with so many false alarms a prompt, or fewer."""
        allowed = int(rate * self.num_absent + 1e-9)
        scores = np.sort(np.array(self.absent, np.float32))[::-1]
        if len(scores) <= allowed:
            return self.lowest
        return min(1.0, float(np.nextafter(scores[allowed], np.float32(2))))

    def best_threshold(self) -> float:
        """The threshold of the best F1, halfway to the next lower score."""
        present = np.sort(np.float32(self.present))
        everything = np.sort(np.float32([*self.present, *self.absent, *self.wrong]))
        scores = np.unique(everything[everything > self.lowest])
        if not len(scores):
            return self.lowest
        found, all_found = (
            len(some) - np.searchsorted(some, scores) for some in (present, everything)
        )
        best = int(np.argmax(found / (all_found + len(present))))
        below = scores[best - 1] if best else self.lowest
        return float((scores[best] + below) / 2)


class Calibrated(NamedTuple):
    """The threshold of a kind of prompt.

    Attributes:
        scores: Of all images.
        threshold: None if the images say nothing of it.
        held_out: What to expect of new images, false alarms or F1: the mean of each
            half of the images at the threshold of the other half.
    """

    scores: KindScores
    threshold: float | None
    held_out: float


def calibrate(
    find: UninextInferencer, images: Sequence[LabelledImage], rate: float | None = None
) -> dict[str, Calibrated]:
    """Thresholds of categories and expressions.

    Args:
        find: The model.
        images: To ask.
        rate: False alarms a prompt, at most; None: the best F1.
    """
    halves = [score_kinds(find, images[half::2]) for half in (0, 1)]
    return {kind: _calibrated(*(half[kind] for half in halves), rate) for kind in KINDS}


def _calibrated(one: KindScores, other: KindScores, rate: float | None) -> Calibrated:
    both = one + other
    is_known = bool(both.num_absent)
    if rate is None:
        is_known = any(both.present) and (is_known or bool(both.wrong))
    if not is_known:
        return Calibrated(both, None, float('nan'))
    found = [
        scores.best_threshold() if rate is None else scores.threshold_for(rate)
        for scores in (one, other, both)
    ]
    measure = KindScores.f1 if rate is None else KindScores.false_alarms
    held_out = (measure(one, found[1]) + measure(other, found[0])) / 2
    return Calibrated(both, found[2], held_out)


def score_kinds(
    find: UninextInferencer, images: Iterable[LabelledImage]
) -> dict[str, KindScores]:
    """Ask images for what they show, and for what they do not.

    Targets are shown in the image that is asked, and so are always there: they are not
    among the kinds.

    Returns:
        ``category`` and ``expression`` -> scores.
    """
    kinds = {kind: KindScores(lowest) for kind, lowest in KINDS.items()}
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
    texts = image.expressions + image.absent_expressions
    names = image.absent_categories or None
    if names or texts:
        (result,) = find(
            image.path,
            categories=names,
            expression=texts or None,
            score_thr=KINDS,
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
            score_thr=KINDS,
            progress=False,
        )
        for name, boxes in image.boxes_xyxy.items():
            found, wrong = _matched(result, name, boxes)
            category.present += found
            category.wrong += wrong


def _scores_by_prompt(result: Result) -> list[list[float]]:
    return [
        result.scores[result.prompt_ids == i].tolist()
        for i in range(len(result.prompts))
    ]


def _matched(
    result: Result, name: str, boxes_xyxy: np.ndarray
) -> tuple[list[float], list[float]]:
    """Scores of the boxes, by what was found there under their name, and of the rest.

    The surest instance takes the box that it overlaps most, then the next.
    """
    mine = np.array([label == name for label in result.labels], bool)
    scores = result.scores[mine]
    iou = pairwise_iou(boxes_xyxy, result.boxes_xyxy[mine])
    found, wrong = np.zeros(len(boxes_xyxy)), []
    for i in np.argsort(-scores, kind='stable'):
        free = np.where(found == 0, iou[:, i], 0.0)
        box = int(free.argmax())
        if free[box] >= MIN_IOU:
            found[box] = scores[i]
        else:
            wrong.append(float(scores[i]))
    return found.tolist(), wrong


def _count(scores: Sequence[float], threshold: float) -> int:
    return int((np.array(scores, np.float32) >= np.float32(threshold)).sum())
