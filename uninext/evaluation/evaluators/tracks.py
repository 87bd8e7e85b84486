"""Multi-object tracking and segmentation (MOT, MOTS): HOTA, CLEAR and IDF1.

Objects of both sides enter frame by frame; what the protocol leaves of them is counted
by TrackEval (``functional.tracking``).

Legend: G annotated and P predicted objects of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from pycocotools import mask as mask_utils

from uninext.evaluation.evaluators.base import SequenceEvaluator
from uninext.evaluation.functional.tracking import (
    TrackingFrame,
    combine_sequences,
    distracted_predictions,
    evaluate_sequence,
    load_trackeval,
    mask_similarity,
)
from uninext.formats.boxes import pairwise_iou

MOT_CLASSES = range(1, 14)  # of MOTChallenge's ground truth, 1 is the pedestrian
MOTS_PEDESTRIAN, MOTS_IGNORED = 2, 10  # of MOTS


@dataclass
class TrackedObjects:
    """One side of a frame: what is annotated, or what a tracker reports.

    Attributes:
        ids: (N,) int, the same for an object over the sequence, once in a frame.
        shapes: (N, 4) boxes xyxy in absolute pixels, not cut to the frame; or N RLEs.
        classes: (N,) int, numbered as the protocol says.
        considered: (N,) bool, ground truth only: False where an annotation is marked
            as not to be evaluated. None: all are.
    """

    ids: np.ndarray
    shapes: np.ndarray | Sequence[dict]
    classes: np.ndarray
    considered: np.ndarray | None = None


@dataclass(frozen=True)
class TrackingProtocol:
    """What of a sequence is evaluated.

    Attributes:
        name: What configs and ``uninext eval --protocol`` call it.
        with_masks: Whether it is for masks (True), boxes (False) or both (None).
        classes: Numbers that ground truth may have; None: any.
        predicted: Numbers that predictions may have; None: any.
        prepare: The two sides of all frames -> what is evaluated of them.
        ignored_class: Number of regions to ignore, which have no identity.
    """

    name: str
    with_masks: bool | None
    classes: Sequence[int] | None
    predicted: Sequence[int] | None
    prepare: Callable[[Sequence[_Frame]], list[TrackingFrame]] = field(repr=False)
    ignored_class: int | None = None


@dataclass
class _Frame:
    ground_truth: TrackedObjects
    prediction: TrackedObjects
    similarity: np.ndarray  # (G, P)


class TracksEvaluator(SequenceEvaluator[TrackedObjects, TrackedObjects]):
    """HOTA, CLEAR and IDF1 of tracks of boxes or masks.

    ``protocol`` is the name of one of :data:`PROTOCOLS`:

    ========= ==========================================================================
    ``plain`` Objects of different classes never match. A prediction that matches an
              annotation that is not considered is neither right nor wrong.
    ``mot15`` Without classes: annotations that are not considered are left out.
    ``mot17`` (also MOT16) Classes of gt.txt. Predictions are matched with annotations
              of all classes first; those upon a person on a vehicle, a static person, a
              distractor or a reflection are left out. Evaluated are the pedestrians
              that are considered; a prediction upon another one is wrong.
    ``mot20`` As ``mot17``; vehicles without a motor are distractors too.
    ``mots``  Pedestrians (class 2). Predictions that match none and of which more than
              half lies in a region to ignore (class 10) are left out.
    ========= ==========================================================================

    All but ``plain`` are TrackEval's own preprocessing, run by TrackEval.

    Args:
        protocol: Name.
        with_masks: Whether shapes are masks.

    Raises:
        ValueError: If the protocol is unknown, or is not for such shapes.
    """

    def __init__(self, protocol: str = 'plain', with_masks: bool = False) -> None:
        usable = names_of_protocols(with_masks)
        if protocol not in usable:
            raise ValueError(
                f'protocol is {protocol!r}; for {"masks" if with_masks else "boxes"} '
                f'it must be one of {", ".join(usable)}.'
            )
        self.protocol = PROTOCOLS[protocol]
        self.with_masks = with_masks

    def start(self) -> list[_Frame]:
        """No frame yet."""
        return []

    def add(
        self,
        state: list[_Frame],
        ground_truth: TrackedObjects,
        prediction: TrackedObjects,
    ) -> None:
        """Compare the two sides of a frame.

        Raises:
            ValueError: If an id is twice in the frame, a class is none of the
                protocol's, or masks differ in size.
        """
        where = f'frame {len(state) + 1}'
        sides = (
            ('ground truth', ground_truth, self.protocol.classes),
            ('predictions', prediction, self.protocol.predicted),
        )
        for side, objects, classes in sides:
            _check_ids(objects, self.protocol.ignored_class, f'{where} of the {side}')
            _check_classes(objects, classes, f'{where} of the {side}')
        if self.with_masks:
            _check_sizes([*ground_truth.shapes, *prediction.shapes], where)
        shapes: Any = ground_truth.shapes, prediction.shapes
        similarity_of = mask_similarity if self.with_masks else pairwise_iou
        similarity = similarity_of(*shapes)
        state.append(_Frame(ground_truth, prediction, similarity))

    def finish(self, state: list[_Frame]) -> dict[str, dict[str, Any]]:
        """Leave out what the protocol says, and count.

        Returns:
            As ``evaluate_sequence``.

        Raises:
            ValueError: If masks overlap where the protocol does not let them.
        """
        return evaluate_sequence(self.protocol.prepare(state))

    def summarize(
        self, records: Mapping[str, dict[str, dict[str, Any]]]
    ) -> dict[str, dict[str, float]]:
        """Metrics of the set and of each sequence.

        Returns:
            ``COMBINED`` and sequence name -> metrics, as ``combine_sequences``.

        Raises:
            ValueError: If there is no sequence.
        """
        return combine_sequences(records)


def names_of_protocols(with_masks: bool) -> list[str]:
    """Names of the protocols for masks, or for boxes."""
    return [p.name for p in PROTOCOLS.values() if p.with_masks in (None, with_masks)]


def num_annotated(record: Mapping[str, dict[str, Any]]) -> int:
    """How many annotations of a sequence are evaluated.

    Args:
        record: Of the sequence, from :meth:`TracksEvaluator.finish`.
    """
    return int(record['CLEAR']['CLR_TP'] + record['CLEAR']['CLR_FN'])


def overlapping_masks(rles: Sequence[dict]) -> bool:
    """Whether a pixel belongs to two masks of a frame."""
    if len(rles) < 2:
        return False
    areas = mask_utils.area(list(rles)).astype(np.int64)
    return int(mask_utils.area(mask_utils.merge(list(rles)))) != int(areas.sum())


def _check_ids(objects: TrackedObjects, ignored_class: int | None, where: str) -> None:
    counted = objects.ids[objects.classes != ignored_class]
    ids, counts = np.unique(counted, return_counts=True)
    if (counts > 1).any():
        raise ValueError(
            f'{where} has an id twice: {ids[counts > 1][0]}. An object is once in a '
            'frame.'
        )


def _check_classes(
    objects: TrackedObjects, classes: Sequence[int] | None, where: str
) -> None:
    if classes is None:
        return
    strange = objects.classes[~np.isin(objects.classes, classes)]
    if strange.size:
        raise ValueError(
            f'{where} has the class {strange[0]}; expected '
            f'{" or ".join(map(str, classes))}.'
        )


def _check_sizes(rles: Sequence[dict], where: str) -> None:
    sizes = {tuple(rle['size']) for rle in rles}
    if len(sizes) > 1:
        raise ValueError(
            f'{where} has masks of different sizes (H, W): '
            f'{", ".join(map(str, sorted(sizes)))}.'
        )


def _prepare_plain(frames: Sequence[_Frame]) -> list[TrackingFrame]:
    prepared = []
    for frame in frames:
        ground_truth, prediction = frame.ground_truth, frame.prediction
        considered = _considered(ground_truth)
        # a region to ignore may be of any class
        alike = ground_truth.classes[:, None] == prediction.classes
        similarity = frame.similarity * (alike | ~considered[:, None])
        kept = ~distracted_predictions(similarity, ~considered)
        prepared.append(
            TrackingFrame(
                gt_ids=ground_truth.ids[considered],
                track_ids=prediction.ids[kept],
                similarity=similarity[considered][:, kept],
            )
        )
    return prepared


def _prepare_mot(
    frames: Sequence[_Frame], benchmark: str = 'MOT17'
) -> list[TrackingFrame]:
    rules = load_trackeval('MotChallenge2DBox', BENCHMARK=benchmark)
    raw = _as_raw(frames)
    raw['gt_extras'] = [
        dict(zero_marked=_considered(f.ground_truth).astype(int)) for f in frames
    ]
    raw['tracker_confidences'] = [np.ones(len(f.prediction.ids)) for f in frames]
    return _prepared(rules.get_preprocessed_seq_data(raw, 'pedestrian'))


def _prepare_mot15(frames: Sequence[_Frame]) -> list[TrackingFrame]:
    return _prepare_mot(frames, 'MOT15')


def _prepare_mot20(frames: Sequence[_Frame]) -> list[TrackingFrame]:
    return _prepare_mot(frames, 'MOT20')


def _prepare_mots(frames: Sequence[_Frame]) -> list[TrackingFrame]:
    rules = load_trackeval('MOTSChallenge')
    kept, regions = [], []
    for number, frame in enumerate(frames, start=1):
        for side in (frame.ground_truth, frame.prediction):
            if overlapping_masks(cast(Sequence[dict], side.shapes)):
                name = 'ground truth' if side is frame.ground_truth else 'predictions'
                raise ValueError(
                    f'frame {number} of the {name} has overlapping masks. MOTS gives '
                    'every pixel to one object.'
                )
        ignored = frame.ground_truth.classes == MOTS_IGNORED
        rles = list(frame.ground_truth.shapes)
        regions.append(mask_utils.merge([rles[i] for i in np.flatnonzero(ignored)]))
        objects = [rles[i] for i in np.flatnonzero(~ignored)]
        ground_truth = TrackedObjects(
            frame.ground_truth.ids[~ignored],
            objects,
            frame.ground_truth.classes[~ignored],
        )
        kept.append(_Frame(ground_truth, frame.prediction, frame.similarity[~ignored]))
    raw = {**_as_raw(kept), 'gt_ignore_region': regions}
    return _prepared(rules.get_preprocessed_seq_data(raw, 'pedestrian'))


def _considered(ground_truth: TrackedObjects) -> np.ndarray:
    if ground_truth.considered is None:
        return np.ones(len(ground_truth.ids), dtype=bool)
    return np.asarray(ground_truth.considered, dtype=bool)


def _as_raw(frames: Sequence[_Frame]) -> dict[str, Any]:
    """A sequence as TrackEval holds what it has read; ids are numbered from 0."""
    raw: dict[str, Any] = dict(num_timesteps=len(frames), seq='')
    for key, side in (('gt', 'ground_truth'), ('tracker', 'prediction')):
        objects: list[TrackedObjects] = [getattr(frame, side) for frame in frames]
        ids = [np.asarray(o.ids, dtype=np.int64) for o in objects]
        known = np.unique(np.concatenate([np.zeros(0, np.int64), *ids]))
        raw[f'{key}_ids'] = [np.searchsorted(known, values) for values in ids]
        raw[f'{key}_classes'] = [o.classes for o in objects]
        raw[f'{key}_dets'] = [o.shapes for o in objects]
    raw['similarity_scores'] = [frame.similarity for frame in frames]
    return raw


def _prepared(data: dict[str, Any]) -> list[TrackingFrame]:
    keys = ('gt_ids', 'tracker_ids', 'similarity_scores')
    return [TrackingFrame(*values) for values in zip(*(data[key] for key in keys))]


PROTOCOLS: dict[str, TrackingProtocol] = {
    protocol.name: protocol
    for protocol in (
        TrackingProtocol('plain', None, None, None, _prepare_plain),
        TrackingProtocol('mot15', False, None, (1,), _prepare_mot15),
        TrackingProtocol('mot17', False, MOT_CLASSES, (1,), _prepare_mot),
        TrackingProtocol('mot20', False, MOT_CLASSES, (1,), _prepare_mot20),
        TrackingProtocol(
            'mots',
            True,
            (MOTS_PEDESTRIAN, MOTS_IGNORED),
            (MOTS_PEDESTRIAN,),
            _prepare_mots,
            MOTS_IGNORED,
        ),
    )
}
