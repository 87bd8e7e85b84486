"""Parameters and floating point operations of a network, part by part.

A multiplication and an addition are two operations, as in torch's counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from uninext.models.ops import MSDeformAttention

# Longest first: a part that lies in another is counted by itself.
PARTS = {
    'prompt_generator.text_encoder': 'text encoder',
    'prompt_generator': 'prompt projection',
    'visual_prompt_generator.backbone': 'template backbone',
    'visual_prompt_generator': 'template projection',
    'backbone': 'backbone',
    'neck': 'neck',
    'fusion_neck': 'fusion',
    'encoder': 'encoder',
    'query_selector': 'query selection',
    'decoder': 'decoder',
    'bbox_head': 'box, IoU and retrieval head',
    'mask_head': 'mask head',
    'embed_head': 'embedding head',
    'denoising': 'denoising (training only)',
}
OTHER = 'other'
# A sample is a weighted sum of 4 neighbours, and is then weighted itself.
FLOPS_PER_SAMPLE = 2 * (4 + 1)
NOT_COUNTED = (
    'Counted: matrix products, convolutions, attention (2 operations a multiply-add); '
    f'samples of deformable attention, {FLOPS_PER_SAMPLE} a channel.\n'
    'Not counted: activations, normalisation, softmax, resizing, sorting, NMS.'
)


@dataclass(frozen=True)
class PartCost:
    """What a part of the network costs.

    Attributes:
        name: Of the part.
        parameters: One that parts share counts where it comes first.
        trainable: Those that learn.
        flops: Of the pass that was counted.
    """

    name: str
    parameters: int
    trainable: int
    flops: int


def count_costs(model: nn.Module, run: Callable[[], Any]) -> list[PartCost]:
    """Count what ``run`` does, one pass through the model without gradients.

    Returns:
        Parts that have parameters or operations, in the order of ``PARTS``; what is
        in none of them comes last.
    """
    flops = _count_flops(model, run)
    sizes: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        size = sizes.setdefault(part_of(name), [0, 0])
        size[0] += parameter.numel()
        size[1] += parameter.numel() * parameter.requires_grad
    names = [*PARTS.values(), OTHER]
    return [
        PartCost(name, *sizes.get(name, (0, 0)), flops.get(name, 0))
        for name in names
        if name in sizes or flops.get(name)
    ]


def costs_table(parts: Sequence[PartCost]) -> str:
    """Parts and their sum, in Markdown."""
    numbers = ((part.parameters, part.trainable, part.flops) for part in parts)
    total = PartCost('all', *map(sum, zip((0, 0, 0), *numbers)))
    lines = [
        '| part | parameters | of them learn | GFLOPs | share |',
        '|---|---|---|---|---|',
    ]
    for part in (*parts, total):
        share = part.flops / total.flops if total.flops else 0
        lines.append(
            f'| {part.name} | {part.parameters / 1e6:.2f} M '
            f'| {part.trainable / 1e6:.2f} M | {part.flops / 1e9:.2f} | {share:.1%} |'
        )
    return '\n'.join(lines)


def part_of(name: str) -> str:
    """The part that a module or parameter belongs to, by its dotted name."""
    for prefix, part in PARTS.items():
        if name == prefix or name.startswith(f'{prefix}.'):
            return part
    return OTHER


def _count_flops(model: nn.Module, run: Callable[[], Any]) -> dict[str, int]:
    """Operations by part; an operation belongs to the innermost module's part."""
    # Not at the top: whoever reads logs need not wait for mmdet.
    from uninext.models.ops import MSDeformAttention

    parts = {module: part_of(name) for name, module in model.named_modules()}
    flops: Counter[str] = Counter()
    active = [OTHER]
    # Fused kernels are not in torch's table; what they are made of is.
    with _plain_attention(), _not_learning(model), ExitStack() as stack:
        counter = stack.enter_context(FlopCounterMode(display=False))

        def book() -> None:
            """What was counted since the last time belongs to the active part."""
            flops[active[-1]] += counter.get_total_flops() - booked[0]
            booked[0] = counter.get_total_flops()

        def enter(module: nn.Module, *_: Any) -> None:
            book()
            active.append(parts.get(module, active[-1]))

        def leave(module: nn.Module, args: tuple, output: Any) -> None:
            book()
            if isinstance(module, MSDeformAttention) and output is not None:
                flops[active[-1]] += _sampling_flops(module, output)
            active.pop()

        booked = [0]
        for module in parts:
            for handle in (
                module.register_forward_pre_hook(enter),
                module.register_forward_hook(leave, always_call=True),
            ):
                stack.callback(handle.remove)
        with torch.no_grad():
            run()
        book()
    return flops


def _sampling_flops(module: MSDeformAttention, output: torch.Tensor) -> int:
    """Of the samples that deformable attention takes; its products are counted."""
    rows, queries, channels = output.shape
    samples = rows * queries * module.num_levels * module.num_points  # of every head
    return FLOPS_PER_SAMPLE * samples * channels


@contextmanager
def _plain_attention() -> Iterator[None]:
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _not_learning(model: nn.Module) -> Iterator[None]:
    """torch's counter cannot follow parameters that are handed from part to part."""
    learning = [p for p in model.parameters() if p.requires_grad]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
