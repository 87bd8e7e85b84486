"""The training loop: counts iterations, and finds its place in the data again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import EMAHook, Hook
from mmengine.runner import BaseLoop, IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset

from uninext.checkpoint import SafeCheckpointHook
from uninext.engine.interruption import PatientInterrupt
from uninext.registry import LOOPS


@LOOPS.register_module()
class ResumableIterTrainLoop(IterBasedTrainLoop):
    """mmengine's loop by iteration, resumed by moving the sampler, not the loader.

    mmengine knows only samplers of single images when it resumes, and otherwise loads
    and throws away every batch that was trained on. Here the batch sampler itself says
    how to skip: ``batch_sampler.skip(num_batches)``; no image is read.

    The data loader is started once, by the first batch that is asked for. Upstream
    mmengine starts it when the loop is built: worker processes would be made twice,
    and a sampler that keeps its place would have lost the batches they prefetched.

    Args:
        runner: The runner of this run.
        dataloader: A data loader, or its config.
        max_iters: Iterations to train.
        val_begin: Iteration from which on is validated.
        val_interval: Iterations between validations.
        dynamic_intervals: Pairs (iteration, interval that holds from there on).
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        BaseLoop.__init__(self, runner, dataloader)  # builds the data loader
        loader = self.dataloader
        super().__init__(
            runner,
            _NotStarted(loader.dataset),
            max_iters,
            val_begin,
            val_interval,
            dynamic_intervals,
        )
        self.dataloader = loader
        self.dataloader_iterator = self._batches()

    def run(self) -> nn.Module:
        """Train until ``max_iters``, validating in between.

        Ctrl-C ends it after the iteration that is under way, with a checkpoint to
        resume from; see :class:`PatientInterrupt`.

        Returns:
            The trained model.

        Raises:
            ValueError: If the run was resumed and the sampler cannot skip.
            KeyboardInterrupt: After Ctrl-C.
        """
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if self._iter > 0:
            self.skip_batches(self._iter)
        self._can_be_saved = False
        with PatientInterrupt() as ctrl_c:
            try:
                self._train(ctrl_c)
            except KeyboardInterrupt:
                if self._can_be_saved:
                    with ctrl_c.deferred():
                        self._save()
                raise
            except RuntimeError:  # the main process has gone, and its connection
                if ctrl_c.is_left_behind:
                    raise KeyboardInterrupt from None
                raise
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _train(self, ctrl_c: PatientInterrupt) -> None:
        self._can_be_saved = True
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            batch = next(self.dataloader_iterator)
            self._can_be_saved = False
            with ctrl_c.deferred():
                self.run_iter(batch)
            self._can_be_saved = True
            if ctrl_c.requested:
                raise KeyboardInterrupt
            self._decide_current_val_interval()
            if self._is_time_to_validate():
                # their averages stand in for the weights meanwhile
                self._can_be_saved = not self._has(EMAHook)
                self.runner.val_loop.run()
                self._can_be_saved = True

    def _save(self) -> None:
        """Save what was trained by now, unless that is done."""
        for hook in self.runner.hooks:
            if isinstance(hook, SafeCheckpointHook):
                hook.save_unless_saved(self.runner, self._iter)

    def _has(self, kind: type[Hook]) -> bool:
        return any(isinstance(hook, kind) for hook in self.runner.hooks)

    def skip_batches(self, num_batches: int) -> None:
        """Move the sampler to where it stood after ``num_batches`` batches.

        Raises:
            ValueError: If neither the batch sampler nor the sampler under a plain
                ``BatchSampler`` has a method ``skip``.
        """
        batch_sampler = self.dataloader.batch_sampler
        if hasattr(batch_sampler, 'skip'):
            batch_sampler.skip(num_batches)
            return
        sampler = getattr(batch_sampler, 'sampler', None)
        if type(batch_sampler) is BatchSampler and hasattr(sampler, 'skip'):
            sampler.skip(num_batches * batch_sampler.batch_size)
            return
        raise ValueError(
            f'The run cannot be resumed at iteration {num_batches}: '
            f'{type(batch_sampler).__name__} over {type(sampler).__name__} has no '
            'method skip(num_batches). Use MultiTaskBatchSampler as '
            'train_dataloader.batch_sampler, or InfiniteSampler as its sampler; or '
            'start a new run from the weights with load_from instead of resuming.'
        )

    def _batches(self) -> Iterator[Any]:
        """Yield batches without end; a finite sampler starts over."""
        while True:
            yield from self.dataloader

    def _is_time_to_validate(self) -> bool:
        if self.runner.val_loop is None or self._iter < self.val_begin:
            return False
        return self._iter % self.val_interval == 0 or self._iter == self._max_iters


class _NotStarted:
    """Stands for a data loader while mmengine's loop is built; it has no batch."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        return iter(())
