"""Load weights into a model: every key must fit, and what differs is told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from uninext.checkpoint.io import load_file, state_dict_of
from uninext.checkpoint.packaged_parts import PackagedPart, packaged_parts_of
from uninext.utils.files import FileError

# Statistics of BatchNorm that no inference uses; converted files do not carry them.
_OPTIONAL_KEYS = re.compile(r'num_batches_tracked$')
_MAX_LISTED = 8


@runtime_checkable
class StartsFromEarlier(Protocol):
    """A model that derives weights from those of an earlier stage of training."""

    def adapt_state_dict(
        self, state: Mapping[str, Tensor]
    ) -> tuple[Mapping[str, Tensor], list[str], list[str]]:
        """The weights, notes for the log, and patterns of keys that may be missing."""


@dataclass
class KeyReport:
    """What differed between a checkpoint and a model.

    Attributes:
        missing: Keys of the model that the checkpoint does not have.
        unexpected: Keys of the checkpoint that the model does not have.
        misshapen: Keys of both whose shapes differ, and what they are and should be.
        notes: What the model derived from the checkpoint.
    """

    missing: list[str]
    unexpected: list[str]
    misshapen: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshapen)

    def without(self, patterns: Sequence[str]) -> KeyReport:
        """Return the keys that none of the regular expressions ``patterns`` finds."""
        misshapen = _unmatched(self.misshapen, patterns)
        return KeyReport(
            _unmatched(self.missing, patterns),
            _unmatched(self.unexpected, patterns),
            {key: self.misshapen[key] for key in misshapen},
        )

    def describe(self) -> str:
        """Return one line per kind of difference, long lists shortened."""
        kinds = {
            'missing': self.missing,
            'unexpected': self.unexpected,
            'misshapen': [f'{k} {sizes}' for k, sizes in self.misshapen.items()],
        }
        lines = []
        for kind, keys in kinds.items():
            more = len(keys) - _MAX_LISTED
            tail = f', ... and {more} more' if more > 0 else ''
            if keys:
                shown = ', '.join(keys[:_MAX_LISTED])
                lines.append(f'  {kind} ({len(keys)}): {shown}{tail}')
        return '\n'.join(lines)


def load_weights(model: nn.Module, path: str | os.PathLike) -> None:
    """Load a checkpoint file into a model, unwrapped; every key must fit.

    Raises:
        FileError: If the file cannot be used, or a key does not fit.
    """
    checkpoint = load_file(path)
    load_state(
        model,
        state_dict_of(checkpoint, str(path)),
        source=str(path),
        packaged=packaged_parts_of(checkpoint),
    )


def load_state(
    model: nn.Module,
    state: Mapping[str, Tensor],
    allow: Sequence[str] = (),
    source: str = 'checkpoint',
    adapt: bool = False,
    packaged: Sequence[PackagedPart] = (),
) -> KeyReport:
    """Copy ``state`` into ``model``; every difference is an error unless allowed.

    Args:
        model: The module to fill, unwrapped.
        state: Its weights by key.
        allow: Regular expressions of keys that may be missing, unexpected or misshapen;
            such weights of the model stay as they are.
        source: What the error message calls ``state``.
        adapt: Let the model prepare ``state`` first, if it is a
            :class:`StartsFromEarlier`. For the start of a training only: the weights
            that are missing are random.
        packaged: What ``state`` leaves out because packages bring it; taken from there,
            but for parts that ``allow`` finds as a whole.

    Returns:
        The differences that were allowed, and the notes.

    Raises:
        FileError: If a key differs and no pattern of ``allow`` finds it; the
            model is unchanged then. If a packaged part is absent or another.
    """
    notes: list[str] = []
    fresh: list[str] = []
    if adapt and isinstance(model, StartsFromEarlier):
        state, notes, fresh = model.adapt_state_dict(state)
    own = model.state_dict()
    absent = [f'{part.name}.*' for part in packaged if not part.is_in(model)]
    report = KeyReport(
        missing=[k for k in own if k not in state and not _OPTIONAL_KEYS.search(k)],
        unexpected=[k for k in state if k not in own] + absent,
        misshapen={
            k: f'{_size(state[k])} in place of {_size(v)}'
            for k, v in own.items()
            if k in state and v.shape != state[k].shape
        },
        notes=notes,
    )
    refused = report.without(allow)
    brought = [p for p in packaged if any(p.has(k) for k in refused.missing)]
    refused.missing = _not_in(brought, _unmatched(refused.missing, fresh))
    if refused:
        raise FileError(
            f'{source} does not fit the model:\n{refused.describe()}\n'
            'Use the config that it was trained with. To start a training from a part '
            'of it, name what may differ: load_allow=["regular expression of keys"].'
        )
    for part in brought:
        part.fetch(model, source)
    report.missing = _not_in(brought, report.missing)
    usable = {k: v for k, v in state.items() if k in own and k not in report.misshapen}
    model.load_state_dict(usable, strict=False)
    return report


def find_loadable(folder: str | os.PathLike) -> tuple[Path | None, list[str]]:
    """Find the checkpoint with the highest iteration in ``folder`` that can be read.

    Returns:
        The file or None, and why newer ones were passed over, one text each.
    """
    candidates = sorted(
        (int(match[1]), path)
        for path in Path(folder).glob('iter_*.pth')
        if (match := re.fullmatch(r'iter_(\d+)\.pth', path.name))
    )
    passed_over: list[str] = []
    for _, path in reversed(candidates):
        try:
            load_file(path, mmap=True)
        except FileError as error:
            passed_over.append(str(error))
        else:
            return path, passed_over
    return None, passed_over


def _unmatched(keys: Iterable[str], patterns: Sequence[str]) -> list[str]:
    return [k for k in keys if not any(re.search(p, k) for p in patterns)]


def _size(tensor: Tensor) -> str:
    return 'x'.join(map(str, tensor.shape)) or 'scalar'


def _not_in(parts: Sequence[PackagedPart], keys: Sequence[str]) -> list[str]:
    return [key for key in keys if not any(part.has(key) for part in parts)]
