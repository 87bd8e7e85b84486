"""Write the weights of a model as a small file, and compare it with the model."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from uninext.checkpoint.io import save_file
from uninext.checkpoint.load import load_weights
from uninext.checkpoint.packaged_parts import (
    META_KEY,
    PackagedPart,
    digest_of,
    packaged_parts_text,
)
from uninext.version import __version__

# Rounding to half precision changes a tensor by at most 2 ** -11 of its norm, but for
# values too small or too large for it; what changes more is kept as it is.
MAX_ERROR = 1e-3


@dataclass(frozen=True)
class PublishReport:
    """What a published file holds.

    Attributes:
        path: The file.
        num_bytes: Its size.
        num_half: Parameters stored in half precision; counts tensors.
        num_exact: Tensors stored as they are: all buffers, and parameters that half
            precision would change by more than ``MAX_ERROR``.
        worst: Largest change of a tensor relative to its norm, read back from the file.
        worst_key: Of which tensor.
        left_out: What packages bring.
    """

    path: Path
    num_bytes: int
    num_half: int
    num_exact: int
    worst: float
    worst_key: str
    left_out: tuple[PackagedPart, ...]

    def lines(self) -> list[str]:
        """The report for people."""
        lines = [
            f'written: {self.path} ({self.num_bytes:,} bytes)',
            f'half precision: {self.num_half} tensors; as they are: {self.num_exact}',
            f'largest change of a tensor: {self.worst:.1e} of its norm '
            f'({self.worst_key})',
        ]
        for part in self.left_out:
            lines.append(f'left out: {part.name}, which {part.package} brings')
        return lines


def publish_weights(
    model: nn.Module, target: str | Path, meta: Mapping[str, str]
) -> PublishReport:
    """Write the weights of a model: half precision, without what packages bring.

    Args:
        model: With the weights. A module of it that loads a part from a package, in
            ``init_weights``, says so: ``packaged_parts``, the package by the name of
            the part.
        target: File to write, whole or not at all.
        meta: Texts for its metadata, such as the config. Version and what was left out
            are added.

    Returns:
        What was written, as it is when read back.

    Raises:
        ValueError: If weights are not finite.
        FileError: If ``target`` cannot be written.
    """
    target = Path(target)
    left_out = tuple(_unchanged_parts(model))
    state = _published_state(model, left_out)
    own = {'version': __version__, META_KEY: packaged_parts_text(left_out)}
    save_file({'state_dict': state, 'meta': {**meta, **own}}, target)
    return _report(target, model, state, left_out)


def _unchanged_parts(model: nn.Module) -> Iterator[PackagedPart]:
    """Parts that are still what their package brings."""
    for name, module in model.named_modules():
        for part, package in getattr(module, 'packaged_parts', {}).items():
            fresh = copy.deepcopy(module)
            fresh.init_weights()
            digest = digest_of(fresh.get_submodule(part))
            if digest == digest_of(module.get_submodule(part)):
                yield PackagedPart(f'{name}.{part}', name, package, digest)


def _published_state(
    model: nn.Module, left_out: Sequence[PackagedPart]
) -> dict[str, Tensor]:
    parameters = {name for name, _ in model.named_parameters()}
    state = {}
    for key, value in model.state_dict().items():
        if any(part.has(key) for part in left_out):
            continue
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(
                f'The weights of {key} are not finite: the training diverged. Take an '
                'earlier checkpoint.'
            )
        state[key] = value
        if key in parameters and value.dtype == torch.float32:
            half = value.half()
            if _change(half, value) <= MAX_ERROR:
                state[key] = half
    return state


def _change(stored: Tensor, exact: Tensor) -> float:
    """How far a tensor is from another, relative to that one's norm."""
    difference = (stored.double() - exact.double()).norm()
    norm = exact.double().norm()
    return (difference / norm).item() if norm > 0 else difference.item()


def _report(
    target: Path,
    model: nn.Module,
    state: Mapping[str, Tensor],
    left_out: Sequence[PackagedPart],
) -> PublishReport:
    """Read the file back as everybody will, and compare it with what it came from."""
    again = copy.deepcopy(model)
    with torch.no_grad():
        for value in again.state_dict().values():
            value.zero_()
    load_weights(again, target)
    found = again.state_dict()
    changes = {k: _change(found[k], v) for k, v in model.state_dict().items()}
    exact = [k for k, v in state.items() if v.dtype != torch.float16]
    assert all(changes[key] == 0 for key in exact), 'what is kept must be unchanged'
    worst_key = max(changes, key=changes.__getitem__)
    return PublishReport(
        path=target,
        num_bytes=target.stat().st_size,
        num_half=len(state) - len(exact),
        num_exact=len(exact),
        worst=changes[worst_key],
        worst_key=worst_key,
        left_out=tuple(left_out),
    )
