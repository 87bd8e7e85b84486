"""MOT and MOTS: are objects found and do they keep their ids?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger

from uninext.evaluation.functional.tracking import (
    COMBINED,
    TrackingFrame,
    box_similarity,
    distracted_predictions,
    mask_similarity,
    tracking_figures,
)
from uninext.evaluation.metrics.video_metric import (
    TracksMetric,
    log_figures,
    target_mask,
    targets_of,
)
from uninext.registry import METRICS
from uninext.utils.masks import encode_mask

SHARES = (
    *('HOTA', 'DetA', 'AssA', 'LocA', 'MOTA', 'sMOTA', 'MOTP', 'IDF1'),
    *('IDP', 'IDR', 'CLR_Re', 'CLR_Pr'),
)
COUNTS = ('CLR_TP', 'CLR_FP', 'CLR_FN', 'IDSW', 'Frag', 'MT', 'PT', 'ML')


@METRICS.register_module()
class TrackingMetric(TracksMetric):
    """HOTA, CLEAR and IDF1 over all videos; objects of different labels never match.

    Predictions are ``bboxes``, ``scores``, ``labels``, ``instances_ids`` and for
    ``segm`` ``masks``. What matches an ignored object (crowds, distractors) is neither
    right nor wrong. BDD100K's own figures (mMOTA ...) are another metric's.

    Args:
        similarity: ``'bbox'`` (MOT) or ``'segm'`` (MOTS): IoU of what.
        outfile_prefix: Folder of ``<video>.txt``: for boxes lines of MOTChallenge
            ``frame,id,x,y,w,h,score,-1,-1,-1``, for masks of MOTS
            ``frame id class height width rle``; frames and classes from 1.
        format_only: Only write files.
        collect_device: ``'cpu'`` or ``'gpu'``: where ranks meet.
        prefix: First part of the figures' names; ``'track'`` if None.

    Raises:
        ValueError: If ``similarity`` is unknown.
    """

    default_prefix = 'track'

    def start_video(self, sample: dict) -> dict[str, list]:
        return {'frames': [], 'lines': []}

    def add_frame(self, state: dict[str, list], sample: dict) -> None:
        pred: dict[str, Any] = self.tracks_of(sample)
        pred['rles'] = [encode_mask(mask) for mask in pred.get('masks', ())]
        state['lines'] += self._lines(pred, sample['frame_id'] + 1)
        if not self.format_only:
            state['frames'].append(self._compare(pred, sample))

    def finish_video(self, state: dict[str, list], sample: dict) -> dict[str, Any]:
        return state

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Write the files, then judge.

        Args:
            videos: Results of all ranks.

        Returns:
            Over all videos; none with ``format_only``. See ``tracking_figures``.
        """
        if self.outfile_prefix is not None:
            folder = Path(self.outfile_prefix)
            folder.mkdir(parents=True, exist_ok=True)
            for video in videos:
                (folder / f'{video["name"]}.txt').write_text(''.join(video['lines']))
            logger: MMLogger = MMLogger.get_current_instance()
            logger.info(f'tracks of {len(videos)} videos are saved in {folder}')
        if self.format_only:
            return {}
        figures = tracking_figures({str(v['key']): v['frames'] for v in videos})[
            COMBINED
        ]
        log_figures(f'{len(videos)} videos', {key: figures[key] for key in SHARES})
        return {key: figures[key] for key in (*SHARES, *COUNTS)}

    def _compare(self, pred: dict[str, Any], sample: dict) -> TrackingFrame:
        targets = targets_of(sample, with_ignored=True)
        if self.with_masks:
            masks = [encode_mask(target_mask(t, sample)) for t in targets]
            similarity = mask_similarity(masks, pred['rles'])
        else:
            similarity = box_similarity([t['bbox'] for t in targets], pred['bboxes'])
        labels = np.array([t['bbox_label'] for t in targets], dtype=int)
        ignored = np.array([bool(t.get('ignore_flag')) for t in targets], dtype=bool)
        # A region to ignore may be of any kind.
        alike = (labels[:, None] == pred['labels']) | ignored[:, None]
        similarity = similarity * alike
        kept = ~distracted_predictions(similarity, ignored)
        ids = np.array([t['instance_id'] for t in targets], dtype=int)
        return TrackingFrame(
            truth_ids=ids[~ignored],
            track_ids=pred['instances_ids'][kept].astype(int),
            similarity=similarity[~ignored][:, kept],
        )

    def _lines(self, pred: dict[str, Any], number: int) -> list[str]:
        """Lines of a frame, numbered from 1."""
        ids = pred['instances_ids'].astype(int)
        if self.with_masks:
            return [
                f'{number} {track} {label + 1} {rle["size"][0]} {rle["size"][1]} '
                f'{rle["counts"]}\n'
                for track, label, rle in zip(
                    ids, pred['labels'].astype(int), pred['rles']
                )
            ]
        return [
            f'{number},{track},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},'
            f'{score:.4f},-1,-1,-1\n'
            for track, (x1, y1, x2, y2), score in zip(
                ids, pred['bboxes'], pred['scores']
            )
        ]
