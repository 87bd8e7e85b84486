"""VIS: instances of whole videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uninext.evaluation.evaluators.base import SequenceEvaluator
from uninext.evaluation.functional.coco import MAX_DETS
from uninext.evaluation.functional.video_instances import video_instance_metrics


@dataclass(frozen=True)
class Instance:
    """An instance of a video, annotated or predicted.

    Attributes:
        category_id: Of the annotation file.
        segmentations: An RLE or None a frame.
        score: Of a prediction.
        iscrowd: Whether a match is neither right nor wrong.
        areas: Of each frame in pixels, as the annotation file says them; measured on
            the masks if None.
    """

    category_id: Any
    segmentations: Sequence[Any]
    score: float = 1.0
    iscrowd: bool = False
    areas: Sequence[float | None] | None = None


class VideoInstancesEvaluator(
    SequenceEvaluator[Sequence[Instance], Sequence[Instance]]
):
    """AP and AR by the rules of YouTube-VIS (also OVIS).

    A video is added once, as a whole: its instances are known when it is over.
    Records are named by the ids of their videos.

    Args:
        category_ids: All that count.
        max_dets: How many predictions count for a video and category.
    """

    def __init__(
        self, category_ids: Sequence[Any], max_dets: Sequence[int] = MAX_DETS
    ) -> None:
        self.category_ids = list(category_ids)
        self.max_dets = max_dets

    def start(self) -> dict[str, list[Instance]]:
        return {'ground_truth': [], 'predictions': []}

    def add(
        self,
        state: dict[str, list[Instance]],
        ground_truth: Sequence[Instance],
        prediction: Sequence[Instance],
    ) -> None:
        state['ground_truth'] += ground_truth
        state['predictions'] += prediction

    def finish(self, state: dict[str, list[Instance]]) -> dict[str, list[Instance]]:
        return state

    def summarize(self, records: Mapping[Any, dict]) -> dict[str, float]:
        """See ``functional.video_instances.video_instance_metrics``."""
        kinds: dict[str, list[dict]] = {'ground_truth': [], 'predictions': []}
        for video_id, record in records.items():
            for kind, listed in kinds.items():
                listed += [{**vars(i), 'video_id': video_id} for i in record[kind]]
        return video_instance_metrics(
            kinds['ground_truth'],
            kinds['predictions'],
            list(records),
            self.category_ids,
            self.max_dets,
        )
