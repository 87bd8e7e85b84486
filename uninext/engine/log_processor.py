"""The progress line: what a person wants to know of an iteration, on one line.

Of the scalars of mmengine's message hub, the screen gets one line, TensorBoard and json
a full record.
"""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Any

from mmengine.runner import LogProcessor, Runner

from uninext.registry import LOG_PROCESSORS

_AUXILIARY = re.compile(r'_(\d+|enc|dn)(_|$)')  # losses kept off the screen


@LOG_PROCESSORS.register_module()
class UninextLogProcessor(LogProcessor):
    """Print total loss, loss per source and the last decoder layer's losses.

    A model of six decoder layers with denoising has some sixty losses. All of them go
    to TensorBoard and json; the screen gets those without a layer, ``enc`` or ``dn``
    in their name. Without a GPU, memory is the peak resident set of this process.

    Raises:
        ValueError: If ``by_epoch`` is True: UNINEXT trains by iteration.
    """

    def __init__(self, window_size: int = 50, by_epoch: bool = False) -> None:
        if by_epoch:
            raise ValueError(
                'UninextLogProcessor got by_epoch=True; expected False, since '
                'UNINEXT trains by iteration.'
            )
        super().__init__(window_size, by_epoch=False)

    def get_log_after_iter(
        self, runner: Runner, batch_idx: int, mode: str
    ) -> tuple[dict[str, Any], str]:
        """Return the record of an iteration and the line for the screen."""
        tag, line = super().get_log_after_iter(runner, batch_idx, mode)
        if mode != 'train':
            return tag, line
        if 'memory' not in tag:
            tag['memory'] = _peak_resident_mb()
        eta = runner.message_hub.runtime_info.get('eta')
        return tag, self._train_line(tag, runner.iter + 1, runner.max_iters, eta)

    def _train_line(
        self, tag: dict[str, Any], iteration: int, max_iters: int, eta: float | None
    ) -> str:
        per_source = ', '.join(
            f'{key[len("loss/") :]} {_short(value)}'
            for key, value in tag.items()
            if key.startswith('loss/')
        )
        parts = [f'Iter [{iteration:>{len(str(max_iters))}}/{max_iters}]']
        if 'loss' in tag:
            suffix = f' ({per_source})' if per_source else ''
            parts.append(f'loss {_short(tag["loss"])}{suffix}')
        parts += [
            f'{key[len("loss_") :]} {_short(value)}'
            for key, value in tag.items()
            if key.startswith('loss_') and not _AUXILIARY.search(key)
        ]
        if 'grad_norm' in tag:
            parts.append(f'grad {_short(tag["grad_norm"])}')
        lr = tag.get('base_lr', tag.get('lr'))
        if lr is not None:
            parts.append(f'lr {lr:.1e}')
        if 'time' in tag:
            data = f' (data {tag["data_time"]:.2f})' if 'data_time' in tag else ''
            parts.append(f'{tag["time"]:.2f} s/it{data}')
        if eta is not None:
            parts.append(f'eta {timedelta(seconds=int(eta))}')
        if tag['memory'] is not None:
            parts.append(f'mem {tag["memory"]} MB')
        return '  '.join(parts)


def _short(value: float) -> str:
    """Three to four significant digits, without an exponent where readable."""
    return f'{value:.4g}' if abs(value) >= 0.001 or value == 0 else f'{value:.1e}'


def _peak_resident_mb() -> int | None:
    """Return the peak memory of this process, or None where it cannot be asked."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == 'darwin' else 2**10))
