"""Video instance segmentation: AP and AR with overlaps in space and time.

Legend: T frames of a video, D results and G annotations of it; a tube is one RLE or
None per frame, in the size of the original image.

Paper: Video Instance Segmentation, arXiv 1905.04804. Follows: youtubevos/cocoapi
``ytvoseval.py``: COCO's rules, with videos for images and tubes for masks.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from uninext.evaluation.functional.coco import (
    MAX_DETS,
    accumulated,
    check_max_dets,
    coco_metrics,
)

Tube = Sequence[Any]  # of {'size': [H, W], 'counts': str or bytes} or None

# Mean area of a tube on its frames, in square pixels.
AREA_RANGES = ((0, 1e5**2), (0, 128**2), (128**2, 256**2), (256**2, 1e5**2))


def tube_area(tube: Tube) -> float:
    """Mean area on the frames where there is a mask.

    Args:
        tube: T entries.

    Returns:
        In square pixels; 0 if the tube is empty.
    """
    areas = [float(mask_utils.area(rle)) for rle in tube if rle is not None]
    areas = [area for area in areas if area > 0]
    return float(np.mean(areas)) if areas else 0.0


def tube_iou(results: Sequence[Tube], ground_truth: Sequence[Tube]) -> np.ndarray:
    """IoU of tubes: summed intersections over summed unions.

    Args:
        results: D tubes of T entries.
        ground_truth: G tubes of T entries.

    Returns:
        (D, G) in [0, 1], ``[i, j]`` of result i and annotation j; 0 for two empty ones.

    Raises:
        ValueError: If tubes differ in length or masks in size.
    """
    lengths = {len(tube) for tube in (*results, *ground_truth)}
    if len(lengths) > 1:
        raise ValueError(f'Tubes of one video differ in length: {sorted(lengths)}.')
    inter = np.zeros((len(results), len(ground_truth)))
    total = np.zeros_like(inter)
    for frame in range(max(lengths, default=0)):
        d_rows, d_masks = _frame_masks(results, frame)
        g_rows, g_masks = _frame_masks(ground_truth, frame)
        sizes = {tuple(rle['size']) for rle in (*d_masks, *g_masks)}
        if len(sizes) > 1:
            raise ValueError(f'Masks of frame {frame} differ in size: {sorted(sizes)}.')
        d_area = np.zeros(len(results))
        g_area = np.zeros(len(ground_truth))
        d_area[d_rows] = mask_utils.area(d_masks) if d_masks else 0
        g_area[g_rows] = mask_utils.area(g_masks) if g_masks else 0
        total += d_area[:, None] + g_area
        if d_masks and g_masks:
            # With every annotation a crowd this is intersection / area of the result.
            share = mask_utils.iou(d_masks, g_masks, [1] * len(g_masks))
            inter[np.ix_(d_rows, g_rows)] += np.rint(share * d_area[d_rows, None])
    union = total - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def video_instance_metrics(
    ground_truth: Iterable[dict],
    results: Iterable[dict],
    video_ids: Sequence[Any],
    category_ids: Sequence[Any],
    max_dets: Sequence[int] = MAX_DETS,
) -> dict[str, float]:
    """AP and AR of a set of videos.

    Args:
        ground_truth: ``dict(video_id, category_id, segmentations=tube[, iscrowd,
            areas])``; a match with a crowd is neither right nor wrong.
        results: ``dict(video_id, category_id, score, segmentations=tube)``.
        video_ids: All that count, also those without annotations.
        category_ids: All that count.
        max_dets: How many results count for a video and category.

    Returns:
        As :func:`coco_metrics`; sizes are below 128^2, to 256^2, and above, in pixels.

    Raises:
        ValueError: If tubes of a video do not fit together.
    """
    check_max_dets(max_dets)
    coco_gt = _as_coco(ground_truth, video_ids, category_ids)
    coco_dt = _as_coco(results, video_ids, category_ids)
    evaluation = accumulated(_TubeEval(coco_gt, coco_dt), max_dets, category_ids)
    return coco_metrics(evaluation)


class _TubeEval(COCOeval):
    """COCO's evaluation, whose images are videos and whose masks are tubes."""

    def __init__(self, coco_gt: COCO, coco_dt: COCO) -> None:
        # 'bbox' only says that annotations need no preparation: computeIoU is ours.
        super().__init__(coco_gt, coco_dt, 'bbox')
        self.params.areaRng = [list(limits) for limits in AREA_RANGES]

    def computeIoU(self, video_id: Any, category_id: Any) -> np.ndarray | list:  # noqa: N802
        ground_truth = self._gts[video_id, category_id]
        results = self._dts[video_id, category_id]
        if not ground_truth and not results:
            return []
        order = np.argsort([-r['score'] for r in results], kind='mergesort')
        order = order[: self.params.maxDets[-1]]
        tubes = [results[i]['segmentations'] for i in order]
        return tube_iou(tubes, [t['segmentations'] for t in ground_truth])


def _as_coco(
    annotations: Iterable[dict], video_ids: Sequence[Any], category_ids: Sequence[Any]
) -> COCO:
    records = []
    for index, annotation in enumerate(annotations, start=1):
        area = [a for a in annotation.get('areas') or [] if a]
        record = {
            **annotation,
            'id': index,
            'image_id': annotation['video_id'],
            'iscrowd': int(annotation.get('iscrowd', 0)),
            'area': np.mean(area) if area else tube_area(annotation['segmentations']),
        }
        records.append(record)
    coco = COCO()
    coco.dataset = {
        'images': [{'id': video_id} for video_id in video_ids],
        'categories': [{'id': category_id} for category_id in category_ids],
        'annotations': records,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def _frame_masks(tubes: Sequence[Tube], frame: int) -> tuple[list[int], list[dict]]:
    rows = [row for row, tube in enumerate(tubes) if tube[frame] is not None]
    return rows, [tubes[row][frame] for row in rows]
