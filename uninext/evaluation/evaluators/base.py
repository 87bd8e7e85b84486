"""What evaluators share: frames are compared one by one, records are summarised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

GroundTruth = TypeVar('GroundTruth')
Prediction = TypeVar('Prediction')


class SequenceEvaluator(ABC, Generic[GroundTruth, Prediction]):
    """Compares predictions with ground truth, sequence by sequence.

    A sequence is a video, or one image where a task is about images. Its frames are
    added in order; what stays of it is a record, small and picklable, since ranks
    exchange records. Evaluators keep no state between calls: whatever accumulates is
    in the ``state`` that :meth:`start` makes.
    """

    @abstractmethod
    def start(self) -> Any:
        """Make the state of a sequence, before its first frame."""

    @abstractmethod
    def add(
        self, state: Any, ground_truth: GroundTruth, prediction: Prediction
    ) -> None:
        """Compare a frame and keep what counts in ``state``.

        Args:
            state: Of this sequence, from :meth:`start`.
            ground_truth: Ground truth of the frame.
            prediction: What was predicted for it.
        """

    @abstractmethod
    def finish(self, state: Any) -> Any:
        """Turn the state of a whole sequence into its record.

        Args:
            state: Of this sequence, after its last frame.
        """

    @abstractmethod
    def summarize(self, records: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the metrics of a set.

        Returns:
            Metric name -> value; shares are 0 to 1, counts are whole numbers.
        """
