"""Multi-scale deformable attention on whatever this machine has.

Shape legend: B batch, N = sum Hl*Wl keys, Q queries, M heads, D channels a head,
L levels, P points, C = M*D.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from uninext.models.ops.bag_deform_attn import KeyTable, bag_deform_attn
from uninext.utils.optional_imports import ensure_mmcv_ops, has_mmcv_ops

ensure_mmcv_ops()

from mmcv.ops.multi_scale_deform_attn import (  # noqa: E402
    MultiScaleDeformableAttention,
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)

BACKENDS = ('bags', 'extra', 'mmcv', 'pytorch')  # the fastest first
BACKEND_VARIABLE = 'UNINEXT_DEFORM_ATTN'
# device types that they may run on; 'pytorch' runs anywhere
_MADE_FOR = {
    'bags': ('cpu',),
    'extra': ('cpu', 'cuda', 'mps'),
    'mmcv': ('cuda',),
}
_IM2COL_STEP = 64  # images of a batch that mmcv's op takes at once


def deform_attn_backend(device_type: str) -> str:
    """Name the implementation that :func:`ms_deform_attn` uses on a device type.

    * ``bags``: :func:`bag_deform_attn` (CPU), faster there than a compiled op;
    * ``extra``: the compiled op of the optional package ``torch-ms-deform-attn``
      (CPU, CUDA and MPS, whichever it was built for);
    * ``mmcv``: mmcv's compiled op (CUDA);
    * ``pytorch``: ``grid_sample``, anywhere.

    A compiled op is tried once on a tensor of one cell; one that is installed and does
    not run is passed over with a warning. The environment variable
    ``UNINEXT_DEFORM_ATTN`` forces one of them, and is read at every call.

    Raises:
        ValueError: If the variable names something else, or what does not run here.
    """
    forced = os.environ.get(BACKEND_VARIABLE)
    if not forced:
        return _fastest(device_type)
    if forced not in BACKENDS:
        raise ValueError(
            f'{BACKEND_VARIABLE}={forced!r} is unknown; use one of {BACKENDS}.'
        )
    reason = _why_not(forced, device_type)
    if reason is not None:
        raise ValueError(
            f'{BACKEND_VARIABLE}={forced!r} does not run on {device_type!r}: {reason} '
            f'Unset the variable, or set it to {"pytorch"!r}.'
        )
    return forced


@cache
def _fastest(device_type: str) -> str:
    """The first backend that is installed and runs on a device type."""
    for backend in BACKENDS[:-1]:
        if device_type not in _MADE_FOR[backend] or not _is_installed(backend):
            continue
        reason = _why_not(backend, device_type)
        if reason is None:
            return backend
        warnings.warn(
            f'Deformable attention: {backend!r} is installed but does not run on '
            f'{device_type!r} ({reason}). A slower one is used instead; '
            f'{BACKEND_VARIABLE}=pytorch leaves this warning out.',
            stacklevel=3,
        )
    return 'pytorch'


def _is_installed(backend: str) -> bool:
    if backend == 'extra':
        return importlib.util.find_spec('torch_ms_deform_attn') is not None
    return backend == 'bags' or has_mmcv_ops()


@cache
def _why_not(backend: str, device_type: str) -> str | None:
    """Why a backend cannot run on a device type; None if it can."""
    if backend == 'pytorch':
        return None
    if not _is_installed(backend):
        return 'it is not installed.'
    if device_type not in _MADE_FOR[backend]:
        return f'it is made for {_MADE_FOR[backend]}.'
    if backend == 'bags':
        return None
    try:
        with torch.inference_mode(False), torch.no_grad():
            shapes = torch.ones(1, 2, dtype=torch.int64, device=device_type)
            _run_compiled(
                backend,
                torch.ones(1, 1, 1, 4, device=device_type),
                shapes,
                torch.zeros_like(shapes[0, :1]),
                torch.full((1, 1, 1, 1, 1, 2), 0.5, device=device_type),
                torch.ones(1, 1, 1, 1, 1, device=device_type),
            ).cpu()
    except (ImportError, OSError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[0]
    return None


def _run_compiled(
    backend: str,
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
) -> Tensor:
    """:func:`ms_deform_attn` by the op of a package."""
    if backend == 'extra':
        from torch_ms_deform_attn import ms_deform_attn as compiled

        return compiled(
            value.contiguous(),
            spatial_shapes,
            level_start_index,
            sampling_locations.contiguous(),
            attention_weights.contiguous(),
        )
    return MultiScaleDeformableAttnFunction.apply(
        value, spatial_shapes, level_start_index, sampling_locations,
        attention_weights, _IM2COL_STEP,
    )  # fmt: skip


def ms_deform_attn(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    sizes_hw: Sequence[tuple[int, int]],
) -> Tensor:
    """Sample ``value`` bilinearly at the locations and sum with the weights.

    Paper: Deformable DETR, arXiv 2010.04159, Eq. 3.

    Args:
        value: (B, N, M, D).
        spatial_shapes: (L, 2) int64, (height, width) of each level.
        level_start_index: (L,) int64, first key of each level.
        sampling_locations: (B, Q, M, L, P, 2), (x, y) in 0..1 of each level.
        attention_weights: (B, Q, M, L, P), summing to 1 over (L, P).
        sizes_hw: ``spatial_shapes`` as L pairs of Python integers, for PyTorch, which
            would have to wait for the device to learn them.

    Returns:
        Tensor: (B, Q, M * D).
    """
    backend = deform_attn_backend(value.device.type)
    if backend == 'bags':
        return bag_deform_attn(value, sizes_hw, sampling_locations, attention_weights)
    if backend != 'pytorch':
        return _run_compiled(
            backend, value, spatial_shapes, level_start_index, sampling_locations,
            attention_weights,
        )  # fmt: skip
    return multi_scale_deformable_attn_pytorch(
        value, sizes_hw, sampling_locations, attention_weights
    )


class DeformKeys(NamedTuple):
    """Keys that are ready to be sampled.

    Attributes:
        attend: From locations (B, Q, M, L, P, 2) in 0..1 and weights (B, Q, M, L, P) to
            (B, Q, C).
        spatial_shapes: (L, 2) int64, (height, width) of each level.
    """

    attend: Callable[[Tensor, Tensor], Tensor]
    spatial_shapes: Tensor


class MSDeformAttention(MultiScaleDeformableAttention):
    """mmcv's deformable attention with residual, on the backends above.

    Takes (batch, queries, channels), whatever ``batch_first`` says; attention weights
    and sampling are computed in float32.
    """

    def keys(
        self,
        value: Tensor,
        spatial_shapes: Tensor,
        level_start_index: Tensor,
        sizes_hw: Sequence[tuple[int, int]],
        key_padding_mask: Tensor | None = None,
    ) -> DeformKeys:
        """Project keys, for any number of calls.

        Args:
            value: (B, N, C).
            spatial_shapes: (L, 2) int64, (height, width) of each level.
            level_start_index: (L,) int64, first key of each level.
            sizes_hw: ``spatial_shapes`` as L pairs of Python integers.
            key_padding_mask: (B, N) bool, True where a key is padding.
        """
        value = self.value_proj(value)
        if key_padding_mask is not None:
            value = value.masked_fill(key_padding_mask[..., None], 0.0)
        value = value.float().unflatten(-1, (self.num_heads, -1))
        backend = deform_attn_backend(value.device.type)
        if backend == 'bags' and not torch.is_grad_enabled():
            attend = KeyTable(value, sizes_hw, self.num_points).attend
        else:
            places = spatial_shapes, level_start_index
            attend = partial(ms_deform_attn, value, *places, sizes_hw=sizes_hw)
        return DeformKeys(attend, spatial_shapes)

    def forward(
        self,
        query: Tensor,
        keys: DeformKeys,
        reference_points: Tensor,
        query_pos: Tensor | None = None,
    ) -> Tensor:
        """Attend from queries to the keys around their reference points.

        Args:
            query: (B, Q, C).
            keys: Of :meth:`keys`.
            reference_points: (B, Q, L, 2) points, or (B, Q, L, 4) boxes cxcywh, in
                0..1 of the padded image.
            query_pos: (B, Q, C), added to ``query``.

        Returns:
            Tensor: (B, Q, C), added to ``query``.
        """
        identity = query
        if query_pos is not None:
            query = query + query_pos
        shape = (self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).unflatten(-1, (*shape, 2))
        weights = self.attention_weights(query).unflatten(-1, (self.num_heads, -1))
        with torch.autocast(query.device.type, enabled=False):
            weights = weights.float().softmax(-1).unflatten(-1, shape[1:])
            locations = self._locations(
                reference_points.float(), offsets.float(), keys.spatial_shapes
            )
            output = keys.attend(locations, weights)
        output = self.output_proj(output.to(query.dtype))
        return self.dropout(output) + identity

    def _locations(
        self, reference: Tensor, offsets: Tensor, spatial_shapes: Tensor
    ) -> Tensor:
        """Turn offsets into (B, Q, M, L, P, 2) locations in 0..1.

        Numbers of a head lie side by side: L * P * 2 of them go through as one.
        """
        samples = offsets.shape[3:]  # (L, P, 2)
        centre, size = reference[..., :2], reference[..., 2:]
        if size.shape[-1]:
            unit = size * (0.5 / self.num_points)  # (B, Q, L, 2)
        else:
            unit = 1 / spatial_shapes.flip(-1).to(offsets.dtype)[None, None]
        centre, unit = (
            each[:, :, None, :, None].expand(-1, -1, 1, *samples).flatten(3)
            for each in (centre, unit)
        )
        locations = torch.addcmul(centre, offsets.flatten(3), unit)
        return locations.unflatten(3, samples)
