"""VIS: AP and AR of the instances of whole videos."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from uninext.evaluation.evaluators.video_instances import (
    Instance,
    VideoInstancesEvaluator,
)
from uninext.evaluation.metrics.video_metric import (
    VideoMetric,
    log_metrics,
    target_mask,
    targets_of,
    video_name,
)
from uninext.formats.json_file import read_json
from uninext.formats.rle import encode_mask, rle_as_json
from uninext.registry import METRICS


@METRICS.register_module()
class VideoInstanceMetric(VideoMetric):
    """AP and AR by the rules of YouTube-VIS (also OVIS).

    The last frame of a video carries ``video_instances``: a list of ``dict(score,
    label, segmentations)``, with one RLE or None per frame.

    Args:
        ann_file: Annotation file, from which category ids are read by name; needed
            for result files that a server takes. Without it ids are labels + 1.
        **kwargs: As of :class:`VideoMetric`; ``outfile_prefix`` writes
            ``<outfile_prefix>/results.json`` and ``<outfile_prefix>.zip``, checked.
    """

    default_prefix = 'vis'

    def __init__(self, ann_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ann_file = ann_file

    def start_video(self, sample: dict) -> dict[int, dict]:
        return {}  # instance id -> annotation

    def add_frame(self, state: dict[int, dict], sample: dict) -> None:
        if self.format_only:
            return
        for target in targets_of(sample, with_ignored=True):
            annotation = state.setdefault(
                int(target['instance_id']),
                {
                    'label': int(target['bbox_label']),
                    'iscrowd': bool(target.get('ignore_flag')),
                    'areas': target.get('areas'),
                    'segmentations': [None] * sample['video_length'],
                },
            )
            mask = encode_mask(target_mask(target, sample))
            annotation['segmentations'][sample['frame_id']] = mask

    def finish_video(self, state: dict[int, dict], sample: dict) -> dict[str, Any]:
        if 'video_instances' not in sample:
            raise ValueError(
                f'The last frame of video {video_name(sample)!r} has no '
                "'video_instances'. Use a predictor of whole videos."
            )
        found = sample['video_instances']
        for instance in found:
            if len(instance['segmentations']) != sample['video_length']:
                raise ValueError(
                    f'An instance of video {video_name(sample)!r} has '
                    f'{len(instance["segmentations"])} masks, the video '
                    f'{sample["video_length"]} frames.'
                )
        ground_truth = [
            Instance(
                t['label'], t['segmentations'], iscrowd=t['iscrowd'], areas=t['areas']
            )
            for t in state.values()
        ]
        predictions = [
            Instance(
                int(instance['label']),
                [rle and rle_as_json(rle) for rle in instance['segmentations']],
                float(instance['score']),
            )
            for instance in found
        ]
        return {
            'video_id': sample['video_id'],
            'instances': (ground_truth, predictions),
        }

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Metrics of ``video_instance_metrics``."""
        category_ids = self._category_ids(videos)
        evaluator = VideoInstancesEvaluator(list(category_ids.values()))
        records = {}
        for video in videos:
            state = evaluator.start()
            listed = (
                [replace(i, category_id=category_ids[i.category_id]) for i in instances]
                for instances in video['instances']
            )
            evaluator.add(state, *listed)
            records[video['video_id']] = evaluator.finish(state)
        if self.outfile_prefix is not None:
            self._write(records)
        if self.format_only:
            return {}
        metrics = evaluator.summarize(records)
        log_metrics(f'{len(videos)} videos', metrics)
        return metrics

    def _category_ids(self, videos: list[dict]) -> dict[int, int]:
        """Label -> category id."""
        if self.ann_file is None:
            labels = {
                instance.category_id
                for video in videos
                for instances in video['instances']
                for instance in instances
            }
            return {label: label + 1 for label in sorted(labels)}
        content = read_json(self.ann_file, without=('annotations', 'videos'))
        ids = {c['name']: c['id'] for c in content['categories']}
        names = (self.dataset_meta or {}).get('classes', ())
        unknown = [name for name in names if name not in ids]
        if unknown or not names:
            raise ValueError(
                f'The classes of the dataset are not the categories of '
                f'{self.ann_file}: {unknown[:3] or "none given"}.'
            )
        return {label: ids[name] for label, name in enumerate(names)}

    def _write(self, records: dict[Any, dict]) -> None:
        found = [
            {
                'video_id': video_id,
                'category_id': instance.category_id,
                'score': instance.score,
                'segmentations': instance.segmentations,
            }
            for video_id, record in records.items()
            for instance in record['predictions']
        ]
        self.write({'results.json': [json.dumps(found)]}, f'{len(found)} instances')
        self.pack(['results.json'], 'ytvis')
