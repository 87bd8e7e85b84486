"""How sure a prediction must be: accepted, to be reviewed by a person, or dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from uninext.apis.thresholds import checked_score_thr
from uninext.formats.predicted import ACCEPT, REVIEW, PredictedImage
from uninext.utils.defaults import ACCEPT_THRESHOLD, SCORE_THRESHOLD

BANDS = (ACCEPT, REVIEW)


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
                f'accept, {self.accept:g}: predictions between them are reviewed.'
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
