"""MOT and MOTS: are objects found and do they keep their ids?"""

from __future__ import annotations

from typing import Any

import numpy as np

from uninext.evaluation.evaluators.tracks import (
    MOTS_IGNORED,
    MOTS_PEDESTRIAN,
    TrackedObjects,
    TracksEvaluator,
)
from uninext.evaluation.functional.tracking import COMBINED
from uninext.evaluation.metrics.video_metric import (
    TracksMetric,
    give_pixels_to_the_best,
    log_metrics,
    target_mask,
    targets_of,
    video_name,
)
from uninext.formats.boxes import xyxy_to_xywh
from uninext.formats.mot_text import mot_line, mots_line
from uninext.formats.rle import encode_mask
from uninext.registry import METRICS

SHARES = (
    *('HOTA', 'DetA', 'AssA', 'LocA', 'MOTA', 'sMOTA', 'MOTP', 'IDF1'),
    *('IDP', 'IDR', 'CLR_Re', 'CLR_Pr'),
)
COUNTS = ('CLR_TP', 'CLR_FP', 'CLR_FN', 'IDSW', 'Frag', 'MT', 'PT', 'ML')
BENCHMARK_KEYS = ('mot_class', 'considered', 'object_id')  # of mot17 and mot20


@METRICS.register_module()
class TrackingMetric(TracksMetric):
    """HOTA, CLEAR and IDF1 over all videos, as ``uninext eval mot`` and ``mots``.

    Predictions are ``bboxes``, ``scores``, ``labels``, ``instances_ids`` and for
    ``segm`` ``masks``. BDD100K's own metrics (mMOTA ...) are another class's.

    Args:
        similarity: ``'bbox'`` (MOT) or ``'segm'`` (MOTS): IoU of what.
        protocol: What is evaluated, see ``TracksEvaluator``. ``mot17`` and ``mot20``
            need data of one class, the pedestrian, whose ``instances`` have
            ``mot_class``, ``considered`` and ``object_id``, as the converter of
            MOTChallenge writes them. In the others the classes are those of the data
            set, and objects with ``ignore_flag`` are not considered.
        **kwargs: As of :class:`TracksMetric`; ``outfile_prefix`` is the folder of
            ``<video>.txt``: for boxes lines of MOTChallenge
            ``frame,id,x,y,w,h,score,class,-1,-1`` (class -1 where the data set has
            one), for masks of MOTS ``frame id class height width rle``; frames and
            classes from 1 (``mots``: the pedestrian is 2). Numbers of boxes are
            written so that the same numbers are read.

    Raises:
        ValueError: If ``similarity`` or ``protocol`` is unknown.
    """

    default_prefix = 'track'

    def __init__(
        self, similarity: str = 'bbox', protocol: str = 'plain', **kwargs: Any
    ) -> None:
        super().__init__(similarity, **kwargs)
        self.evaluator = TracksEvaluator(protocol, self.with_masks)

    @property
    def protocol(self) -> str:
        """Name of what is evaluated."""
        return self.evaluator.protocol.name

    def start_video(self, sample: dict) -> dict[str, Any]:
        if self.protocol != 'plain' and self._num_classes > 1:
            raise ValueError(
                f'The protocol {self.protocol} is for data of one class, the '
                f'pedestrian; this data set has {self._num_classes}.'
            )
        return {'frames': self.evaluator.start(), 'lines': []}

    def add_frame(self, state: dict[str, Any], sample: dict) -> None:
        pred = self.tracks_of(sample)
        if self.protocol == 'mots':
            pred = give_pixels_to_the_best(pred)
        shapes = pred['bboxes'].astype(np.float64)
        prediction = TrackedObjects(
            ids=pred['instances_ids'].astype(np.int64),
            shapes=list(map(encode_mask, pred['masks'])) if self.with_masks else shapes,
            classes=self._classes_of(pred['labels']),
        )
        number = sample['frame_id'] + 1
        state['lines'] += self._lines(prediction, pred['scores'], number)
        if not self.format_only:
            self.evaluator.add(state['frames'], self._ground_truth(sample), prediction)

    def finish_video(self, state: dict[str, Any], sample: dict) -> dict[str, Any]:
        record = None
        if not self.format_only:
            try:
                record = self.evaluator.finish(state['frames'])
            except ValueError as error:
                raise ValueError(f'Video {video_name(sample)!r}: {error}') from None
        return {'record': record, 'lines': state['lines']}

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Metrics over all videos, see ``combine_sequences``."""
        if self.outfile_prefix is not None:
            files = {f'{video["name"]}.txt': video['lines'] for video in videos}
            self.write(files, f'tracks of {len(videos)} videos')
        if self.format_only:
            return {}
        metrics = self.evaluator.summarize({str(v['key']): v['record'] for v in videos})
        overall = metrics[COMBINED]
        log_metrics(f'{len(videos)} videos', {key: overall[key] for key in SHARES})
        return {key: overall[key] for key in (*SHARES, *COUNTS)}

    @property
    def _num_classes(self) -> int:
        return len((self.dataset_meta or {}).get('classes', ('object',)))

    def _classes_of(self, labels: np.ndarray) -> np.ndarray:
        first = MOTS_PEDESTRIAN if self.protocol == 'mots' else 1
        return np.asarray(labels, dtype=np.int64) + first

    def _ground_truth(self, sample: dict) -> TrackedObjects:
        targets = targets_of(sample, with_ignored=True)
        if self.protocol in ('mot17', 'mot20'):
            return self._benchmark_ground_truth(targets, sample)
        ignored = np.array([bool(t.get('ignore_flag')) for t in targets], dtype=bool)
        classes = self._classes_of(np.array([t['bbox_label'] for t in targets]))
        if self.protocol == 'mots':
            classes[ignored] = MOTS_IGNORED
        shapes: np.ndarray | list[dict]
        if self.with_masks:
            shapes = [encode_mask(target_mask(t, sample)) for t in targets]
        else:
            shapes = _boxes(targets)
        ids = np.array([t['instance_id'] for t in targets], dtype=np.int64)
        return TrackedObjects(ids, shapes, classes, ~ignored)

    def _benchmark_ground_truth(
        self, targets: list[dict], sample: dict
    ) -> TrackedObjects:
        for target in targets:
            missing = [key for key in BENCHMARK_KEYS if key not in target]
            if missing:
                raise ValueError(
                    f'Object {target.get("instance_id")} of video '
                    f'{video_name(sample)!r} has no {", no ".join(missing)}, which the '
                    f'protocol {self.protocol} needs. Convert the data anew: '
                    'tools/dataset_converters/mot_challenge.py.'
                )
        classes, considered, ids = (
            np.array([t[key] for t in targets], dtype=np.int64)
            for key in BENCHMARK_KEYS
        )
        return TrackedObjects(ids, _boxes(targets), classes, considered.astype(bool))

    def _lines(
        self, prediction: TrackedObjects, scores: np.ndarray, number: int
    ) -> list[str]:
        """Lines of a frame, numbered from 1."""
        rows = zip(prediction.ids, prediction.shapes, prediction.classes, scores)
        if self.with_masks:
            return [
                f'{mots_line(number, track, label, rle)}\n'
                for track, rle, label, _ in rows
            ]
        with_class = self._num_classes > 1
        return [
            f'{mot_line(number, track, box_xywh, score, label if with_class else -1)}\n'
            for track, box_xyxy, label, score in rows
            for box_xywh in [xyxy_to_xywh(box_xyxy).tolist()]
        ]


def _boxes(targets: list[dict]) -> np.ndarray:
    boxes = [target['bbox'] for target in targets]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)
