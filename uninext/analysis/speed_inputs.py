"""What speed is measured with: the machine, seeded inputs, seconds of parts."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from uninext.analysis.timing import measure
from uninext.models.detectors import UNINEXT
from uninext.models.ops import deform_attn_backend
from uninext.structures import Target

GEMM_SHAPES = ((3400, 256, 2048), (3400, 2048, 256), (3400, 256, 256))


def gemm_rate(device: torch.device, calls: int = 3) -> dict[str, float]:
    """GFLOP/s of matrix products of the shapes of the network's layers."""
    rates = {}
    for rows, inner, columns in GEMM_SHAPES:
        a = torch.randn(rows, inner, device=device)
        b = torch.randn(inner, columns, device=device)
        timing = measure(partial(torch.mm, a, b), calls, 1, device)
        flops = 2 * rows * inner * columns
        rates[f'{rows} x {inner} x {columns}'] = flops / timing.median / 1e9
    return rates


def machine(device: torch.device) -> dict[str, Any]:
    """What was measured on."""
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else _processor()
    return dict(
        device=name,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        python=platform.python_version(),
        deformable_attention=deform_attn_backend(device.type),
    )


def attention_inputs(
    sizes_hw: Sequence[tuple[int, int]], device: torch.device
) -> list[Tensor]:
    """Value, locations and weights: queries look around their own cells."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.cat(
        [
            torch.cartesian_prod(
                (torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w
            ).flip(-1)
            for h, w in sizes_hw
        ]
    )
    count, levels = len(centres), len(sizes_hw)
    cells = torch.tensor([(1 / w, 1 / h) for h, w in sizes_hw])
    offsets = torch.randn(1, count, 8, levels, 4, 2, generator=generator)
    locations = centres[None, :, None, None, None] + 2 * offsets * cells[:, None]
    weights = torch.rand(1, count, 8, levels * 4, generator=generator)
    weights = weights.softmax(-1).unflatten(-1, (levels, 4))
    value = torch.randn(1, count, 8, 32, generator=generator)
    return [tensor.to(device) for tensor in (value, locations, weights)]


def random_pixels(size_hw: tuple[int, int], seed: int = 0) -> Tensor:
    """(3, H, W) uint8 noise, the same for a seed."""
    generator = np.random.default_rng(seed)
    return torch.from_numpy(generator.integers(0, 256, (3, *size_hw), dtype=np.uint8))


def targets(count: int, size_hw: tuple[int, int], with_mask: bool) -> Iterator[Target]:
    """Rectangles of a third of the image's sides, along its diagonal."""
    height, width = size_hw
    for i in range(count):
        share = 0.6 * i / max(count - 1, 1)
        top, left = int(share * height), int(share * width)
        if with_mask:
            mask = torch.zeros(size_hw, dtype=torch.bool)
            mask[top : top + height // 3, left : left + width // 3] = True
            yield Target(mask=mask)
        else:
            corners = [left, top, left + width // 3, top + height // 3]
            yield Target(box_xyxy=torch.tensor(corners).float())


@contextmanager
def timed_parts(model: UNINEXT) -> Iterator[dict[str, float]]:
    """Seconds that the parts of a model take inside the block."""
    seconds: dict[str, float] = {}

    def timed(owner: Any, method: str, name: str) -> Callable[[], None]:
        call = getattr(owner, method)
        seconds.setdefault(name, 0.0)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = call(*args, **kwargs)
            if model.device.type == 'cuda':
                torch.cuda.synchronize(model.device)
            seconds[name] += time.perf_counter() - start
            return result

        setattr(owner, method, wrapped)
        return lambda: delattr(owner, method)

    parts: dict[str, nn.Module | None] = {
        'neck': model.neck,
        'text': model.prompt_generator,
        'fusion': model.fusion_neck,
        'encoder': model.encoder,
        'query selection': model.query_selector,
        'decoder': model.decoder,
        'heads': model.bbox_head,
    }
    with ExitStack() as stack:
        stack.callback(timed(model._folded_norm, 'run', 'backbone'))
        for name, part in parts.items():
            if part is not None:
                stack.callback(timed(part, 'forward', name))
        if model.mask_head is not None:
            stack.callback(timed(model, 'mask_features', 'masks'))
            stack.callback(timed(model.mask_head, 'forward', 'masks'))
        yield seconds


def resident_mb() -> float:
    """Memory of this process (Linux)."""
    with open('/proc/self/status') as file:
        lines = [line for line in file if line.startswith('VmRSS')]
    return int(lines[0].split()[1]) / 1024


def _processor() -> str:
    try:
        with open('/proc/cpuinfo') as file:
            names = [line for line in file if line.startswith('model name')]
        return f'{names[0].split(":", 1)[1].strip()}, {len(names)} processors'
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
