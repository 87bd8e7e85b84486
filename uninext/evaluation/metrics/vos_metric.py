"""VOS: J and F of objects whose first mask is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from uninext.evaluation.evaluators.video_objects import (
    TrueObject,
    VideoObjectsEvaluator,
)
from uninext.evaluation.metrics.video_metric import (
    MasksMetric,
    frame_stem,
    log_metrics,
    predictions_of,
    target_mask,
    targets_of,
    video_name,
)
from uninext.formats.index_png import paint_ids, write_object_ids
from uninext.registry import METRICS


@METRICS.register_module()
class VOSMetric(MasksMetric):
    """J and F of objects, on masks of one image of ids a frame.

    Predictions are ``masks``, ``instances_ids`` (1 to 254, those of the ground truth)
    and, where masks may overlap, ``scores``. Every frame is evaluated as it comes.

    Args:
        frames: ``'inner'`` leaves out the first and the last frame (DAVIS);
            ``'after_first'`` counts from the frame after an object's first one
            (YouTube-VOS, whose objects come in later); ``'all'`` leaves out none.
        outfile_prefix: Folder of ``Annotations/<video>/<frame>.png``, images with a
            palette.
        **kwargs: As of :class:`MasksMetric`; a zip is checked for YouTube-VOS.

    Raises:
        ValueError: If an argument is unknown or there is nowhere to write.
    """

    default_prefix = 'vos'

    def __init__(self, frames: str = 'inner', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluator = VideoObjectsEvaluator(frames)

    def start_video(self, sample: dict) -> dict[str, Any]:
        return {'objects': self.evaluator.start(), 'files': []}

    def add_frame(self, state: dict[str, Any], sample: dict) -> None:
        ids = self._predicted_ids(sample)
        if self.outfile_prefix is not None:
            name = frame_stem(sample)
            file = f'Annotations/{video_name(sample)}/{name}.png'
            write_object_ids(ids, Path(self.outfile_prefix) / file)
            state['files'].append(file)
        if self.format_only:
            return
        ground_truth = {
            int(t['instance_id']): TrueObject(target_mask(t, sample), t.get('is_seen'))
            for t in targets_of(sample)
        }
        self.evaluator.add(state['objects'], ground_truth, ids)

    def finish_video(self, state: dict[str, Any], sample: dict) -> dict[str, Any]:
        if self.format_only:
            return {'files': state['files']}
        try:
            record = self.evaluator.finish(state['objects'])
        except ValueError as error:
            raise ValueError(f'Video {video_name(sample)!r}: {error}') from None
        return {'record': record, 'files': state['files']}

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """``J&F``, ``J_mean`` ...

        Where all objects say whether their category is among those of the training set
        (``is_seen`` of ``instances``), also ``G``, ``J_seen``, ``J_unseen``,
        ``F_seen``, ``F_unseen``.
        """
        self.pack_images([file for video in videos for file in video['files']], 'ytvos')
        if self.format_only:
            return {}
        metrics = self.evaluator.summarize({v['key']: v['record'] for v in videos})
        num_objects = sum(len(video['record']['objects']) for video in videos)
        log_metrics(f'{num_objects} objects', metrics)
        return metrics

    def _predicted_ids(self, sample: dict) -> np.ndarray:
        fields = ['masks', 'instances_ids']
        if 'scores' in sample['pred_instances']:
            fields.append('scores')
        pred = predictions_of(sample, *fields)
        scores = pred.get('scores', np.zeros(len(pred['masks'])))
        return paint_ids(pred['masks'], pred['instances_ids'].astype(int), scores)
