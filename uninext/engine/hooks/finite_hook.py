"""Stop at a loss or gradient that is no number, before anything is learned from it."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from uninext.registry import HOOKS
from uninext.utils.files import replacing

STATE = 'state.pth'
_MAX_LISTED = 5
_KEPT = 64  # iterations that may be summed up before a step
_OF_A_SAMPLE = ('source', 'img_id', 'img_path', 'video_id', 'frame_id')


class NonFiniteGradient(FloatingPointError):
    """A gradient is infinite or no number: the weights are as they were before."""


@HOOKS.register_module()
class FiniteHook(Hook):
    """Look at the gradients between the backward pass and the optimizer's step.

    Processes average their gradients, so all see what is wrong in one, and all stop in
    that iteration. Nothing waits for it where gradients are clipped: their norm is
    read by mmengine anyway. mmdet's ``CheckInvalidLossHook`` looks after the step, when
    the weights are lost. With float16 (``AmpOptimWrapper``) infinite gradients are
    part of the method; the optimizer's step is left out then, and not looked at.

    Into ``<work_dir>/nonfinite_iter_<n>`` goes what repeats the iteration (``uninext
    train CONFIG --replay FOLDER``): ``state.pth``, a checkpoint of before it, and of
    each process ``rank_<k>.json``: losses and samples.

    Raises:
        NonFiniteGradient: In training; names losses, parameters and the folder.
    """

    def __init__(self) -> None:
        # since the last step: of each forward, of each iteration
        self._losses: deque[dict[str, Tensor]] = deque(maxlen=_KEPT)
        self._samples: deque[list[dict[str, Any]]] = deque(maxlen=_KEPT)

    def before_train(self, runner: Runner) -> None:
        """Listen to the model's losses and to the optimizer."""
        optimizer = runner.optim_wrapper.optimizer
        self._handles = [
            _unwrapped(runner.model).register_forward_hook(self._note_losses),
            optimizer.register_step_pre_hook(lambda *_: self._look(runner)),
        ]

    def after_train(self, runner: Runner) -> None:
        """Listen no more."""
        for handle in self._handles:
            handle.remove()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Note the samples."""
        samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else ()
        self._samples.append(
            [{k: s.get(k) for k in _OF_A_SAMPLE if k in s} for s in samples or ()]
        )

    def _note_losses(self, module: nn.Module, args: Any, found: Any) -> None:
        if isinstance(found, Mapping):  # mode='loss'
            values = {k: _detached(v) for k, v in found.items() if 'loss' in k}
            self._losses.append(values)

    def _look(self, runner: Runner) -> None:
        losses, samples = list(self._losses), list(self._samples)
        self._losses.clear()
        self._samples.clear()
        norm = _clipped_norm(runner)
        is_clipped = norm is not None
        if math.isfinite(_norm(runner) if norm is None else norm):
            return
        values = [{k: float(v) for k, v in of.items()} for of in losses]
        wrong = sorted({k for of in values for k in of if not math.isfinite(of[k])})
        if wrong:
            what = f'{_listed(wrong)} {"is" if len(wrong) == 1 else "are"} not finite'
        else:
            what = 'its losses are finite, but gradients are not'
            if not is_clipped:  # clipping has spread it over all
                what += f': {_listed(_wrong_parameters(runner.model))}'
        folder = Path(runner.work_dir) / f'nonfinite_iter_{runner.iter}'
        self._dump(runner, folder, dict(losses=values, wrong=wrong, samples=samples))
        raise NonFiniteGradient(
            f'Iteration {runner.iter + 1}, process {get_rank()} of {get_world_size()}: '
            f'{what}. Nothing was learned from it, and checkpoints saved before are '
            f'intact. {folder} holds its samples and state; repeat it with '
            f'uninext train CONFIG --replay {folder}'
        )

    @staticmethod
    def _dump(runner: Runner, folder: Path, found: dict[str, Any]) -> None:
        """Write the folder; return when all processes have.

        Where gradients are summed up, the first iteration that was is the first to be
        repeated: the weights have been the same since.
        """
        folder.mkdir(parents=True, exist_ok=True)
        first = runner.iter + 1 - len(found['samples'])
        found.update(
            iteration=first,
            last_iteration=runner.iter,
            seed=runner.seed,
            world_size=get_world_size(),
        )
        with replacing(folder / f'rank_{get_rank()}.json') as path:
            path.write_text(json.dumps(found, indent=1, default=str))
        meta = dict(epoch=runner.epoch, iter=first)
        runner.save_checkpoint(
            str(folder), STATE, meta=meta, by_epoch=False, save_param_scheduler=True
        )
        barrier()


def _clipped_norm(runner: Runner) -> float | None:
    """Of all gradients, as mmengine read it when it clipped them; None: it did not."""
    norms = runner.message_hub.log_scalars.get('train/grad_norm')
    has_clipped = getattr(runner.optim_wrapper, 'grad_name', None) == 'grad_norm'
    return float(norms.current()) if norms is not None and has_clipped else None


def _norm(runner: Runner) -> float:
    groups = runner.optim_wrapper.param_groups
    grads = [p.grad for group in groups for p in group['params'] if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(grads)) if grads else 0.0


def _wrong_parameters(model: nn.Module) -> list[str]:
    return [
        name
        for name, p in _unwrapped(model).named_parameters()
        if p.grad is not None and not bool(p.grad.isfinite().all())
    ]


def _listed(names: list[str]) -> str:
    more = f' and {len(names) - _MAX_LISTED} more' if len(names) > _MAX_LISTED else ''
    return ', '.join(names[:_MAX_LISTED]) + more


def _unwrapped(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model


def _detached(value: Any) -> Tensor:
    """A loss, or the sum of a list of losses."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return sum(v.detach().sum() for v in values)
