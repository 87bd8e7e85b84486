"""BDD100K box and mask tracking: mMOTA, mMOTSA, mIDF1 by the benchmark's own rules."""

from __future__ import annotations

import json
from typing import Any

from uninext.evaluation.evaluators.bdd100k import BDD100KTracksEvaluator
from uninext.evaluation.metrics.video_metric import (
    TracksMetric,
    frame_stem,
    give_pixels_to_the_best,
    log_metrics,
    target_mask,
    targets_of,
)
from uninext.formats.rle import encode_mask
from uninext.formats.scalabel import BDD_THINGS, ScalabelFrame, ScalabelObject
from uninext.registry import METRICS


@METRICS.register_module()
class BDD100KTrackingMetric(TracksMetric):
    """Metrics of BDD100K over all videos, as ``uninext eval bdd-mot`` gives them.

    Predictions are ``bboxes``, ``scores``, ``labels``, ``instances_ids`` and for
    ``segm`` ``masks``. Masks must not overlap: a pixel goes to the better score, as the
    published code paints them; an object without a pixel left is none.

    Args:
        **kwargs: As of :class:`TracksMetric`; ``outfile_prefix`` is the folder of
            ``<video>.json`` in the Scalabel layout, which the benchmark's server takes
            and ``uninext eval`` evaluates.
    """

    default_prefix = 'bdd100k'

    @property
    def evaluator(self) -> BDD100KTracksEvaluator:
        """What compares the frames."""
        return BDD100KTracksEvaluator(self.with_masks)

    def start_video(self, sample: dict) -> dict[str, Any]:
        unknown = set(self._classes) - set(BDD_THINGS)
        if unknown:
            raise ValueError(
                f'The data set has the classes {sorted(unknown)}, which are none of '
                f'BDD100K tracking: {", ".join(BDD_THINGS)}.'
            )
        return {'compared': self.evaluator.start(), 'frames': []}

    def add_frame(self, state: dict[str, Any], sample: dict) -> None:
        prediction = self._frame(sample, self._predictions(sample))
        state['frames'].append(_to_scalabel(prediction))
        if not self.format_only:
            ground_truth = self._frame(sample, self._targets(sample))
            self.evaluator.add(state['compared'], ground_truth, prediction)

    def finish_video(self, state: dict[str, Any], sample: dict) -> dict[str, Any]:
        record = None if self.format_only else self.evaluator.finish(state['compared'])
        return {'record': record, 'frames': state['frames']}

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Means over the classes and metrics over all objects.

        See ``BDD100KTracksEvaluator.summarize``.
        """
        if self.outfile_prefix is not None:
            files = {f'{v["name"]}.json': [json.dumps(v['frames'])] for v in videos}
            self.write(files, f'tracks of {len(videos)} videos')
        if self.format_only:
            return {}
        records = {video['name']: video['record'] for video in videos}
        metrics = self.evaluator.summarize(records)
        classes, _ = metrics.pop('classes'), metrics.pop('super_classes')
        means = {key[1:]: value for key, value in metrics.items() if key[0] == 'm'}
        log_metrics(f'{len(videos)} videos, mean of {len(classes)} classes', means)
        return {k: float('nan') if v is None else v for k, v in metrics.items()}

    @property
    def _classes(self) -> tuple[str, ...]:
        return tuple((self.dataset_meta or {}).get('classes', BDD_THINGS))

    def _targets(self, sample: dict) -> list[ScalabelObject]:
        return [
            ScalabelObject(
                id=str(target['instance_id']),
                category=self._classes[int(target['bbox_label'])],
                ignored=bool(target.get('ignore_flag')),
                box_xyxy=_as_tuple(target['bbox']),
                mask=encode_mask(target_mask(target, sample))
                if self.with_masks
                else None,
            )
            for target in targets_of(sample, with_ignored=True)
        ]

    def _predictions(self, sample: dict) -> list[ScalabelObject]:
        pred = self.tracks_of(sample)
        if self.with_masks:
            pred = give_pixels_to_the_best(pred)
        return [
            ScalabelObject(
                id=str(int(pred['instances_ids'][i])),
                category=self._classes[int(pred['labels'][i])],
                box_xyxy=_as_tuple(pred['bboxes'][i]),
                mask=encode_mask(pred['masks'][i]) if self.with_masks else None,
                score=float(pred['scores'][i]),
            )
            for i in range(len(pred['scores']))
        ]

    def _frame(self, sample: dict, objects: list[ScalabelObject]) -> ScalabelFrame:
        height, width = sample['ori_shape'][:2]
        return ScalabelFrame(
            name=f'{frame_stem(sample)}.jpg',
            video=str(sample.get('video_name') or sample['video_id']),
            index=int(sample['frame_id']),
            size_wh=(int(width), int(height)),
            objects=tuple(objects),
        )


def _as_tuple(box: Any) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(value) for value in box)
    return x1, y1, x2, y2


def _to_scalabel(frame: ScalabelFrame) -> dict[str, Any]:
    """A frame of results as JSON; the layout names the last pixel of a box."""
    labels = []
    for obj in frame.objects:
        assert obj.box_xyxy is not None
        x1, y1, x2, y2 = obj.box_xyxy
        label: dict[str, Any] = dict(id=obj.id, category=obj.category, score=obj.score)
        if obj.mask is None:
            label['box2d'] = dict(x1=x1, y1=y1, x2=x2 - 1, y2=y2 - 1)
        else:
            label['rle'] = obj.mask
        labels.append(label)
    return dict(
        name=frame.name, videoName=frame.video, frameIndex=frame.index, labels=labels
    )
