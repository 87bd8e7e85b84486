"""Save checkpoints so that at every moment a whole, safe one is on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from uninext.checkpoint.background import BackgroundWriter
from uninext.checkpoint.carried_config import carried_meta
from uninext.registry import HOOKS
from uninext.utils.screen import file_only

_HISTORY = 'history_buffer'


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's hook, except that the old checkpoint goes when the new one is whole.

    mmengine removes first: with ``max_keep_ckpts=1`` a full disk, or a kill while
    writing, would leave nothing to resume from. Files hold tensors and plain values
    only.

    Args:
        args: As those of ``CheckpointHook``.
        async_save: Copy the state to memory, and write it while the training goes on.
            What fails then is raised by the next iteration. Validation, the next
            checkpoint and the end wait for the file.
    """

    last_ckpt: str | None
    max_keep_ckpts: int

    def __init__(self, *args: Any, async_save: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._writer = BackgroundWriter() if async_save else None

    def before_train(self, runner: Runner) -> None:
        """Sweep up what a killed process left half-written."""
        with file_only(runner.logger):  # mmengine warns of its own old names here
            super().before_train(runner)
        runner.logger.info(f'Checkpoints: {self.out_dir}')
        if is_main_process() and Path(self.out_dir).is_dir():
            for leftover in Path(self.out_dir).glob('*.pth.tmp'):
                leftover.unlink()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Raise what was raised where a file is written."""
        if self._writer is not None:
            self._writer.check()

    def before_val(self, runner: Runner) -> None:
        """Wait for a file that is written: what validates may read it."""
        self.wait()

    def after_train(self, runner: Runner) -> None:
        """Wait for the last file, and publish it if that is asked for."""
        self.wait()
        super().after_train(runner)

    def wait(self) -> None:
        """Wait for a file that is written; raise what is raised there."""
        if self._writer is not None:
            self._writer.wait()

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Turn all but weights into plain values, so that loading needs no pickle.

        The config is added as data, so that the file alone is enough to use it.
        """
        for part in ('meta', 'message_hub', 'param_schedulers'):
            if part in checkpoint:
                checkpoint[part] = to_plain(checkpoint[part])
        checkpoint.setdefault('meta', {}).update(carried_meta(runner.cfg))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Turn plain logs into mmengine's again."""
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = from_plain(checkpoint['message_hub'])

    def save_unless_saved(self, runner: Runner, num_iters: int) -> None:
        """Save a checkpoint between two iterations, out of turn; nothing of none."""
        filename = self.filename_tmpl.format(num_iters)
        is_saved = Path(self.last_ckpt or '').name == filename
        if num_iters and not self.by_epoch and not is_saved:
            meta = dict(epoch=runner.epoch, iter=num_iters)
            self._save_checkpoint_with_step(runner, num_iters, meta)

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        self.wait()
        superseded = self._note_kept(runner, step)
        before, name = self.last_ckpt, self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        try:
            write = runner.gather_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                copied=self._writer is not None,
                **self.args,
            )
            note = Path(runner.work_dir, 'last_checkpoint'), self.last_ckpt
            finish = partial(self._finish, write, note, superseded)
            if not is_main_process():
                return
            if self._writer is None:
                finish()
            else:
                self._writer.start(finish)
        except BaseException:
            self.last_ckpt = before
            raise

    def _finish(
        self, write: Callable[[], None], note: tuple[Path, str], superseded: list[int]
    ) -> None:
        """Write a checkpoint, then its path where mmengine looks; remove old ones."""
        write()
        note[0].write_text(note[1])
        for old in superseded:
            path = self.file_backend.join_path(
                self.out_dir, self.filename_tmpl.format(old)
            )
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _note_kept(self, runner: Runner, step: int) -> list[int]:
        """Note that ``step`` is kept; return the steps that are too many then."""
        if self.max_keep_ckpts <= 0 or step in self.keep_ckpt_ids:
            return []
        superseded = []
        while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
            superseded.append(self.keep_ckpt_ids.popleft())
        self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        return superseded


def to_plain(value: Any) -> Any:
    """Replace what only numpy and mmengine can read by tensors, numbers and dicts.

    mmengine's logs pickle bound methods; a file without them loads with
    ``weights_only=True`` in every version of torch and numpy. :func:`from_plain` is the
    inverse for logs.
    """
    if isinstance(value, HistoryBuffer):
        values, counts = (torch.from_numpy(np.array(a, float)) for a in value.data)
        return {_HISTORY: {'values': values, 'counts': counts}}
    if isinstance(value, Mapping):
        plain = {key: to_plain(item) for key, item in value.items()}
        return Counter(plain) if isinstance(value, Counter) else plain
    if isinstance(value, (list, tuple)):
        items = [to_plain(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, np.generic):
        return value.item()
    return value


def from_plain(value: Any) -> Any:
    """Make ``HistoryBuffer`` again what :func:`to_plain` made of them."""
    if isinstance(value, dict) and not isinstance(value, Counter):
        if _HISTORY in value:
            log = value[_HISTORY]
            return HistoryBuffer(log['values'].tolist(), log['counts'].tolist())
        return {key: from_plain(item) for key, item in value.items()}
    return value
