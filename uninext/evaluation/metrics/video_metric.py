"""What metrics of videos share: a frame at a time, one result a video.

Frames of a video come in order, on one rank. What is kept of a frame is for the metric
to say; masks are evaluated or packed at once, so that memory does not grow by them.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from terminaltables import AsciiTable

from uninext.evaluation.submission import write_submission
from uninext.formats.json_file import write_text
from uninext.formats.rle import decode_segmentation

SIMILARITIES = ('bbox', 'segm')
NEEDED = ('video_id', 'frame_id', 'video_length', 'ori_shape')


class VideoMetric(BaseMetric):
    """Base of metrics that evaluate videos; one set of videos an evaluator.

    A sample is one frame: a dict with ``pred_instances`` and the meta keys
    ``video_id``, ``frame_id`` (from 0), ``video_length``, ``ori_shape`` (H, W),
    optionally ``video_name``, ``img_path``, ``exp_id``, ``expression``, and
    ``instances``: the ground truth of the frame, a list of ``dict(bbox xyxy,
    bbox_label, instance_id[, ignore_flag, mask])`` in pixels of the original image.

    Args:
        outfile_prefix: Where to write results; nothing is written if None.
        format_only: Only write, for sets whose ground truth a server keeps.
        **kwargs: ``collect_device`` and ``prefix``, as of mmengine's ``BaseMetric``.

    Raises:
        ValueError: If ``format_only`` has nowhere to write.
    """

    def __init__(
        self,
        outfile_prefix: str | None = None,
        format_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if format_only and outfile_prefix is None:
            raise ValueError('format_only needs outfile_prefix: where to write to.')
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self._open: dict[tuple, tuple[int, Any]] = {}  # key -> frames seen, state

    @abstractmethod
    def start_video(self, sample: dict) -> Any:
        """Make what is kept of a video, before its first frame is added."""

    @abstractmethod
    def add_frame(self, state: Any, sample: dict) -> None:
        """Take a frame into the state."""

    @abstractmethod
    def finish_video(self, state: Any, sample: dict) -> dict:
        """Make a video's result, small and picklable, after its last frame."""

    @abstractmethod
    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Write files and evaluate all ranks' videos; nothing with ``format_only``."""

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take frames, samples as the class describes them.

        Raises:
            ValueError: If a meta key is missing or frames are not in order.
        """
        for sample in data_samples:
            absent = [key for key in NEEDED if key not in sample]
            if absent:
                raise ValueError(
                    f'A data sample has no meta keys {absent}, which '
                    f'{type(self).__name__} needs. Add them to meta_keys of the test '
                    "pipeline's packing transform."
                )
            key = video_key(sample)
            expected, state = self._open.pop(key, (0, None))
            if sample['frame_id'] != expected:
                raise ValueError(
                    f'Frame {sample["frame_id"]} of video {key} came where frame '
                    f'{expected} was due. Frames must come in order and on one rank: '
                    'use a sampler that splits videos, not frames.'
                )
            if expected == 0:
                state = self.start_video(sample)
            self.add_frame(state, sample)
            if expected + 1 < sample['video_length']:
                self._open[key] = expected + 1, state
            else:
                result = self.finish_video(state, sample)
                self.results.append({'key': key, 'name': video_name(sample), **result})

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather the videos of all ranks and evaluate them.

        Raises:
            ValueError: If a video did not come to its end.
        """
        if self._open:
            seen = {key: count for key, (count, _) in self._open.items()}
            self._open.clear()
            raise ValueError(
                f'{len(seen)} videos ended early; frames seen of each: {seen}. Check '
                'video_length and the sampler.'
            )
        # ``size`` counts frames; results are videos and expressions. There may be more,
        # and what lies beyond would be dropped. Those drawn twice are evaluated once.
        return super().evaluate(sys.maxsize)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Evaluate every video once, though a sampler may have drawn it twice."""
        videos = {result['key']: result for result in results}
        return self.summarize([videos[key] for key in sorted(videos, key=str)])

    def write(self, texts: Mapping[str, Iterable[str]], what: str) -> None:
        """Write texts of files below ``outfile_prefix``, each whole or not at all."""
        for name, text in texts.items():
            write_text(text, f'{self.outfile_prefix}/{name}')
        _logger().info(f'{what} are saved in {self.outfile_prefix}')

    def pack(
        self,
        files: Iterable[str],
        layout: str,
        num_lines: Mapping[str, int] | None = None,
    ) -> None:
        """Pack what was written into ``<outfile_prefix>.zip``, checked."""
        path = f'{self.outfile_prefix}.zip'
        write_submission(path, files, str(self.outfile_prefix), layout, num_lines)
        _logger().info(f'{path} is what the server takes')


class MasksMetric(VideoMetric):
    """Base of metrics that write images of masks, in ``Annotations``.

    Args:
        with_zip: Also write ``<outfile_prefix>.zip``, checked for its server.
        **kwargs: As of :class:`VideoMetric`.

    Raises:
        ValueError: If there is nowhere to write.
    """

    def __init__(self, with_zip: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if with_zip and self.outfile_prefix is None:
            raise ValueError('with_zip needs outfile_prefix: where to write to.')
        self.with_zip = with_zip

    def pack_images(self, files: Sequence[str], layout: str) -> None:
        """Tell of the images that were written, and pack them if that is wanted."""
        if self.outfile_prefix is not None:
            _logger().info(f'{len(files)} images are saved in {self.outfile_prefix}')
        if self.with_zip:
            self.pack(files, layout)


class TracksMetric(VideoMetric):
    """Base of metrics that evaluate tracks of all objects, by boxes or by masks.

    Args:
        similarity: ``'bbox'`` (MOT) or ``'segm'`` (MOTS): IoU of what.
        **kwargs: As of :class:`VideoMetric`.

    Raises:
        ValueError: If ``similarity`` is unknown.
    """

    def __init__(self, similarity: str = 'bbox', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if similarity not in SIMILARITIES:
            raise ValueError(
                f'similarity must be one of {SIMILARITIES}, got {similarity!r}.'
            )
        self.with_masks = similarity == 'segm'

    def tracks_of(self, sample: dict) -> dict[str, np.ndarray]:
        """Predictions of a frame, with ``masks`` if those are evaluated."""
        fields = ['bboxes', 'scores', 'labels', 'instances_ids']
        return predictions_of(sample, *fields, *(['masks'] if self.with_masks else []))


def video_key(sample: dict) -> tuple:
    """What tells videos apart: with expressions, every expression is one."""
    exp_id = sample.get('exp_id')
    exp_id = tuple(exp_id) if isinstance(exp_id, list) else exp_id
    return sample['video_id'], exp_id, sample.get('expression')


def video_name(sample: dict) -> str:
    """Name of the video in result files: ``video_name``, or its id."""
    return str(sample.get('video_name') or sample['video_id'])


def frame_stem(sample: dict) -> str:
    """Name of the frame in result files: that of its image, without the ending.

    Raises:
        ValueError: If it is not known.
    """
    if 'img_path' not in sample:
        raise ValueError(
            "A data sample has no meta key 'img_path', after which its result is "
            "named. Add it to meta_keys of the test pipeline's packing transform."
        )
    return Path(sample['img_path']).stem


def targets_of(sample: dict, with_ignored: bool = False) -> list[dict]:
    """Ground truth of a frame, of meta ``instances``.

    Raises:
        ValueError: If the sample has none.
    """
    if 'instances' not in sample:
        raise ValueError(
            "A data sample has no meta key 'instances', the ground truth of the frame. "
            "Add it to meta_keys of the test pipeline's packing transform, or set "
            'format_only=True where a server keeps the ground truth.'
        )
    return [t for t in sample['instances'] if with_ignored or not t.get('ignore_flag')]


def target_mask(target: dict, sample: dict) -> np.ndarray:
    """Mask of an annotated object, (H, W) bool.

    Raises:
        ValueError: If it has none, or one of another size.
    """
    if not target.get('mask'):
        raise ValueError(
            f'Object {target.get("instance_id")} of video {video_name(sample)!r}, '
            f'frame {sample["frame_id"]}, has no mask to evaluate on.'
        )
    return decode_segmentation(target['mask'], *sample['ori_shape'][:2])


def predictions_of(sample: dict, *fields: str) -> dict[str, np.ndarray]:
    """Predictions of a frame as arrays; all of length 0 where there are none.

    Args:
        sample: A frame.
        *fields: Wanted, of ``bboxes``, ``scores``, ``labels``, ``instances_ids``,
            ``masks``.

    Raises:
        ValueError: If there are predictions, but a field is missing, or masks are not
            of the size of the image.
    """
    pred = sample['pred_instances']
    height, width = sample['ori_shape'][:2]
    empty = {'bboxes': (0, 4), 'masks': (0, height, width)}
    if not any(field in pred and len(pred[field]) for field in fields):
        return {field: np.zeros(empty.get(field, 0)) for field in fields}
    missing = [field for field in fields if field not in pred]
    if missing:
        raise ValueError(
            f'pred_instances of video {video_name(sample)!r} have no {missing}.'
        )
    arrays = {field: pred[field].detach().cpu().numpy() for field in fields}
    if 'masks' in arrays:
        if arrays['masks'].shape[1:] != (height, width):
            raise ValueError(
                f'Predicted masks of video {video_name(sample)!r} have the size '
                f'{arrays["masks"].shape[1:]}, the image {(height, width)} (H, W).'
            )
        arrays['masks'] = arrays['masks'].astype(bool)
    return arrays


def give_pixels_to_the_best(pred: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make masks exclusive: a pixel goes to the better score, of equals to the first.

    Predictions without a pixel left are dropped; the order stays.
    """
    masks = np.zeros_like(pred['masks'], dtype=bool)
    taken = np.zeros(masks.shape[1:], dtype=bool)
    for i in np.argsort(-pred['scores'], kind='stable'):
        masks[i] = pred['masks'][i] & ~taken
        taken |= masks[i]
    kept = masks.any(axis=(1, 2))
    return {key: value[kept] for key, value in {**pred, 'masks': masks}.items()}


def log_metrics(title: str, metrics: dict[str, float]) -> None:
    """Write metrics, shares all of them, to the log as a table in per cent."""
    values = [f'{100 * value:.2f}' for value in metrics.values()]
    _logger().info('\n' + AsciiTable([['', *metrics], [title, *values]]).table)


def _logger() -> MMLogger:
    return MMLogger.get_current_instance()
