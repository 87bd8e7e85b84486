"""Multi-scale deformable attention on whatever this machine has.

Shape legend: B batch, N = sum Hl*Wl keys, Q queries, M heads, D channels a head,
L levels, P points, C = M*D.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from uninext.models.ops.bag_deform_attn import bag_deform_attn
from uninext.utils.optional_imports import ensure_mmcv_ops, has_mmcv_ops

ensure_mmcv_ops()

from mmcv.ops.multi_scale_deform_attn import (  # noqa: E402
    MultiScaleDeformableAttention,
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)

BACKENDS = ('bags', 'extra', 'mmcv', 'pytorch')  # the fastest first
_VARIABLE = 'UNINEXT_DEFORM_ATTN'
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
    forced = os.environ.get(_VARIABLE)
    if not forced:
        return _fastest(device_type)
    if forced not in BACKENDS:
        raise ValueError(f'{_VARIABLE}={forced!r} is unknown; use one of {BACKENDS}.')
    reason = _why_not(forced, device_type)
    if reason is not None:
        raise ValueError(
            f'{_VARIABLE}={forced!r} does not run on {device_type!r}: {reason} '
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
            f'{_VARIABLE}=pytorch leaves this warning out.',
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


class MSDeformAttention(MultiScaleDeformableAttention):
    """mmcv's deformable attention with residual, on the backends above.

    Takes (batch, queries, channels), whatever ``batch_first`` says; attention weights
    and sampling are computed in float32.
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        identity: Tensor | None = None,
        query_pos: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        reference_points: Tensor | None = None,
        spatial_shapes: Tensor | None = None,
        level_start_index: Tensor | None = None,
        sizes_hw: Sequence[tuple[int, int]] | None = None,
        **unused: Tensor | None,
    ) -> Tensor:
        """Attend from queries to the keys around their reference points.

        Args:
            query: (B, Q, C).
            key: Ignored; mmdet's layers pass it.
            value: (B, N, C); ``query`` if None.
            identity: What the result is added to; ``query`` if None.
            query_pos: (B, Q, C), added to ``query``.
            key_padding_mask: (B, N) bool, True where a key is padding.
            reference_points: (B, Q, L, 2) points, or (B, Q, L, 4) boxes cxcywh, in
                0..1 of the padded image.
            spatial_shapes: (L, 2) int64.
            level_start_index: (L,) int64.
            sizes_hw: ``spatial_shapes`` as L pairs of Python integers.
            **unused: Whatever else mmdet's layers hand down (``key_pos``, masks).

        Returns:
            Tensor: (B, Q, C).
        """
        value = query if value is None else value
        identity = query if identity is None else identity
        if query_pos is not None:
            query = query + query_pos
        batch, num_queries, _ = query.shape
        value = self.value_proj(value)
        if key_padding_mask is not None:
            value = value.masked_fill(key_padding_mask[..., None], 0.0)
        value = value.view(batch, -1, self.num_heads, self.embed_dims // self.num_heads)
        shape = (batch, num_queries, self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).view(*shape, 2)
        weights = self.attention_weights(query).view(*shape[:3], -1)
        with torch.autocast(query.device.type, enabled=False):
            weights = weights.float().softmax(-1).view(shape)
            locations = self._locations(
                reference_points.float(), offsets.float(), spatial_shapes
            )
            output = ms_deform_attn(
                value.float(), spatial_shapes, level_start_index, locations, weights,
                sizes_hw,
            )  # fmt: skip
        output = self.output_proj(output.to(value.dtype))
        return self.dropout(output) + identity

    def _locations(
        self, reference: Tensor, offsets: Tensor, spatial_shapes: Tensor
    ) -> Tensor:
        """Turn offsets into (B, Q, M, L, P, 2) locations in 0..1."""
        if reference.shape[-1] == 2:
            scale_wh = spatial_shapes.flip(-1).to(offsets.dtype)  # (L, 2)
            offsets = offsets / scale_wh[None, None, None, :, None]
            return reference[:, :, None, :, None] + offsets
        centre, size_wh = reference[:, :, None, :, None].split(2, -1)
        return centre + offsets / self.num_points * size_wh * 0.5
