"""Random tensors of a published checkpoint, from their names and a seed.

A port is right or wrong whatever the weights are: the same random parameters go to the
published network and, converted, to ours.
"""

from __future__ import annotations

import math
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class KeyRecord:
    """A line of a key table; an alias is the same tensor as that of an earlier line."""

    key: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    alias: str | None = None


def read_key_table(path: str | Path) -> list[KeyRecord]:
    """Read a table: key, shape, dtype and alias, separated by tabs; ``#`` comments.

    Raises:
        ValueError: If the file is absent or a line cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f'The key table {path} is not a file.')
    records, known = [], set()
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        try:
            key, shape, dtype, *alias = line.split('\t')
            size = tuple(int(n) for n in shape.strip('()').split(',') if n.strip())
            kind = getattr(torch, dtype.strip())
        except (ValueError, AttributeError) as error:
            raise ValueError(
                f'{path}, line {number}: expected key, (shape), dtype and alias '
                f'separated by tabs, got {line!r}.'
            ) from error
        of = (alias[0].strip() if alias else '') or None
        if of is not None and of not in known:
            raise ValueError(f'{path}, line {number}: alias of unknown key {of!r}.')
        known.add(key)
        records.append(KeyRecord(key, size, kind, of))
    if not records:
        raise ValueError(f'The key table {path} has no line.')
    return records


def draw_tensor(key: str, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """Draw a float tensor from its name.

    The normal numbers r come from a generator seeded with the name. Then, by name:
    variances 1 + 0.1 |r|, means 0.05 r, weights of norms 1 + 0.1 r, layer scales
    0.3 + 0.05 r, biases of sampling offsets 1.5 r, matrices and kernels
    g r / sqrt(fan in) with g = 0.5 for embeddings and 0.7 otherwise, the rest 0.05 r.
    """
    generator = torch.Generator().manual_seed(zlib.crc32(f'{seed}:{key}'.encode()))
    r = torch.randn(shape, generator=generator)
    name = key.lower()
    # a vector, also one stored as a row
    is_vector = len(shape) == 1 or (len(shape) == 2 and shape[0] == 1)
    if name.endswith('running_var'):
        return 1 + 0.1 * r.abs()
    if name.endswith('running_mean'):
        return 0.05 * r
    if is_vector and _is_norm_weight(name):
        return 1 + 0.1 * r
    if 'gamma' in name:
        return 0.3 + 0.05 * r
    if name.endswith('sampling_offsets.bias'):
        return 1.5 * r
    if len(shape) >= 2 and not (is_vector and 'bias' in name):
        gain = 0.5 if 'embed' in name else 0.7
        fan_in = max(math.prod(shape[1:]), 1)
        return r * gain / fan_in**0.5
    return 0.05 * r


def draw_state_dict(table: str | Path, seed: int = 0) -> OrderedDict[str, Tensor]:
    """Draw every tensor of a key table; aliases are the same object.

    Integer tensors are 0, 1, 2, ... for position ids, and zero otherwise.

    Raises:
        ValueError: See :func:`read_key_table`.
    """
    state: OrderedDict[str, Tensor] = OrderedDict()
    for record in read_key_table(table):
        if record.alias is not None:
            state[record.key] = state[record.alias]
        elif record.dtype.is_floating_point:
            drawn = draw_tensor(record.key, record.shape, seed)
            state[record.key] = drawn.to(record.dtype)
        elif 'position_ids' in record.key:
            positions = torch.arange(record.shape[-1], dtype=record.dtype)
            state[record.key] = positions.expand(record.shape).clone()
        else:
            state[record.key] = torch.zeros(record.shape, dtype=record.dtype)
    return state


def _is_norm_weight(name: str) -> bool:
    if not name.endswith('weight') or 'bias' in name:
        return False
    # group norms of the input projections have no "norm" in their names
    *_, parent, level, place, _ = ['', '', '', *name.split('.')]
    in_projection = parent == 'input_proj' and level in '0123' and place == '1'
    return 'norm' in name or in_projection
