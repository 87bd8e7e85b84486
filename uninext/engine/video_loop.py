"""The test loop of videos: frames in order, results to the evaluator.

The loop owns the session of the video it is in; the network keeps nothing. Test sets
give a frame a sample, with the meta keys ``frame_id``, ``video_length`` and
``prompt_starts``: the :class:`PromptStart` that are asked from this frame on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, TestLoop, autocast
from torch.utils.data import DataLoader

from uninext.formats.rle import encode_mask
from uninext.registry import LOOPS, MODELS
from uninext.structures import PromptStart, TrackUpdate, UninextDataSample


@LOOPS.register_module()
class VideoTestLoop(TestLoop):
    """mmengine's test loop with a session for each video.

    A sample reaches the metrics with ``pred_instances`` of its frame. The last one of a
    video carries ``video_instances`` where a tracker averages over the video (VIS): a
    list of ``dict(score, label, segmentations)``, a mask in COCO's run-length code or
    None for each frame.

    Frames are given to the session as the test pipeline resized them, so that a session
    of the same scale finds the same.

    Args:
        runner: Whose model is tested.
        dataloader: Frames in order.
        evaluator: Of the metrics.
        fp16: Whether the network runs in half precision.
        trackers: Other trackers than the model's, by kind of prompt.
    """

    _session: Any = None

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        fp16: bool = False,
        trackers: Mapping[str, dict] | None = None,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self._trackers = {k: MODELS.build(v) for k, v in (trackers or {}).items()}

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Take one frame; ``inputs`` and ``data_samples`` are lists of one.

        Raises:
            ValueError: If a batch has several frames, or frames are not in order.
        """
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        (image,), (sample,) = _one_frame(data_batch)
        if sample.frame_id == 0:
            self._start()
        if self._session is None or sample.frame_id != self._session.num_frames:
            raise ValueError(
                f'Frame {sample.frame_id} of video {sample.video_id} comes out of '
                "turn. Test videos with dict(type='WholeVideoSampler')."
            )
        with autocast(enabled=self.fp16):
            results = self._step(image, sample)
        self.evaluator.process(data_samples=results, data_batch=data_batch)
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=results
        )

    def _start(self) -> None:
        model = self.runner.model
        model = model.module if is_model_wrapper(model) else model
        self._session = model.open(scale=None, trackers=self._trackers)
        self._asked: dict[int, PromptStart] = {}
        self._recorder = _VideoRecorder()

    @torch.no_grad()
    def _step(self, image: Any, sample: UninextDataSample) -> list[UninextDataSample]:
        for start in sample.prompt_starts:
            (prompt_id,) = self._session.add(start.prompt)
            self._asked[prompt_id] = start
        result = self._session.step_sample(image, sample)
        result.pred_instances = result.pred_instances.cpu()  # evaluated there
        updates = list(result.track_updates)
        if updates:
            self._recorder.add(result.pred_instances, sample.frame_id)
        is_last = sample.frame_id == sample.video_length - 1
        if is_last:
            updates += self._session.finish()
        for update in updates:
            self._recorder.close(update)
        if is_last and updates:
            results = self._recorder.results(sample.video_length)
            result.set_metainfo(dict(video_instances=results))
        _call_by_object(result, self._asked)
        return _samples_of(result, self._asked)


class _VideoRecorder:
    """Masks of tracks until the video is over, in run-length code."""

    def __init__(self) -> None:
        self._masks: dict[int, dict[int, dict]] = {}  # track -> frame -> RLE
        self._closed: list[tuple[int, float, int]] = []  # track, score, label

    def add(self, instances: Any, frame_id: int) -> None:
        """Keep the masks of a frame."""
        for track_id, mask in zip(instances.instances_ids.tolist(), instances.masks):
            rle = encode_mask(mask.numpy())
            self._masks.setdefault(track_id, {})[frame_id] = rle

    def close(self, update: TrackUpdate) -> None:
        """Take the results of tracks that ended; forget those that are discarded."""
        for track_id in update.discarded.tolist():
            self._masks.pop(track_id, None)
        rows = zip(
            update.results.instances_id.tolist(),
            update.results.scores.tolist(),
            update.results.labels.tolist(),
        )
        self._closed += rows

    def results(self, video_length: int) -> list[dict]:
        """One result a track and likely name."""
        return [
            dict(
                score=score,
                label=label,
                segmentations=[
                    self._masks.get(track_id, {}).get(i) for i in range(video_length)
                ],
            )
            for track_id, score, label in self._closed
        ]


def _one_frame(data_batch: dict) -> tuple[list, list]:
    images, samples = data_batch['inputs'], data_batch['data_samples']
    if len(samples) != 1:
        raise ValueError(
            f'A batch has {len(samples)} frames; videos are tested frame by frame: '
            'set batch_size=1.'
        )
    return images, samples


def _call_by_object(result: UninextDataSample, asked: dict[int, PromptStart]) -> None:
    """Name instances as the test set does."""
    instances = result.pred_instances
    ids = instances.instances_ids.clone()
    for prompt_id, start in asked.items():
        if start.object_id is not None:
            ids[instances.prompt_ids == prompt_id] = start.object_id
    instances.instances_ids = ids


def _samples_of(
    result: UninextDataSample, asked: dict[int, PromptStart]
) -> list[UninextDataSample]:
    """The sample, or one for each prompt that is evaluated by itself."""
    alone = {i: s for i, s in asked.items() if s.own_meta is not None}
    if not alone:
        return [result]
    samples = []
    for prompt_id, start in alone.items():
        sample = result.new(metainfo={**result.metainfo, **start.own_meta})
        ground_truth = result.metainfo.get('instances')
        if ground_truth is not None:
            ground_truth = [
                t for t in ground_truth if t['instance_id'] == start.object_id
            ]
            sample.set_metainfo(dict(instances=ground_truth))
        found = result.pred_instances
        sample.pred_instances = found[found.prompt_ids == prompt_id]
        samples.append(sample)
    return samples
