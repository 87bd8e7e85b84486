"""Stored numbers of the published implementation, and how far ours are from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor


@dataclass
class Comparison:
    """One stored array against ours.

    Attributes:
        name: Key of the array.
        shape: Of the whole array, before it was thinned.
        error: max|ours - stored| / max|stored|; infinite if ours is absent.
        tolerance: Largest error that passes.
        note: What a reader should know, e.g. how many rows were swapped.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    tolerance: float
    note: str = ''

    @property
    def passed(self) -> bool:
        """Whether the arrays agree (a NaN never does)."""
        return self.error <= self.tolerance

    def line(self) -> str:
        """``name  shape  error``, and FAIL where the error is too large."""
        size = 'x'.join(map(str, self.shape)) or 'scalar'
        end = ('' if self.passed else '  FAIL') + (self.note and f'  ({self.note})')
        return f'{self.name:<40} {size:<18} {self.error:.2e}{end}'


class StoredNumbers:
    """Arrays of an npz, some of them thinned to every n-th number."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.names = [k for k in arrays if not k.endswith(('/shape', '/step'))]

    @classmethod
    def load(cls, path: str | Path) -> StoredNumbers:
        """Read an npz without running code in it.

        Raises:
            ValueError: If the file is absent or no such archive.
        """
        if not Path(path).is_file():
            raise ValueError(f'The stored numbers {path} are not a file.')
        try:
            with np.load(path, allow_pickle=False) as archive:
                return cls({key: archive[key] for key in archive.files})
        except (ValueError, OSError, EOFError, AttributeError) as error:
            raise ValueError(f'{path} is no npz of plain arrays: {error}') from error

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise ValueError(f'The stored numbers have no array {name!r}.')
        return self.arrays[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of the whole array."""
        stored = self.arrays.get(f'{name}/shape', self.arrays[name].shape)
        return tuple(int(n) for n in stored)

    def step(self, name: str) -> int:
        """Every how many-th number of the flat array is stored."""
        return int(self.arrays.get(f'{name}/step', 1))

    def groups(self) -> list[str]:
        """First parts of the names: the prompts, or tasks, in order."""
        return list(dict.fromkeys(k.split('/')[0] for k in self.names if '/' in k))

    def absent(self, name: str, tolerance: float) -> Comparison:
        """A stored array that this model does not compute: as wrong as can be."""
        note = 'not computed by this model'
        return Comparison(name, self.shape(name), float('inf'), tolerance, note)

    def error(self, name: str, ours: Tensor, keep: Tensor | None = None) -> float:
        """Relative error of a whole array of ours, where ``keep`` (bool) is true."""
        if tuple(ours.shape) != self.shape(name):
            return float('inf')
        step, stored = self.step(name), self.arrays[name].reshape(-1)
        flat = ours.detach().cpu().reshape(-1)[::step].numpy()
        if keep is not None:
            counts = keep.cpu().expand(ours.shape).reshape(-1)[::step].numpy()
            flat, stored = flat[counts], stored[counts]
        return relative_error(flat, stored)


def relative_error(ours: np.ndarray, stored: np.ndarray) -> float:
    """max|ours - stored| / max|stored|; max|ours| if all that is stored is zero."""
    if stored.size == 0:
        return 0.0
    ours, stored = ours.astype(np.float64), stored.astype(np.float64)
    largest = np.abs(stored).max()
    difference = np.abs(ours - stored).max()
    return float(difference / largest if largest > 0 else difference)
