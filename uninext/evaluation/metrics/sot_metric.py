"""SOT: is the one box of every frame where the target is?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from uninext.evaluation.evaluators.single_object import (
    ABSENT,
    SingleObjectEvaluator,
    TargetBox,
)
from uninext.evaluation.metrics.video_metric import (
    VideoMetric,
    log_metrics,
    predictions_of,
    targets_of,
    video_name,
)
from uninext.formats.box_text import box_lines
from uninext.formats.boxes import xyxy_to_xywh
from uninext.registry import METRICS

SERVERS = ('trackingnet', 'got10k')


@METRICS.register_module()
class SOTMetric(VideoMetric):
    """Success, precision and overlap of a single target.

    Of a frame's predictions the best score answers. A frame whose ``instances`` has no
    target that counts is a frame without the target.

    Args:
        rules: One of ``RULES``: ``'lasot'`` (also LaSOT-ext and TNL-2K), ``'otb'``,
            ``'otb101'``, ``'got10k'``.
        outfile_prefix: Folder of ``<video>.txt`` (GOT-10k: ``<video>/<video>_001.txt``
            and ``_time.txt``), lines ``x,y,w,h`` in pixels; NaN where nothing was
            found.
        server: ``'trackingnet'`` or ``'got10k'``: also write
            ``<outfile_prefix>.zip`` for it. A frame without a prediction repeats the
            one before there. Times are seconds between frames, loading included.
        **kwargs: As of :class:`VideoMetric`.

    Raises:
        ValueError: If ``rules`` or ``server`` is unknown, or a server's files have
            nowhere to go.
    """

    default_prefix = 'sot'

    def __init__(
        self,
        rules: str = 'lasot',
        outfile_prefix: str | None = None,
        server: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(outfile_prefix, **kwargs)
        self.evaluator = SingleObjectEvaluator(rules)
        if server is not None and (server not in SERVERS or outfile_prefix is None):
            raise ValueError(
                f'server must be one of {SERVERS} and needs outfile_prefix, got '
                f'{server!r} and {outfile_prefix!r}.'
            )
        self.server = server
        self._last_time = time.perf_counter()

    def start_video(self, sample: dict) -> dict[str, Any]:
        return {'boxes': self.evaluator.start(), 'seconds': []}

    def add_frame(self, state: dict[str, Any], sample: dict) -> None:
        now = time.perf_counter()
        state['seconds'].append(now - self._last_time)
        self._last_time = now
        pred = predictions_of(sample, 'bboxes', 'scores')
        best: Sequence[float] | np.ndarray = ABSENT
        if len(pred['scores']):
            best = xyxy_to_xywh(pred['bboxes'][int(pred['scores'].argmax())])
        ground_truth = TargetBox() if self.format_only else _target_box(sample)
        self.evaluator.add(state['boxes'], ground_truth, best)

    def finish_video(self, state: dict[str, Any], sample: dict) -> dict[str, Any]:
        record = self.evaluator.finish(state['boxes'])
        return {'record': record, 'seconds': np.array(state['seconds'])}

    def summarize(self, videos: list[dict]) -> dict[str, float]:
        """Metrics of ``summarize_sequences``."""
        if self.outfile_prefix is not None:
            self._write(videos)
        if self.format_only:
            return {}
        metrics = self.evaluator.summarize({v['key']: v['record'] for v in videos})
        shares = {key: value for key, value in metrics.items() if key != 'errorNum'}
        log_metrics(f'{len(videos)} sequences', shares)
        return metrics

    def _write(self, videos: list[dict]) -> None:
        texts: dict[str, str] = {}
        num_lines: dict[str, int] = {}
        for video in videos:
            name, boxes = video['name'], video['record']['pred']
            if self.server is not None:
                boxes = _fill_forward(boxes)
            files = {f'{name}.txt': box_lines(boxes)}
            if self.server == 'got10k':
                files = {
                    f'{name}/{name}_001.txt': box_lines(boxes),
                    f'{name}/{name}_time.txt': box_lines(video['seconds'][:, None]),
                }
            texts |= files
            num_lines |= dict.fromkeys(files, len(video['seconds']))
        self.write(texts, f'boxes of {len(videos)} sequences')
        if self.server is not None:
            self.pack(num_lines, self.server, num_lines)


def _target_box(sample: dict) -> TargetBox:
    targets = targets_of(sample)
    if len(targets) > 1:
        raise ValueError(
            f'Frame {sample["frame_id"]} of {video_name(sample)!r} has '
            f'{len(targets)} targets; SOT has one.'
        )
    box = xyxy_to_xywh(targets[0]['bbox']) if targets else ABSENT
    return TargetBox(box, size_hw=tuple(sample['ori_shape'][:2]))


def _fill_forward(boxes: np.ndarray) -> np.ndarray:
    boxes = boxes.copy()
    for index in np.flatnonzero(np.isnan(boxes).any(axis=1)):
        boxes[index] = boxes[index - 1] if index else 0.0
    return boxes
