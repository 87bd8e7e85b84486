"""Video instance segmentation: files of the YouTube-VIS layout (also OVIS)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycocotools import mask as mask_utils

from uninext.evaluation.functional.video_instances import video_instance_figures
from uninext.evaluation.result_files.reading import is_list_of, read_json


def evaluate_ytvis(gt: str | Path, pred: str | Path) -> dict[str, float]:
    """AP and AR of tubes, over all videos of the ground truth.

    Args:
        gt: ``videos``, ``annotations`` and ``categories``; ``segmentations`` are RLE,
            polygons or null per frame.
        pred: A list of ``{video_id, category_id, score, segmentations}``.

    Returns:
        Figures of ``video_instance_figures``.

    Raises:
        ValueError: If a file has another layout, the two do not belong together, or
            masks are of another size than their video.
    """
    truth, results = read_json(gt), read_json(pred)
    keys = {'videos', 'annotations', 'categories'}
    if not isinstance(truth, dict) or not keys <= truth.keys():
        raise ValueError(
            f'{gt} is not of the YouTube-VIS layout: needs {sorted(keys)}.'
        )
    if not is_list_of(truth['annotations'], 'video_id', 'category_id', 'segmentations'):
        raise ValueError(f"The annotations of {gt} have no 'segmentations' to judge.")
    if not is_list_of(results, 'video_id', 'category_id', 'score', 'segmentations'):
        raise ValueError(
            f'{pred} is not a result file: expected a list of objects with video_id, '
            'category_id, score and segmentations.'
        )
    videos = {video['id']: video for video in truth['videos']}
    categories = [category['id'] for category in truth['categories']]
    for path, records in ((gt, truth['annotations']), (pred, results)):
        for index, record in enumerate(records):
            name = f'{path}, record {index}'
            video = videos.get(record['video_id'])
            if video is None or record['category_id'] not in categories:
                raise ValueError(
                    f'{name} is of video {record["video_id"]!r} and category '
                    f'{record["category_id"]!r}, which {gt} does not have.'
                )
            record['segmentations'] = _read_tube(record['segmentations'], video, name)
    return video_instance_figures(
        truth['annotations'], results, list(videos), categories
    )


def _read_tube(segmentations: list, video: dict[str, Any], name: str) -> list:
    num_frames = video.get('length', len(video['file_names']))
    if len(segmentations) != num_frames:
        raise ValueError(
            f'{name} has {len(segmentations)} frames, its video {num_frames}.'
        )
    size = video['height'], video['width']
    return [_read_mask(segmentation, size, name) for segmentation in segmentations]


def _read_mask(segmentation: Any, size: tuple[int, int], name: str) -> dict | None:
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return mask_utils.merge(mask_utils.frPyObjects(segmentation, *size))
    if tuple(segmentation['size']) != size:
        raise ValueError(
            f'{name} has a mask of the size {tuple(segmentation["size"])} (H, W), its '
            f'video {size}.'
        )
    if isinstance(segmentation['counts'], list):
        return mask_utils.frPyObjects(segmentation, *size)
    return segmentation
