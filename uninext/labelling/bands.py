"""How sure a prediction must be: accepted, to be reviewed by a person, or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from uninext.apis.thresholds import checked_score_thr
from uninext.formats.predicted import ACCEPT, REVIEW, PredictedImage
from uninext.utils.defaults import ACCEPT_THRESHOLD, SCORE_THRESHOLD

BANDS = (ACCEPT, REVIEW)
# Of the way from a threshold of review to 1, where that of accept is: 0.3 -> 0.5.
ACCEPT_SHARE = (ACCEPT_THRESHOLD - SCORE_THRESHOLD) / (1 - SCORE_THRESHOLD)


def asked_kinds(categories: Any, expression: Any) -> list[str]:
    """Kinds of prompts that are asked for, as thresholds have them."""
    given = dict(category=categories, expression=expression)
    return [kind for kind, texts in given.items() if texts]


@dataclass(frozen=True)
class Bands:
    """Two thresholds in 0..1.

    Attributes:
        accept: From here on predictions are accepted.
        review: From here on they are kept for a person to look at; below, dropped.

    Raises:
        ValueError: If one is no number in 0..1, or ``review`` is above ``accept``.
    """

    accept: float = ACCEPT_THRESHOLD
    review: float = SCORE_THRESHOLD

    def __post_init__(self) -> None:
        for threshold in (self.accept, self.review):
            checked_score_thr(threshold)
        if self.review > self.accept:
            raise ValueError(
                f'The threshold of review, {self.review:g}, must not be above that of '
                f'accept, {self.accept:g}: predictions between them are reviewed. Give '
                'both; what is not given is as the model says.'
            )

    @classmethod
    def of_model(
        cls,
        stored: Mapping[str, float],
        kinds: Iterable[str],
        accept: float | None = None,
        review: float | None = None,
    ) -> Bands:
        """The bands that suit a model, where a user gives none.

        Args:
            stored: Calibrated thresholds by kind of prompt; may be empty.
            kinds: That are asked for. The highest of their thresholds is that of
                review; one that has none counts as ``SCORE_THRESHOLD``.
            accept: Of the user; None: ``ACCEPT_SHARE`` of the way from the default of
                review to 1.
            review: Of the user.

        Raises:
            ValueError: As of the class.
        """
        found = [stored.get(kind, SCORE_THRESHOLD) for kind in kinds]
        least = max(found, default=SCORE_THRESHOLD)
        sure = least + (1 - least) * ACCEPT_SHARE
        return cls(
            sure if accept is None else accept, least if review is None else review
        )

    def keeps(self, score: float) -> bool:
        """Whether a prediction is not dropped."""
        return score >= self.review

    def of(self, scores: Iterable[float]) -> str:
        """The band of the least sure of some predictions; none are accepted.

        An image or video has one band, since with a part of its objects it would teach
        that the others are background.
        """
        is_sure = min(scores, default=1.0) >= self.accept
        return ACCEPT if is_sure else REVIEW

    def applied_to(self, image: PredictedImage) -> PredictedImage:
        """An image with what is kept, and the band of each instance."""
        kept = tuple(
            instance._replace(band=self.of([instance.score]))
            for instance in image.instances
            if self.keeps(instance.score)
        )
        return replace(image, instances=kept)
