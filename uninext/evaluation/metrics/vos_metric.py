"""VOS: J and F of objects whose first mask is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger

from uninext.evaluation.functional.video_objects import (
    ObjectScores,
    contour_accuracy,
    region_similarity,
    summarize_objects,
    summarize_seen_unseen,
)
from uninext.evaluation.metrics.object_pictures import paint_ids, write_object_ids
from uninext.evaluation.metrics.video_metric import (
    VideoMetric,
    frame_stem,
    log_figures,
    predictions_of,
    target_mask,
    targets_of,
    video_name,
)
from uninext.evaluation.submission import write_submission
from uninext.registry import METRICS

FRAMES = ('inner', 'after_first')


@METRICS.register_module()
class VOSMetric(VideoMetric):
    """J and F of objects, on masks of one picture of ids a frame.

    Predictions are ``masks``, ``instances_ids`` (1 to 254, those of the ground truth)
    and, where masks may overlap, ``scores``. Every frame is judged as it comes.

    Args:
        frames: ``'inner'`` leaves out the first and the last frame (DAVIS);
            ``'after_first'`` counts from the frame after an object's first one
            (YouTube-VOS, whose objects come in later).
        outfile_prefix: Folder of ``Annotations/<video>/<frame>.png``, pictures with a
            palette.
        with_zip: Also write ``<outfile_prefix>.zip``, checked for YouTube-VOS.
        format_only: Only write files.
        collect_device: ``'cpu'`` or ``'gpu'``: where ranks meet.
        prefix: First part of the figures' names; ``'vos'`` if None.

    Raises:
        ValueError: If an argument is unknown or there is nowhere to write.
    """

    default_prefix = 'vos'

    def __init__(
        self,
        frames: str = 'inner',
        outfile_prefix: str | None = None,
        with_zip: bool = False,
        format_only: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(outfile_prefix, format_only, collect_device, prefix)
        if frames not in FRAMES:
            raise ValueError(f'frames must be one of {FRAMES}, got {frames!r}.')
        if with_zip and outfile_prefix is None:
            raise ValueError('with_zip needs outfile_prefix: where to write to.')
        self.frames = frames
        self.with_zip = with_zip

    def start_video(self, sample: dict) -> dict[str, Any]:
        # Scores are {frame: (J, F)} of every object; 'found' is the ids of each frame.
        return {'scores': {}, 'seen': {}, 'found': [], 'files': []}

    def add_frame(self, state: dict[str, Any], sample: dict) -> None:
        ids = self._predicted_ids(sample)
        if self.outfile_prefix is not None:
            name = frame_stem(sample)
            file = f'Annotations/{video_name(sample)}/{name}.png'
            write_object_ids(ids, Path(self.outfile_prefix) / file)
            state['files'].append(file)
        if self.format_only:
            return
        state['found'].append(set(np.unique(ids).tolist()) - {0})
        here = {int(t['instance_id']): t for t in targets_of(sample)}
        for object_id, target in here.items():
            state['scores'].setdefault(object_id, {})
            if 'is_seen' in target:
                state['seen'][object_id] = bool(target['is_seen'])
        for object_id, frames in state['scores'].items():
            if object_id in here:
                truth = target_mask(here[object_id], sample)
            else:
                truth = np.zeros(ids.shape, dtype=bool)
            answer = ids == object_id
            pair = region_similarity(answer, truth), contour_accuracy(answer, truth)
            frames[sample['frame_id']] = pair

    def finish_video(self, state: dict[str, Any], sample: dict) -> dict[str, Any]:
        objects = {}
        for object_id, frames in state['scores'].items():
            first = min(frames)
            if self.frames == 'inner':
                # Before its first frame an object is empty: right if nothing was said.
                early = {
                    t: (float(object_id not in state['found'][t]),) * 2
                    for t in range(first)
                }
                pairs = {**early, **frames}
                counting = range(1, sample['video_length'] - 1)
            else:
                pairs, counting = frames, range(first + 1, sample['video_length'])
            rows = np.array([pairs[t] for t in counting]).reshape(-1, 2)
            objects[object_id] = rows
        return {'objects': objects, 'seen': state['seen'], 'files': state['files']}

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Judge, and pack what was written.

        Args:
            videos: Results of all ranks.

        Returns:
            ``J&F``, ``J_mean`` ...; where all objects say whether their category is
            among those of the training set (``is_seen`` of ``instances``), also
            ``G``, ``J_seen``, ``J_unseen``, ``F_seen``, ``F_unseen``.
        """
        self._pack(videos)
        if self.format_only:
            return {}
        scores, seen = [], []
        for video in videos:
            for object_id, rows in video['objects'].items():
                if len(rows):
                    scores.append(ObjectScores(rows[:, 0], rows[:, 1]))
                    seen.append(video['seen'].get(object_id))
        figures = summarize_objects(scores)
        if {True, False} <= set(seen) and None not in seen:
            figures = {**summarize_seen_unseen(scores, seen), **figures}
        log_figures(f'{len(scores)} objects', figures)
        return figures

    def _pack(self, videos: list[dict], layout: str = 'ytvos') -> None:
        if self.outfile_prefix is None:
            return
        logger: MMLogger = MMLogger.get_current_instance()
        files = [file for video in videos for file in video['files']]
        logger.info(f'{len(files)} pictures are saved in {self.outfile_prefix}')
        if self.with_zip:
            path = f'{self.outfile_prefix}.zip'
            write_submission(path, files, self.outfile_prefix, layout)
            logger.info(f'{path} is what the server takes')

    def _predicted_ids(self, sample: dict) -> np.ndarray:
        fields = ['masks', 'instances_ids']
        if 'scores' in sample['pred_instances']:
            fields.append('scores')
        pred = predictions_of(sample, *fields)
        scores = pred.get('scores', np.zeros(len(pred['masks'])))
        return paint_ids(pred['masks'], pred['instances_ids'].astype(int), scores)
