"""A device that every machine has, to find on it what fails or waits on a GPU.

Its tensors say that they are on ``meta`` and are computed on the CPU. A tensor of the
host that meets one of them raises; all for which the host would have to wait for a GPU
is counted, with its place in our code. Precision and speed of a GPU are not pretended:
autocast changes nothing here.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device('meta')  # the one that is not the CPU in every build of torch
READ, SIZE = 'read', 'size'
TO_DEVICE, TO_HOST = 'to the device', 'to the host'

# Their results have a size that only the values tell.
_SIZED_BY_VALUES = {
    *('nonzero', 'masked_select', 'bincount', 'repeat_interleave'),
    *('_unique', '_unique2', 'unique_dim', 'unique_consecutive'),
}
_READING = {'_local_scalar_dense', 'equal', 'is_nonzero'}
_INDEXING = {'index', 'index_put', 'index_put_', '_index_put_impl_', '_unsafe_index'}
_FROM_VALUES = (torch.tensor, torch.as_tensor, torch.asarray)
_BY_INDEX = (Tensor.__getitem__, Tensor.__setitem__)
_MASKS = (torch.bool, torch.uint8)
_OUTSIDE = 'outside of uninext'
_NO_PLACE = (__name__, 'uninext.utils.transfers')  # they wait for others


class Wait(NamedTuple):
    """The host waits for all that the device was given to do.

    Attributes:
        kind: A value is ``'read'``; the ``'size'`` of a result depends on values;
            a copy ``'to the device'`` or ``'to the host'``.
        place: The innermost function of the package that asked for it, as
            ``'models.ops.nms.class_aware_nms'``.
        line: Of its file.
    """

    kind: str
    place: str
    line: int


class PretendDevice:
    """Inside of it, ``meta`` is a device that computes.

    A copy to the device with ``non_blocking=True`` is no wait. A mask that indexes is
    one, as in CUDA, but for ``x[mask] = number``.

    Attributes:
        waits: Those so far, in order.

    Example:
        >>> with PretendDevice() as device:
        ...     x = torch.arange(3.0).to(DEVICE)
        ...     largest = float(x.max())
        >>> [wait.kind for wait in device.waits]
        ['to the device', 'read']
    """

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self._stack = ExitStack()

    def __enter__(self) -> PretendDevice:
        for patch in _without_autocast():
            self._stack.enter_context(patch)
        self._stack.enter_context(_Functions())
        self._stack.enter_context(_Operations(self.waits))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def by_place(self) -> Counter[str]:
        """How many waits each place asked for."""
        return Counter(wait.place for wait in self.waits)


class OnDevice(Tensor):
    """A tensor of the device; ``inner`` is where it is computed."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnDevice:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
            requires_grad=inner.requires_grad,
        )
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:
        return f'OnDevice({self.inner!r})'

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        raise RuntimeError(
            f'{func} of a tensor of the pretend device outside of it. Use its tensors '
            'within `with PretendDevice()`, or bring them to the host there: x.cpu().'
        )


