"""What makes a network faster at test for a cost in exactness: off by default.

``test_cfg`` of a model, the inferencer, sessions and the command line use these words.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sysconfig
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from uninext.models.ops.bag_deform_attn import KeyTable
from uninext.utils.defaults import PRECISIONS

if TYPE_CHECKING:
    from uninext.models.detectors import UNINEXT

_HALF_TYPES = {'bf16': torch.bfloat16, 'fp16': torch.float16}
_COMPILERS = ('g++', 'clang++', 'c++', 'cl')
# what processors call their products of bfloat16: x86-64, then 64-bit Arm
_BF16_INSTRUCTIONS = ('amx_bf16', 'avx512_bf16', 'bf16')


@dataclass(frozen=True)
class SpeedOptions:
    """How a network is run at test; training is as its optimizer says.

    Attributes:
        precision: Number type of matrix products and convolutions: 'float32', 'bf16' or
            'fp16'. Weights, fusion, places and weights of attention, boxes and scores
            stay float32.
        num_queries: Decoder queries, the most promising of those that the model was
            built with; None: all.
        compile: Compile the layers of encoder and decoder (``torch.compile``), when the
            first image comes: a minute.

    Raises:
        ValueError: If a value is none of these.
    """

    precision: str = 'float32'
    num_queries: int | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(
                f'precision must be one of {PRECISIONS}, got {self.precision!r}.'
            )
        number = self.num_queries
        is_number = isinstance(number, int) and not isinstance(number, bool)
        if number is not None and not (is_number and number >= 1):
            raise ValueError(
                f'num_queries must be a number from 1, or None for all, got {number!r}.'
            )
        if not isinstance(self.compile, bool):
            raise ValueError(f'compile must be True or False, got {self.compile!r}.')

    @classmethod
    def split(cls, test_cfg: Mapping[str, Any]) -> tuple[SpeedOptions, dict[str, Any]]:
        """Take these options out of others: them, and the others."""
        names = [field.name for field in fields(cls)]
        mine = {name: test_cfg[name] for name in names if name in test_cfg}
        return cls(**mine), {k: v for k, v in test_cfg.items() if k not in mine}

    def check(self, device: torch.device | str) -> None:
        """Refuse what does not run, or does not pay, on a device.

        Raises:
            ValueError: With the reason, and what to take instead.
        """
        device_type = torch.device(device).type
        reason = _why_no_precision(self.precision, device_type)
        if reason is not None:
            raise ValueError(f'precision={self.precision!r}: {reason}')
        self._check_compiler()

    def _check_compiler(self) -> None:
        reason = _why_no_compiler() if self.compile else None
        if reason is not None:
            raise ValueError(f'compile=True: {reason} Leave compile out.')

    def check_queries(self, built: int) -> None:
        """Refuse more queries than a model was built with.

        Raises:
            ValueError: If there are not so many.
        """
        if self.num_queries is not None and self.num_queries > built:
            raise ValueError(
                f'num_queries must be in 1..{built}, what this model was built with; '
                f'got {self.num_queries}.'
            )

    def running(self, model: UNINEXT) -> contextlib.AbstractContextManager:
        """What the network runs within at test; with 'float32' nothing is changed.

        Raises:
            ValueError: See :meth:`check`.
        """
        if model.training or self.precision == 'float32':
            return contextlib.nullcontext()
        self.check(model.device)
        return torch.autocast(model.device.type, _HALF_TYPES[self.precision])

    def compile_layers(self, model: UNINEXT) -> None:
        """Have layers compiled when they run next at test, for images of any size.

        Raises:
            ValueError: See :meth:`check`.
        """
        wanted = self.compile and not model.training
        if wanted:
            self._check_compiler()
        if wanted and not hasattr(KeyTable.attend, '_torchdynamo_disable'):
            # its blocks would be unrolled, again for each number of blocks
            KeyTable.attend = torch.compiler.disable(KeyTable.attend)
        for layer in (*model.encoder.layers, *model.decoder.layers):
            if not wanted:
                layer._compiled_call_impl = None
            elif layer._compiled_call_impl is None:
                layer.compile(dynamic=True)


def given_speed(
    precision: str | None, num_queries: int | None, compile: bool | None
) -> dict[str, Any]:
    """Arguments of :class:`SpeedOptions` without those that nobody gave (None)."""
    given = dict(precision=precision, num_queries=num_queries, compile=compile)
    return {name: value for name, value in given.items() if value is not None}


@cache
def _why_no_precision(precision: str, device_type: str) -> str | None:
    """Why a precision is refused on a type of device; None if it is not."""
    if precision == 'float32':
        return None
    if not torch.amp.is_autocast_available(device_type):
        return f"PyTorch cannot mix precisions on {device_type!r}. Take 'float32'."
    if device_type == 'cpu' and precision == 'fp16':
        return (
            "a CPU is slower in it than in 'bf16', which has the range of float32 "
            "besides. Take 'bf16'."
        )
    if device_type == 'cpu':
        known = getattr(torch.cpu, 'get_capabilities', dict)()
        if known and not any(known.get(name) for name in _BF16_INSTRUCTIONS):
            warnings.warn(
                "precision='bf16': this processor has no instructions for it, so it "
                "may be slower than 'float32'.",
                stacklevel=3,
            )
    is_cuda = device_type == 'cuda'
    if (
        is_cuda
        and precision == 'bf16'
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        return "this GPU has no bf16. Take 'fp16'."
    return None


def _why_no_compiler() -> str | None:
    """Why ``torch.compile`` cannot work here; None if nothing is known of it."""
    names = (os.environ['CXX'],) if 'CXX' in os.environ else _COMPILERS
    if not any(map(shutil.which, names)):
        return f'it needs a compiler of C++, and there is none of {names} here.'
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not header.is_file():
        return (
            f'it needs {header}, which is not here: the headers of Python are a '
            'package of their own (python3-dev, python3-devel).'
        )
    return None
