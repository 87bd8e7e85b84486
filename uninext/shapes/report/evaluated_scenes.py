"""Each image and video of a test run, evaluated by itself and kept small.

A hook makes an :class:`EvaluatedScene` of the data samples of a run: what was asked,
what was predicted and what is true, with masks in run-length code, and the metrics of
that scene. Images of examples and failures are chosen and drawn from these.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from uninext.evaluation.metrics.video_metric import video_key
from uninext.formats.rle import encode_mask
from uninext.registry import METRICS
from uninext.structures import Prompt, PromptStart, UninextDataSample

# Of categories, what is drawn. A tracker has chosen already; in single images nothing
# has, and in the middle of the scale are doubles.
SCORE_THR, TRACK_SCORE_THR = 0.5, 0.3
TARGET = ('target',)  # the name of what an expression, a box or a mask asks for


@dataclass(frozen=True, eq=False)
class SceneFrame:
    """An image, or a frame of a video; masks are COCO's run-length codes.

    Attributes:
        path: File of the image.
        predictions: ``bboxes`` (n, 4) xyxy in pixels of the image, ``labels``,
            ``scores``; ``masks`` and ``instances_ids`` where there are some.
        ground_truth: ``bboxes``, ``labels`` and, where all have one, ``masks``.
    """

    path: str
    predictions: InstanceData
    ground_truth: InstanceData


@dataclass(frozen=True, eq=False)
class EvaluatedScene:
    """An image or video with one question, and how good the prediction is.

    Attributes:
        prompt: What was asked, for people.
        names: What labels mean.
        frames: One, or all of a video.
        metrics: Of the config's metric, from this scene alone.
    """

    prompt: str
    names: tuple[str, ...]
    frames: tuple[SceneFrame, ...]
    metrics: dict[str, float]


class SceneEvaluator(Hook):
    """Evaluate every scene of a test run by the run's own metric, and keep it.

    Args:
        evaluator: Config of the metric. Its ``ann_file`` is not used: what is true of a
            scene is read from its samples, meta key ``instances``.

    Attributes:
        scenes: In the order in which they came to their end. Scenes without anything
            to find are left out.
    """

    def __init__(self, evaluator: Config | dict[str, Any]) -> None:
        self.evaluator = {k: v for k, v in evaluator.items() if k != 'ann_file'}
        self.scenes: list[EvaluatedScene] = []
        self._open: dict[tuple, list[UninextDataSample]] = {}

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[UninextDataSample] | None = None,
    ) -> None:
        """Take samples of the test loop; evaluate the scenes that they complete."""
        meta = runner.test_loop.dataloader.dataset.metainfo
        for sample in outputs or ():
            if 'frame_id' not in sample.metainfo:
                self._evaluate([sample], meta)
                continue
            key = video_key(sample.metainfo)
            self._open.setdefault(key, []).append(sample)
            if sample.frame_id == sample.video_length - 1:
                self._evaluate(self._open.pop(key), meta)

    def _evaluate(self, samples: list[UninextDataSample], meta: dict) -> None:
        if not any(_targets(sample) for sample in samples):
            return
        metric = METRICS.build(copy.deepcopy(self.evaluator))
        metric.dataset_meta = meta
        logger = MMLogger.get_current_instance()
        was_disabled, logger.disabled = logger.disabled, True
        try:  # neither prints nor logs: a table for every scene helps nobody
            with contextlib.redirect_stdout(io.StringIO()):
                metric.process(None, [sample.to_dict() for sample in samples])
                metrics = metric.evaluate(len(samples))
        finally:
            logger.disabled = was_disabled
        prompt, names, is_single = _question(samples)
        is_tracked = 'instances_ids' in samples[0].pred_instances
        score_thr = TRACK_SCORE_THR if is_tracked else SCORE_THR
        score_thr = 0.0 if is_single else score_thr
        frames = tuple(
            SceneFrame(s.img_path, _predictions(s, score_thr), _ground_truth(s))
            for s in samples
        )
        metrics = {key: float(value) for key, value in metrics.items()}
        self.scenes.append(EvaluatedScene(prompt, names, frames, metrics))


def _question(samples: Sequence[UninextDataSample]) -> tuple[str, tuple, bool]:
    """What was asked, what labels mean, and whether one object was asked for."""
    first = samples[0].metainfo
    if first.get('expression'):  # one of the expressions about a video
        return first['expression'], TARGET, True
    asked: list[Any] = [s.prompt for s in samples[:1] if 'prompt' in s]
    starts: list[PromptStart] = [p for s in samples for p in s.get('prompt_starts', ())]
    asked += [start.prompt for start in starts]
    (prompt, *others) = asked
    if isinstance(prompt, Prompt) and not prompt.pooled:
        return ', '.join(prompt.names), prompt.names, False
    if isinstance(prompt, Prompt):
        return prompt.names[0], TARGET, True
    kind, plural = ('box', 'boxes') if prompt.mask is None else ('mask', 'masks')
    text = f'the object shown by a {kind}'
    if others:
        text = f'{1 + len(others)} objects shown by {plural}'
    return text, TARGET, True


def _predictions(sample: UninextDataSample, score_thr: float) -> InstanceData:
    kept = sample.pred_instances.cpu()
    kept = kept[kept.scores >= score_thr]
    if 'instances_ids' in kept:  # a tracker is not sure of some yet
        kept = kept[kept.instances_ids >= 0]
    kept = kept.numpy()
    if 'masks' in kept:
        kept.masks = [encode_mask(mask) for mask in kept.masks.astype(bool)]
    return kept


def _ground_truth(sample: UninextDataSample) -> InstanceData:
    targets = _targets(sample)
    instances = InstanceData(
        bboxes=np.array([t['bbox'] for t in targets], np.float32).reshape(-1, 4),
        labels=np.array([t['bbox_label'] for t in targets], np.int64),
    )
    if targets and all(t.get('mask') for t in targets):
        instances.masks = [t['mask'] for t in targets]
    return instances


def _targets(sample: UninextDataSample) -> list[dict]:
    instances = sample.metainfo.get('instances') or ()
    return [target for target in instances if not target.get('ignore_flag')]