class _Functions(TorchFunctionMode):
    """What PyTorch does in C++ before any operation: numbers to tensors, and back."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.tolist and isinstance(args[0], OnDevice):
            return args[0].cpu().tolist()
        if func in _FROM_VALUES and _is_ours(kwargs.get('device')):
            values = kwargs.pop('data', None) if not args else args[0]
            if isinstance(values, OnDevice):
                return func(values, *args[1:], **kwargs)
            device = kwargs.pop('device')
            return func(values, *args[1:], **kwargs).to(device)
        if func is Tensor.new_tensor and _is_ours(kwargs.get('device', args[0].device)):
            like, *rest = args
            kwargs.setdefault('dtype', like.dtype)
            kwargs.pop('device', None)
            return torch.tensor(*rest, **kwargs).to(DEVICE)
        if func in _BY_INDEX:
            args = (args[0], _with_tensors(args[1]), *args[2:])
        return func(*args, **kwargs)


class _Operations(TorchDispatchMode):
    """Every operation, be it of tensors of the device or of the host."""

    def __init__(self, waits: list[Wait]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        leaves = [*_leaves(args), *_leaves(tuple(kwargs.values()))]
        ours = any(isinstance(leaf, OnDevice) for leaf in leaves)
        to_us = _is_ours(kwargs.get('device'))
        _refuse_emptiness(func, leaves)
        if not ours and not to_us:
            return func(*args, **kwargs)
        name = func.__name__.split('.')[0]
        if ours and name != 'copy_':
            _refuse_mixing(func, name, args, leaves)
        for kind in _waits(name, args, kwargs):
            self.waits.append(Wait(kind, *_place()))
        if to_us:
            kwargs['device'] = torch.device('cpu')
        on_device = to_us or (ours and kwargs.get('device') is None)
        bare = {name: _each(_inner, value) for name, value in kwargs.items()}
        result = func(*_each(_inner, args), **bare)
        written = _written(func, args, kwargs)
        if written is not None:
            _check_size(func, written)
            return written
        return _each(_wrapped, result) if on_device else result


def _is_ours(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE.type


def _leaves(values: Sequence) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _leaves(value)
        else:
            yield value


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_each(change, part) for part in value])
    return change(value)


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnDevice) else value


def _wrapped(value: Any) -> Any:
    return OnDevice(value) if isinstance(value, Tensor) else value


def _is_of_host(value: Any) -> bool:
    """A tensor that CUDA operations refuse: numbers (dim 0) they take."""
    return isinstance(value, Tensor) and not isinstance(value, OnDevice) and value.dim()


def _with_tensors(index: Any) -> Any:
    """Lists in an index become tensors of the host."""
    if isinstance(index, tuple):
        return tuple(_with_tensors(one) for one in index)
    return torch.tensor(index) if isinstance(index, (list, np.ndarray)) else index


def _refuse_emptiness(func: Any, leaves: list) -> None:
    """Raise where a tensor of ``meta`` is not one of ours."""
    for leaf in leaves:
        if isinstance(leaf, Tensor) and leaf.is_meta and type(leaf) is not OnDevice:
            raise RuntimeError(
                f'{func}: a tensor {tuple(leaf.shape)} has no values: PyTorch made it '
                'past the pretend device, which has to learn of that way.'
            )


def _refuse_mixing(func: Any, name: str, args: tuple, leaves: list) -> None:
    """Raise where a tensor of the host meets one of the device.

    Only the indices of a tensor of the device may be of the host, as in CUDA.
    """
    if name in _INDEXING and isinstance(args[0], OnDevice):
        leaves = [args[0], *args[2:3]]
    for leaf in leaves:
        if _is_of_host(leaf):
            raise RuntimeError(
                f'{func}: a tensor {tuple(leaf.shape)} of the host meets one of the '
                'device. Make it there (device=...), or bring one to the other first.'
            )


def _waits(name: str, args: tuple, kwargs: dict) -> Iterator[str]:
    """The waits of an operation that has to do with the device."""
    if name in _READING:
        yield READ
    elif name in _SIZED_BY_VALUES and kwargs.get('output_size') is None:
        yield SIZE
    elif name == '_to_copy':
        yield from _copying(args[0], kwargs.get('device'), kwargs)
    elif name == 'copy_':
        target, source = args[:2]
        kwargs = dict(kwargs, non_blocking=(*args, False)[2] or _flag(kwargs))
        yield from _copying(source, target.device, kwargs)
    elif name in _INDEXING:
        yield from _indexing(args)


def _flag(kwargs: dict) -> bool:
    return bool(kwargs.get('non_blocking'))


def _copying(source: Tensor, device: Any, kwargs: dict) -> Iterator[str]:
    if device is None or _is_ours(device) == isinstance(source, OnDevice):
        return
    if not _is_ours(device):
        yield TO_HOST
    elif not _flag(kwargs):
        yield TO_DEVICE


def _indexing(args: tuple) -> Iterator[str]:
    indices = [index for index in args[1] if index is not None]
    value = args[2] if len(args) > 2 else None
    if value is not None and value.dim() == 0:  # x[mask] = number fills where it is
        indices = [i for i in indices if i.dtype not in _MASKS]
    for index in indices:
        if _is_of_host(index):
            yield TO_DEVICE
        elif index.dtype in _MASKS:
            yield SIZE


def _written(func: Any, args: tuple, kwargs: dict) -> Any:
    """The argument that an operation writes to and returns; None: there is none."""
    returns = func._schema.returns
    alias = returns[0].alias_info if returns else None
    if alias is None or not alias.is_write:
        return None
    return kwargs['out'] if kwargs.get('out') is not None else args[0]


def _check_size(func: Any, written: Any) -> None:
    if isinstance(written, OnDevice) and written.shape != written.inner.shape:
        raise NotImplementedError(
            f'{func} changes the shape of a tensor in place, from '
            f'{tuple(written.shape)} to {tuple(written.inner.shape)}, which the '
            'pretend device cannot. Use the function that returns a new one.'
        )


def _place() -> tuple[str, int]:
    """Name and line of the innermost function of the package."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get('__name__', '')
        if module.startswith('uninext.') and module not in _NO_PLACE:
            code = frame.f_code
            name = getattr(code, 'co_qualname', code.co_name)  # from Python 3.11 on
            name = name.partition('.<locals>')[0]
            return f'{module.partition(".")[2]}.{name}', frame.f_lineno
        frame = frame.f_back
    return _OUTSIDE, 0


def _without_autocast() -> Iterator[Any]:
    """PyTorch has no autocast for ``meta``: answer as the CPU's would."""
    for name in ('is_autocast_enabled', 'get_autocast_dtype', 'autocast'):
        original = getattr(torch, name)
        yield mock.patch.object(torch, name, _as_of_the_cpu(original))


def _as_of_the_cpu(function: Callable) -> Callable:
    def call(device_type: str, *args: Any, **kwargs: Any) -> Any:
        device_type = 'cpu' if device_type == DEVICE.type else device_type
        return function(device_type, *args, **kwargs)

    return call
