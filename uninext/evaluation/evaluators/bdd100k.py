"""Tracking of BDD100K: mMOTA, mMOTSA, mIDF1 by the benchmark's own rules.

Frames of labels in; they are split by class and counted (``bdd100k_tracking``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from uninext.evaluation.evaluators.base import SequenceEvaluator
from uninext.evaluation.evaluators.tracks import overlapping_masks
from uninext.evaluation.functional.bdd100k_frames import (
    BOXES,
    MASKS,
    SINGLE_BOXES,
    finite_metrics,
    image_size,
    object_rle,
)
from uninext.evaluation.functional.bdd100k_tracking import (
    AVERAGED,
    SUPER_CLASSES,
    ClearCounts,
    count_video,
    drop_ignored,
    summarize_classes,
)
from uninext.evaluation.functional.tracking import (
    COMBINED,
    TrackingFrame,
    combine_sequences,
    evaluate_sequence,
)
from uninext.formats.scalabel import BDD_THINGS, ScalabelFrame

Shapes = dict[str, tuple[list[int], list]]  # class -> ids, shapes


@dataclass
class VideoState:
    """What is kept of a video.

    Attributes:
        frames: Class -> the frames in which it is annotated or predicted.
        gt_numbers: Annotated id -> number; ids are text.
        track_numbers: Predicted id -> number.
        num_overlapping: Frames whose predictions are left out, since masks overlap.
    """

    frames: dict[str, list[TrackingFrame]] = field(default_factory=dict)
    gt_numbers: dict[str, int] = field(default_factory=dict)
    track_numbers: dict[str, int] = field(default_factory=dict)
    num_overlapping: int = 0


@dataclass
class VideoRecord:
    """What counts of a video.

    Attributes:
        counts: Class -> counts.
        hota: Class -> what TrackEval counts; {} without TrackEval.
        num_overlapping: As in :class:`VideoState`.
    """

    counts: dict[str, ClearCounts]
    hota: dict[str, dict[str, Any]]
    num_overlapping: int


class BDD100KTracksEvaluator(SequenceEvaluator[ScalabelFrame, ScalabelFrame]):
    """CLEAR, IDF1 and HOTA, class by class, and their means.

    A pair needs an IoU of 0.5. Predictions without a partner of which more than half
    lies in a crowd or in an object to be ignored do not count. With masks, all
    predictions of a frame in which two overlap are left out, as the benchmark does it;
    a warning says how many frames.

    Args:
        with_masks: Whether masks are compared (MOTS), else boxes (MOT).
        categories: All classes that the means are over.
        single_precision: Round left, top, width and height of boxes to 32 bits. The
            toolkit computes in 64 bits today, as we do; the numbers published with its
            sample were made in 32, and differ by up to 2e-7 in a class's MOTP.
    """

    def __init__(
        self,
        with_masks: bool = False,
        categories: Sequence[str] = BDD_THINGS,
        single_precision: bool = False,
    ) -> None:
        boxes = SINGLE_BOXES if single_precision else BOXES
        self.shape = MASKS if with_masks else boxes
        self.categories = tuple(categories)

    def start(self) -> VideoState:
        """No frame yet."""
        return VideoState()

    def add(
        self, state: VideoState, ground_truth: ScalabelFrame, prediction: ScalabelFrame
    ) -> None:
        """Compare the labels of a frame class by class.

        Raises:
            ValueError: If an id is twice in a frame, or a mask is of another size.
        """
        size_wh = image_size(ground_truth, prediction)
        objects, regions = self._shapes(ground_truth, size_wh, state.gt_numbers)
        found, _ = self._shapes(prediction, size_wh, state.track_numbers)
        if self._is_overlapping(prediction, size_wh):
            state.num_overlapping += 1
            found = {}
        for name in sorted(objects.keys() | found.keys()):
            ids, shapes = objects.get(name, ([], []))
            track_ids, predicted = found.get(name, ([], []))
            frame = TrackingFrame(
                np.array(ids, dtype=np.int64),
                np.array(track_ids, dtype=np.int64),
                self.shape.similarity(shapes, predicted),
            )
            if predicted and regions:
                frame = drop_ignored(frame, self.shape.cover(predicted, regions))
            state.frames.setdefault(name, []).append(frame)

    def finish(self, state: VideoState) -> VideoRecord:
        """Count the video, class by class."""
        hota = {}
        if find_spec('trackeval') is not None:
            hota = {name: evaluate_sequence(f) for name, f in state.frames.items()}
        counts = {name: count_video(frames) for name, frames in state.frames.items()}
        return VideoRecord(counts, hota, state.num_overlapping)

    def summarize(self, records: Mapping[str, VideoRecord]) -> dict[str, Any]:
        """The benchmark's table.

        Returns:
            ``mMOTA``, ``mMOTP``, ``mIDF1`` and ``mHOTA``, means over the classes;
            ``MOTA``, ``MOTP``, ``IDF1``, ``FP``, ``FN``, ``IDSw``, ``MT``, ``PT``,
            ``ML`` and ``FM`` over all objects; under ``classes`` and ``super_classes``
            those of each. Rates are shares, 1 the best, None where there is none. For
            masks MOTSA and MOTSP stand in place of MOTA and MOTP. HOTA is TrackEval's;
            without it a warning says that it is left out.
        """
        ordered = [records[name] for name in sorted(records, key=str)]
        self._warn_of_overlaps(sum(record.num_overlapping for record in ordered))
        counts = {
            name: sum(
                (r.counts[name] for r in ordered if name in r.counts), ClearCounts()
            )
            for name in self.categories
        }
        groups = {
            group: [name for name in names if name in counts]
            for group, names in SUPER_CLASSES.items()
        }
        groups = {group: names for group, names in groups.items() if names}
        table = summarize_classes(counts, groups)
        self._add_hota(table, ordered)
        averaged = [key for key in (*AVERAGED, 'HOTA') if key in table['AVERAGE']]
        metrics = {
            **{f'm{key}': table['AVERAGE'][key] for key in averaged},
            **finite_metrics(table['OVERALL']),
            'classes': {name: finite_metrics(table[name]) for name in self.categories},
            'super_classes': {name: finite_metrics(table[name]) for name in groups},
        }
        return _name_masks(metrics) if self.shape.exclusive else metrics

    def _shapes(
        self, frame: ScalabelFrame, size_wh: tuple[int, int], numbers: dict[str, int]
    ) -> tuple[Shapes, list]:
        """Class -> (ids, shapes); and the shapes that are to be ignored."""
        objects: Shapes = {}
        regions: list[Any] = []
        for obj in frame.objects:
            outline = self.shape.get(obj, size_wh)
            if outline is None:
                continue
            if obj.ignored:
                regions.append(outline)
                continue
            ids, shapes = objects.setdefault(obj.category, ([], []))
            assert obj.id is not None  # readers of tracks refuse it
            number = numbers.setdefault(obj.id, len(numbers))
            if number in ids:
                raise ValueError(
                    f'Frame {frame.name} of the video {frame.video!r} has the id '
                    f'{obj.id!r} twice among {obj.category}. An object is once in a '
                    'frame.'
                )
            ids.append(number)
            shapes.append(outline)
        return objects, regions

    def _is_overlapping(self, frame: ScalabelFrame, size_wh: tuple[int, int]) -> bool:
        if not self.shape.exclusive:
            return False
        rles = (object_rle(obj, size_wh) for obj in frame.objects)
        return overlapping_masks([rle for rle in rles if rle is not None])

    def _warn_of_overlaps(self, count: int) -> None:
        if count:
            warnings.warn(
                f'All predictions of {count} frames are left out, because masks '
                'overlap there. Give every pixel to one object.',
                stacklevel=3,
            )

    def _add_hota(
        self, table: dict[str, dict[str, float]], records: Sequence[VideoRecord]
    ) -> None:
        """Of each class, 0 for one that is nowhere; and the mean."""
        if find_spec('trackeval') is None:
            warnings.warn(
                'HOTA is left out: it needs TrackEval (requirements/tracking.txt).',
                stacklevel=3,
            )
            return
        for name in self.categories:
            results = {
                str(place): record.hota[name]
                for place, record in enumerate(records)
                if name in record.hota
            }
            value = combine_sequences(results)[COMBINED]['HOTA'] if results else 0.0
            table[name]['HOTA'] = value
        values = [table[name]['HOTA'] for name in self.categories]
        table['AVERAGE']['HOTA'] = float(np.mean(values))


def _name_masks(metrics: dict[str, Any]) -> dict[str, Any]:
    """MOTA and MOTP of masks are called MOTSA and MOTSP."""
    return {
        key.replace('MOTA', 'MOTSA').replace('MOTP', 'MOTSP'): (
            _name_masks(value) if isinstance(value, dict) else value
        )
        for key, value in metrics.items()
    }
