"""R-VOS: J and F of the one object that an expression refers to."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

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
from uninext.formats.index_png import (
    paint_ids,
    write_mask,
    write_object_ids,
)
from uninext.formats.rle import encode_mask
from uninext.registry import METRICS


@METRICS.register_module()
class ReferringVOSMetric(MasksMetric):
    """J and F of expressions; every frame counts.

    A video with an expression (``expression``, ``exp_id``) is one stream of frames; of
    a frame's predictions the mask with the best score answers.

    Two ways to evaluate:

    * One by one (Ref-YouTube-VOS): each expression on its own. Images are
      ``Annotations/<video>/<exp_id>/<frame>.png``, 0 and 255.
    * ``merged`` (Ref-DAVIS): the expressions of one video, one per object, share its
      pixels: where masks overlap the better score of the frame has it. Give one
      evaluation per annotator. Images are ``Annotations/<video>/<frame>.png``, the
      object of the k-th ``exp_id`` being k. Deviation: the published code merges
      probabilities; masks have none.

    Args:
        merged: See above.
        **kwargs: As of :class:`MasksMetric`.
    """

    default_prefix = 'rvos'

    def __init__(self, merged: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluator = VideoObjectsEvaluator('all')
        self.merged = merged

    def start_video(self, sample: dict) -> dict[str, Any]:
        return {'object': self.evaluator.start(), 'files': [], 'tube': [], 'stems': []}

    def add_frame(self, state: dict[str, Any], sample: dict) -> None:
        mask, score = _best_mask(sample)
        ground_truth = None if self.format_only else _single_ground_truth(sample)
        stem = frame_stem(sample) if self.outfile_prefix is not None else None
        if self.merged:
            gt_rle = None if ground_truth is None else encode_mask(ground_truth)
            state['tube'].append((encode_mask(mask), score, gt_rle))
            state['stems'].append(stem)
            return
        if ground_truth is not None:
            target = {1: TrueObject(ground_truth)}
            self.evaluator.add(state['object'], target, mask.astype(np.uint8))
        if self.outfile_prefix is not None:
            file = f'Annotations/{video_name(sample)}/{_exp_id(sample)}/{stem}.png'
            write_mask(mask, Path(self.outfile_prefix) / file)
            state['files'].append(file)

    def finish_video(self, state: dict[str, Any], sample: dict) -> dict[str, Any]:
        record = self.evaluator.finish(state.pop('object'))
        return {'exp_id': _exp_id(sample), 'record': record, **state}

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """``J&F``, ``J_mean`` ... over expressions (``merged``: objects)."""
        names = [(video['name'], video['exp_id']) for video in videos]
        if len(set(names)) < len(names) and (self.merged or self.outfile_prefix):
            raise ValueError(
                'Several expressions of a video have the same exp_id: their results '
                'cannot be told apart. Give every expression of a test file its exp_id.'
            )
        if self.merged:
            groups = defaultdict(list)
            for video in videos:
                groups[video['name']].append(video)
            videos = [
                self._merge(name, sorted(group, key=_exp_order))
                for name, group in groups.items()
            ]
        files = [file for video in videos for file in video['files']]
        self.pack_images(files, 'ytvos' if self.merged else 'refytvos')
        if self.format_only:
            return {}
        metrics = self.evaluator.summarize({v['key']: v['record'] for v in videos})
        log_metrics(f'{len(names)} expressions', metrics)
        return metrics

    def _merge(self, name: str, group: list[dict]) -> dict:
        """Let the expressions of a video share its pixels: objects 1, 2, ..."""
        if len({len(video['tube']) for video in group}) > 1:
            raise ValueError(f'The expressions of video {name!r} differ in length.')
        state, files = self.evaluator.start(), []
        ids = np.arange(1, len(group) + 1)
        for index, stem in enumerate(group[0]['stems']):
            entries = [video['tube'][index] for video in group]
            masks = np.stack([mask_utils.decode(e[0]).astype(bool) for e in entries])
            painted = paint_ids(masks, ids, np.array([e[1] for e in entries]))
            if self.outfile_prefix is not None:
                file = f'Annotations/{name}/{stem}.png'
                write_object_ids(painted, Path(self.outfile_prefix) / file)
                files.append(file)
            if not self.format_only:
                ground_truth = {
                    number: TrueObject(mask_utils.decode(entry[2]).astype(bool))
                    for number, entry in enumerate(entries, start=1)
                }
                self.evaluator.add(state, ground_truth, painted)
        record = None if self.format_only else self.evaluator.finish(state)
        return {'key': name, 'record': record, 'files': files}


def _best_mask(sample: dict) -> tuple[np.ndarray, float]:
    pred = predictions_of(sample, 'masks', 'scores')
    if not len(pred['scores']):
        return np.zeros(tuple(sample['ori_shape'][:2]), dtype=bool), 0.0
    best = int(pred['scores'].argmax())
    return pred['masks'][best], float(pred['scores'][best])


def _single_ground_truth(sample: dict) -> np.ndarray:
    targets = targets_of(sample)
    if len(targets) > 1:
        raise ValueError(
            f'An expression refers to one object, but frame {sample["frame_id"]} of '
            f'{video_name(sample)!r} has {len(targets)}. Write one record per object.'
        )
    if not targets:
        return np.zeros(tuple(sample['ori_shape'][:2]), dtype=bool)
    return target_mask(targets[0], sample)


def _exp_id(sample: dict) -> str:
    exp_id = sample.get('exp_id', 0)
    if isinstance(exp_id, (list, tuple)):
        if len(exp_id) != 1:
            raise ValueError(
                f'A frame answers one expression, but has the exp_id {exp_id!r}. Write '
                'one record per expression for tests.'
            )
        exp_id = exp_id[0]
    return str(exp_id)


def _exp_order(video: dict) -> tuple[int, str]:
    return len(video['exp_id']), video['exp_id']  # '2' before '10'
