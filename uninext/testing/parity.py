"""Compare the arrays of our forward pass with stored ones of the published network.

``tools/analysis_tools/check_parity.py`` prints the comparisons.

Shape legend: B batch, Q queries, L prompt tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from uninext.models.detectors import UNINEXTVideo
from uninext.models.detectors.passes import PromptRow
from uninext.structures import Prompt, PromptFeatures, VisualPrompt
from uninext.testing.parity_inputs import (
    batch_of,
    caption_prompt,
    sample_of,
    target_prompt,
)
from uninext.testing.proposal_order import in_best_order
from uninext.testing.stored_numbers import Comparison, StoredNumbers

FORWARD_TOLERANCE = 1e-4
GIVEN = ('caption', 'box_xyxy', 'mask')  # stored inputs
MASK_QUERY_STEP = 45  # masks are stored of every 45th query
PADDED_TOKENS = 256  # what the published model pads every prompt to
SWAP_TOLERANCE = 1e-3  # boxes (0..1) that differ by more are looked for in other rows


def compare_forward(model: nn.Module, numbers: StoredNumbers) -> Iterator[Comparison]:
    """Run every stored prompt on the stored image and compare all arrays.

    Raises:
        ValueError: If the numbers are not of a forward pass.
    """
    if 'image' not in numbers:
        raise ValueError('The stored numbers have no "image": not of a forward pass.')
    for group in numbers.groups():
        names = [n for n in numbers.names if n.startswith(f'{group}/')]
        is_target = f'{group}/caption' not in numbers
        if is_target and not isinstance(model, UNINEXTVideo):
            yield from (numbers.absent(name, FORWARD_TOLERANCE) for name in names)
            continue
        ours, order, note = _run_in_stored_order(model, numbers, group)
        for name in names:
            if name.rsplit('/', 1)[1] not in GIVEN:
                yield _compare_array(numbers, name, ours, order, note)


def _run_in_stored_order(
    model: nn.Module, numbers: StoredNumbers, group: str
) -> tuple[_Forward, Tensor | None, str]:
    """Our arrays, the row of ours for every stored row, and what was done for it."""

    def run() -> tuple[_Forward, Tensor | None, set[int]]:
        ours = _run_forward(model, numbers, group)
        return ours, *_query_order(ours, numbers, f'{group}/pred_boxes')

    (ours, order, _), note = in_best_order(
        model,
        run,
        badness=lambda result: len(result[2]),
        may_help=lambda result, tie: bool(result[2] & {tie.rank, tie.rank + 1}),
    )
    notes = [note] if note else []
    if order is not None:
        swapped = int((order != torch.arange(len(order))).sum())
        notes += [f'{swapped} rows matched by box'] if swapped else []
    return ours, order, '; '.join(notes)


class _Array(NamedTuple):
    """An array of ours, None where this model has none, and its axes of Q and L."""

    value: Tensor | None
    query_axis: int | None = None
    token_axis: int | None = None  # padded tokens do not count


@dataclass
class _Forward:
    """Arrays of ours.

    Attributes:
        arrays: By their published names.
        token_mask: (1, L) bool of real tokens.
        masks_of: Mask logits (1, n, 1, Hm, Wm) of n query indices.
    """

    arrays: dict[str, _Array]
    token_mask: Tensor
    masks_of: Callable[[Tensor], Tensor]

    @property
    def boxes(self) -> Tensor:
        """(Q, 4) cxcywh in 0..1."""
        return self.arrays['pred_boxes'].value[0].cpu()


def _query_order(
    ours: _Forward, numbers: StoredNumbers, name: str
) -> tuple[Tensor | None, set[int]]:
    """Our row of every stored row, by box; and the rows whose boxes differ.

    None where the boxes are absent or thinned: rows are then taken as they come.
    """
    if name not in numbers or numbers.step(name) != 1:
        return None, set()
    boxes, stored = ours.boxes, torch.from_numpy(numbers[name]).view(-1, 4)
    if stored.shape != boxes.shape:
        return None, set()
    order = torch.arange(len(boxes))
    moved = ((boxes - stored).abs().amax(1) > SWAP_TOLERANCE).nonzero()[:, 0]
    if len(moved):
        rows, columns = linear_sum_assignment(
            torch.cdist(stored[moved], boxes[moved], p=1).numpy()
        )
        order[moved[torch.from_numpy(rows)]] = moved[torch.from_numpy(columns)]
    return order, set(moved.tolist())


@torch.no_grad()
def _run_forward(model: nn.Module, numbers: StoredNumbers, group: str) -> _Forward:
    image = torch.from_numpy(numbers['image'])
    divisor = model.data_preprocessor.test_pad_size_divisor
    prompt = _forward_prompt(numbers, group, image, divisor)
    data = model.data_preprocessor(batch_of([image], [sample_of(image, prompt)]), False)
    samples = data['data_samples']
    with ExitStack() as stack:
        out = _watched(model, stack)
        pyramid = model.build_pyramid(model.extract_feat(data['inputs']), samples)
        (found,) = model.find(pyramid, [PromptRow(0, prompt, 0)], [0], with_embeds=True)
    is_target = isinstance(prompt, VisualPrompt)
    text: PromptFeatures = out['visual_prompt' if is_target else 'language_prompt']
    fused_visual, fused = out.get('fusion', (pyramid.feat, text))
    if fused.embeds.shape != text.embeds.shape:  # the average of a pooled prompt
        fused = model.fusion_neck(pyramid.feat, replace(text, pooled=False))[1]
    hidden_states, references = (torch.stack(list(o)) for o in out['decoder'])
    memory, mask_feats = out['encoder'], found.mask_feat
    plain = {f'stage/backbone.res{i + 3}': f for i, f in enumerate(out['backbone'])}
    plain.update({f'stage/input_proj{i}': f for i, f in enumerate(out['neck'])})
    plain['stage/encoder.visual'] = memory
    plain['stage/enc_output_norm'] = out['proposal_memory']
    plain['stage/mask_feats'] = None if mask_feats is None else mask_feats[None]
    # The published fusion hands on a dict that the encoder then writes its memory to.
    # Recorded at the end, both names hold the memory.
    overwritten = np.array_equal(
        *(
            numbers.arrays.get(f'{group}/stage/{k}.visual')
            for k in ('encoder', 'fusion')
        )
    )
    plain['stage/fusion.visual'] = memory if overwritten else fused_visual
    mask = _pad_tokens(text.mask, 1, max(PADDED_TOKENS, text.mask.shape[1])).float()
    masks = ('text_mask', 'stage/fusion.lang.masks', 'stage/encoder.lang.masks')
    plain.update(dict.fromkeys(masks, mask))
    if is_target:
        inputs = model.data_preprocessor.template_inputs(prompt.templates)
        plain['template'], plain['prompt'] = inputs, text.embeds
        plain['template_mask'] = (prompt.templates[0].padding[None] > 0).float()
        plain['prompt_mask'] = mask
    ious, embeds = found.ious, found.embeds
    arrays = {name: _Array(value) for name, value in plain.items()} | {
        'text_hidden': _Array(text.embeds, token_axis=1),
        'stage/fusion.lang.hidden': _Array(fused.embeds, token_axis=1),
        'stage/encoder.lang.hidden': _Array(fused.embeds, token_axis=1),
        'stage/decoder.0': _Array(hidden_states, 2),
        'stage/decoder.1': _Array(references[1:], 2),
        'pred_boxes': _Array(found.boxes_cxcywh[None], 1),
        'pred_boxious': _Array(None if ious is None else ious[None], 1),
        'pred_inst_embed': _Array(None if embeds is None else embeds[None], 1),
        'reference_points': _Array(found.centres_xy[None], 1),
        'pred_logits': _Array(found.logits[None], 1, None if prompt.pooled else 2),
    }

    def masks_of(queries: Tensor) -> Tensor:
        size_hw = tuple(samples[0].img_shape[:2])
        return found.mask_logits(model.mask_head, queries, size_hw)[None, :, None]

    return _Forward(arrays, text.mask, masks_of)


def _watched(model: nn.Module, stack: ExitStack) -> dict[str, Any]:
    """What modules of a model give when they are first called while the stack is open.

    The visual prompt generator calls the neck too, after the image has gone through.
    """
    parts = dict(
        neck=model.neck,
        language_prompt=model.prompt_generator,
        visual_prompt=getattr(model, 'visual_prompt_generator', None),
        fusion=model.fusion_neck,
        encoder=model.encoder,
        proposal_memory=model.query_selector.memory_norm,
        decoder=model.decoder,
    )
    given: dict[str, Any] = {}

    def note(name: str, module: nn.Module, args: tuple, output: Any) -> None:
        given.setdefault(name, output)
        if name == 'neck':  # a hook on the backbone would leave its norm unfolded
            given.setdefault('backbone', args[0])

    for name, module in parts.items():
        if module is not None:
            handle = module.register_forward_hook(partial(note, name))
            stack.callback(handle.remove)
    return given


@torch.no_grad()
def _compare_array(
    numbers: StoredNumbers,
    name: str,
    ours: _Forward,
    order: Tensor | None,
    note: str,
) -> Comparison:
    short, shape, keep = name.split('/', 1)[1], numbers.shape(name), None
    array = ours.arrays.get(short, _Array(None))
    value = array.value
    if short == 'pred_masks':
        rows = torch.arange(len(ours.boxes)) if order is None else order
        value = ours.masks_of(rows[::MASK_QUERY_STEP])
    elif value is None:
        return numbers.absent(name, FORWARD_TOLERANCE)
    elif array.query_axis is None:
        note = ''
    elif order is not None:
        value = value.index_select(array.query_axis, order.to(value.device))
    if array.token_axis is not None:
        length = shape[array.token_axis]
        value = _pad_tokens(value, array.token_axis, length)
        keep = _pad_tokens(ours.token_mask, 1, length)  # (1, L)
        keep = keep[:, None, :] if array.token_axis == 2 else keep[:, :, None]
    if tuple(value.shape) != shape:
        note = f'ours is {"x".join(map(str, value.shape))}'
    error = numbers.error(name, value, keep)
    return Comparison(name, shape, error, FORWARD_TOLERANCE, note)


def _pad_tokens(value: Tensor, axis: int, length: int) -> Tensor:
    """Pad with zeros, or cut, to a number of tokens."""
    value = value.narrow(axis, 0, min(length, value.shape[axis]))
    missing = length - value.shape[axis]
    padding = [0, 0] * (value.dim() - 1 - axis) + [0, missing]
    return nn.functional.pad(value, padding)


def _forward_prompt(
    numbers: StoredNumbers, group: str, image: Tensor, pad_divisor: int
) -> Prompt | VisualPrompt:
    if f'{group}/caption' in numbers:
        return caption_prompt(str(numbers[f'{group}/caption']), group)
    name = f'{group}/box_xyxy'
    box = torch.from_numpy(numbers[name if name in numbers else 'sot/box_xyxy'])[0]
    mask = None
    if f'{group}/mask' in numbers:
        # stored as large as the frame that was padded for the network
        mask = torch.from_numpy(numbers[f'{group}/mask'])[0]
        mask = mask[..., : image.shape[-2], : image.shape[-1]]
    return target_prompt(image, box, mask, pad_divisor)
