"""Record the loss of each data source, and keep logs from growing without end."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from uninext.registry import HOOKS


@HOOKS.register_module()
class SourceLossHook(Hook):
    """Add the scalar ``loss/<source>`` of the source that the batch came from.

    A batch comes from one source (``MultiTaskBatchSampler``); its samples say which in
    their meta field ``source``. Batches without that field are not recorded by source.

    mmengine keeps every value of every scalar in memory and in each checkpoint: with 70
    losses and 300,000 iterations some 300 MB, copied in every iteration. Of each scalar
    the latest ``max_history`` values are kept.

    Raises:
        ValueError: If ``max_history`` is less than 1.
    """

    priority = 'NORMAL'  # after RuntimeInfoHook, before LoggerHook

    def __init__(self, max_history: int = 2000) -> None:
        if max_history < 1:
            raise ValueError(f'max_history must be at least 1, got {max_history}')
        self.max_history = max_history

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, float] | None = None,
    ) -> None:
        """Record the total loss under the name of the batch's source."""
        source = _source_of(data_batch)
        if outputs is not None and 'loss' in outputs and source is not None:
            runner.message_hub.update_scalar(f'train/loss/{source}', outputs['loss'])
        for history in runner.message_hub.log_scalars.values():
            history.max_length = self.max_history


def _source_of(data_batch: Any) -> str | None:
    if not isinstance(data_batch, dict):
        return None
    samples = data_batch.get('data_samples') or []
    return samples[0].get('source') if len(samples) else None
