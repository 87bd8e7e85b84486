"""Compare the arrays of our forward pass with stored ones of the published network.

A model with random weights and an npz of stored arrays enter; a list of comparisons
leaves. ``tools/analysis_tools/check_parity.py`` prints it.

Shape legend: B batch, Q queries, N image tokens, L prompt tokens, D decoder layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from uninext.models.detectors import UNINEXTVideo
from uninext.models.detectors.uninext import PromptRow
from uninext.structures import Prompt, PromptFeatures, Template, VisualPrompt
from uninext.testing.parity_shared import (
    absent,
    batch_of,
    caption_prompt,
    order_note,
    sample_of,
    watched_proposals,
)
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
            for name in names:
                yield absent(numbers, name, FORWARD_TOLERANCE)
            continue
        ours, order, note = _run_in_stored_order(model, numbers, group)
        for name in names:
            if name.rsplit('/', 1)[1] not in GIVEN:
                yield _compare_array(numbers, name, ours, order, note)


def _run_in_stored_order(
    model: nn.Module, numbers: StoredNumbers, group: str
) -> tuple[_Forward, Tensor | None, str]:
    """Run a prompt; where boxes of tied proposals differ, take those the other way.

    Returns:
        Our arrays, the row of ours for every stored row, and what was done.
    """
    with watched_proposals(model) as proposals:
        ours = _run_forward(model, numbers, group)
        order, moved = ours.query_order(numbers, f'{group}/pred_boxes')
        for tie in proposals.ties():
            if not moved & {tie.rank, tie.rank + 1}:
                continue
            proposals.exchanged.append(tie)
            again = _run_forward(model, numbers, group)
            new_order, new_moved = again.query_order(numbers, f'{group}/pred_boxes')
            if len(new_moved) < len(moved):
                ours, order, moved = again, new_order, new_moved
            else:
                proposals.exchanged.remove(tie)
        swapped = 0
        if order is not None:
            swapped = int((order != torch.arange(len(order))).sum())
        return ours, order, order_note(proposals.exchanged, swapped)


@dataclass
class _Forward:
    """Arrays of ours under their published names.

    Attributes:
        plain: Arrays without a query axis.
        by_query: Name -> (array, query axis).
        by_token: Name -> (array, token axis); padded tokens do not count.
        mask: (1, L) bool of real tokens.
        mask_logits: Function of query indices.
    """

    plain: dict[str, Tensor]
    by_query: dict[str, tuple[Tensor, int]]
    by_token: dict[str, tuple[Tensor, int]]
    mask: Tensor
    mask_logits: Any

    @property
    def num_queries(self) -> int:
        """Queries Q."""
        return self.by_query['pred_boxes'][0].shape[1]

    def query_order(
        self, numbers: StoredNumbers, name: str
    ) -> tuple[Tensor | None, set[int]]:
        """Our row of every stored row, by box; and the rows whose boxes differ.

        None where the boxes are absent or thinned: rows are then taken as they come.
        """
        if name not in numbers or numbers.step(name) != 1:
            return None, set()
        ours = self.by_query['pred_boxes'][0][0].cpu()
        stored = torch.from_numpy(numbers[name]).view(-1, 4)
        if stored.shape != ours.shape:
            return None, set()
        order = torch.arange(len(ours))
        moved = ((ours - stored).abs().amax(1) > SWAP_TOLERANCE).nonzero()[:, 0]
        if len(moved):
            rows, columns = linear_sum_assignment(
                torch.cdist(stored[moved], ours[moved], p=1).numpy()
            )
            order[moved[torch.from_numpy(rows)]] = moved[torch.from_numpy(columns)]
        return order, set(moved.tolist())


@contextmanager
def _watched_modules(model: nn.Module) -> Iterator[dict[str, list[Any]]]:
    """What modules of a model give while this lasts, each time they are called.

    The visual prompt generator calls the neck too, after the image has gone through.
    """
    parts = dict(
        backbone=model.backbone,
        neck=model.neck,
        language_prompt=model.prompt_generator,
        visual_prompt=getattr(model, 'visual_prompt_generator', None),
        fusion=model.fusion_neck,
        encoder=model.encoder,
        proposal_memory=model.query_selector.memory_norm,
        decoder=model.decoder,
    )
    given: dict[str, list[Any]] = {name: [] for name in parts}
    handles = [
        module.register_forward_hook(
            lambda *args, name=name: given[name].append(args[2])
        )
        for name, module in parts.items()
        if module is not None
    ]
    try:
        yield given
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def _run_forward(model: nn.Module, numbers: StoredNumbers, group: str) -> _Forward:
    image = torch.from_numpy(numbers['image'])
    divisor = model.data_preprocessor.test_pad_size_divisor
    prompt = _forward_prompt(numbers, group, image, divisor)
    data = model.data_preprocessor(batch_of([image], [sample_of(image, prompt)]), False)
    samples = data['data_samples']
    with _watched_modules(model) as out:
        pyramid = model.build_pyramid(model.extract_feat(data['inputs']), samples)
        (found,) = model.find(pyramid, [PromptRow(0, prompt, 0)], [0], with_embeds=True)
    is_target = isinstance(prompt, VisualPrompt)
    text: PromptFeatures = out[f'{"visual" if is_target else "language"}_prompt'][0]
    fused_visual, fused = (out['fusion'] or [(pyramid.feat, text)])[0]
    hidden_states, references = (torch.stack(list(o)) for o in out['decoder'][0])
    memory, mask_feats = out['encoder'][0], found.mask_feat
    plain = {f'stage/backbone.res{i + 3}': f for i, f in enumerate(out['backbone'][0])}
    plain.update({f'stage/input_proj{i}': f for i, f in enumerate(out['neck'][0])})
    plain['stage/encoder.visual'] = memory
    plain['stage/enc_output_norm'] = out['proposal_memory'][0]
    plain['stage/mask_feats'] = None if mask_feats is None else mask_feats[None]
    stored_memory = numbers.arrays.get(f'{group}/stage/encoder.visual')
    stored_fused = numbers.arrays.get(f'{group}/stage/fusion.visual')
    # The published fusion hands on a dict that the encoder then writes its memory to.
    # Recorded at the end, both names hold the memory.
    overwritten = np.array_equal(stored_memory, stored_fused)
    plain['stage/fusion.visual'] = memory if overwritten else fused_visual
    num_tokens = max(PADDED_TOKENS, text.mask.shape[1])
    mask = _pad_tokens(text.mask, 1, num_tokens)
    for name in ('text_mask', 'stage/fusion.lang.masks', 'stage/encoder.lang.masks'):
        plain[name] = mask.float()
    if is_target:
        inputs = model.data_preprocessor.template_inputs(prompt.templates)
        plain['template'], plain['prompt'] = inputs, text.embeds
        plain['template_mask'] = (prompt.templates[0].padding[None] > 0).float()
        plain['prompt_mask'] = mask.float()
    by_token = {
        'text_hidden': (text.embeds, 1),
        'stage/fusion.lang.hidden': (fused.embeds, 1),
        'stage/encoder.lang.hidden': (fused.embeds, 1),
    }
    by_query = {
        'stage/decoder.0': (hidden_states, 2),
        'stage/decoder.1': (references[1:], 2),
        'pred_boxes': (found.boxes_cxcywh[None], 1),
        'pred_boxious': (None if found.ious is None else found.ious[None], 1),
        'reference_points': (found.centres_xy[None], 1),
    }
    if found.embeds is not None:
        by_query['pred_inst_embed'] = (found.embeds[None], 1)
    if prompt.pooled:
        by_query['pred_logits'] = (found.logits[None], 1)
    else:
        by_token['pred_logits'] = (found.logits[None], 2)

    def mask_logits(queries: Tensor) -> Tensor:
        """(1, n, 1, Hm, Wm) of the chosen queries."""
        size_hw = tuple(samples[0].img_shape[:2])
        logits = found.mask_logits(model.mask_head, queries, size_hw)
        return logits[None, :, None]

    return _Forward(plain, by_query, by_token, text.mask, mask_logits)


@torch.no_grad()
def _compare_array(
    numbers: StoredNumbers,
    name: str,
    ours: _Forward,
    order: Tensor | None,
    note: str,
) -> Comparison:
    short, shape = name.split('/', 1)[1], numbers.shape(name)
    keep = None
    if short == 'pred_masks':
        chosen = torch.arange(ours.num_queries)
        chosen = (chosen if order is None else order)[::MASK_QUERY_STEP]
        value = ours.mask_logits(chosen)
    elif short in ours.by_query:
        value, axis = ours.by_query[short]
        value = _reorder(value, axis, order)
    elif short in ours.by_token:
        value, axis = ours.by_token[short]
        value = _pad_tokens(value, axis, shape[axis])
        if axis == 2:  # logits, with queries before tokens
            value = _reorder(value, 1, order)
        else:
            note = ''
        keep = _pad_tokens(ours.mask, 1, shape[axis])  # (1, L)
        keep = keep[:, None, :] if axis == 2 else keep[:, :, None]
    elif short in ours.plain:
        value, note = ours.plain[short], ''
    else:
        return absent(numbers, name, FORWARD_TOLERANCE)
    if value is None:
        return absent(numbers, name, FORWARD_TOLERANCE)
    if tuple(value.shape) != shape:
        note = f'ours is {"x".join(map(str, value.shape))}'
    error = numbers.error(name, value, keep)
    return Comparison(name, shape, error, FORWARD_TOLERANCE, note)


def _reorder(value: Tensor | None, axis: int, order: Tensor | None) -> Tensor | None:
    if value is None or order is None:
        return value
    return value.index_select(axis, order.to(value.device))


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
    template = Template.from_frame(image.flip(0), box, mask, pad_divisor=pad_divisor)
    return VisualPrompt((template,))
