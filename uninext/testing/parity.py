"""Compare what our model computes with stored numbers of the published one.

A model with drawn weights and an npz of stored arrays enter; a list of comparisons
leaves. ``tools/analysis_tools/check_parity.py`` prints it.

Shape legend: B batch, Q queries, N image tokens, L prompt tokens, D decoder layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from uninext.structures import (
    Prompt,
    PromptFeatures,
    Template,
    UninextDataSample,
    VisualPrompt,
)
from uninext.testing.proposal_order import ProposalOrder, Tie
from uninext.testing.stored_numbers import Comparison, StoredNumbers

FORWARD_TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-3
# a loss over randomly sampled negatives; measured: 7e-4 to 6.3e-3
SAMPLED_LOSSES = {'loss_reid_aux': 1e-2}
GIVEN = ('caption', 'box_xyxy', 'mask')  # stored inputs
MASK_QUERY_STEP = 45  # masks are stored of every 45th query
PADDED_TOKENS = 256  # what the published model pads every prompt to
MAX_TIES = 8  # tied pairs that are tried the other way round, one after another
SWAP_TOLERANCE = 1e-3  # boxes (0..1) that differ by more are looked for in other rows


# ------------------------------------------------------------------------------ forward


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
        if is_target and not hasattr(model, 'visual_prompt_generator'):
            for name in names:
                yield _absent(numbers, name, FORWARD_TOLERANCE)
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
    with _watched_proposals(model) as proposals:
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
        return ours, order, _order_note(proposals.exchanged, swapped)


def _watched_proposals(model: nn.Module) -> ProposalOrder:
    return ProposalOrder(
        model.bbox_head.cls_branches[-1], model.query_selector.num_queries
    )


def _order_note(exchanged: list[Tie], num_swapped: int) -> str:
    notes = []
    if exchanged:
        where = ', '.join(
            f'{t.rank}-{t.rank + 1} of image {t.image} (gap {t.gap:.0e})'
            for t in exchanged
        )
        notes.append(f'{len(exchanged)} tied pairs of proposals swapped: ranks {where}')
    if num_swapped:
        notes.append(f'{num_swapped} rows matched by box')
    return '; '.join(notes)


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


@torch.no_grad()
def _run_forward(model: nn.Module, numbers: StoredNumbers, group: str) -> _Forward:
    image = torch.from_numpy(numbers['image'])
    prompt = _forward_prompt(numbers, group, image)
    data = model.data_preprocessor(_batch([image], [_sample(image, prompt)]), False)
    out = model.forward_features(data['inputs'], data['data_samples'])
    text: PromptFeatures = out['text']
    fused: PromptFeatures = out['prompt']
    levels = out['img_feats']
    plain = {f'stage/backbone.res{i + 3}': feat for i, feat in enumerate(levels)}
    plain.update({f'stage/input_proj{i}': f for i, f in enumerate(out['mlvl_feats'])})
    plain['stage/encoder.visual'] = out['memory']
    plain['stage/enc_output_norm'] = out['proposal_memory']
    plain['stage/mask_feats'] = out['mask_feats']
    stored_memory = numbers.arrays.get(f'{group}/stage/encoder.visual')
    stored_fused = numbers.arrays.get(f'{group}/stage/fusion.visual')
    # The published fusion hands on a dict that the encoder then writes its memory to.
    # Recorded at the end, both names hold the memory.
    overwritten = np.array_equal(stored_memory, stored_fused)
    plain['stage/fusion.visual'] = out['memory' if overwritten else 'fused_visual']
    num_tokens = max(PADDED_TOKENS, text.mask.shape[1])
    mask = _pad_tokens(text.mask, 1, num_tokens)
    for name in ('text_mask', 'stage/fusion.lang.masks', 'stage/encoder.lang.masks'):
        plain[name] = mask.float()
    if isinstance(prompt, VisualPrompt):
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
        'stage/decoder.0': (out['hidden_states'], 2),
        'stage/decoder.1': (out['references'][1:], 2),
        'pred_boxes': (out['boxes'], 1),
        'pred_boxious': (out['ious'], 1),
        'reference_points': (out['references'][-2][..., :2], 1),
    }
    if 'embeds' in out:
        by_query['pred_inst_embed'] = (out['embeds'], 1)
    if prompt.pooled:
        by_query['pred_logits'] = (out['logits'], 1)
    else:
        by_token['pred_logits'] = (out['logits'], 2)

    def mask_logits(queries: Tensor) -> Tensor:
        """(1, n, 1, Hm, Wm) of the chosen queries."""
        height, width = data['data_samples'][0].img_shape[:2]
        centres = out['references'][-2][0, queries, :2]
        centres = centres * centres.new_tensor([width, height])
        query = out['hidden_states'][-1][0, queries]
        return model.mask_head(query, centres, out['mask_feats'][0])[None, :, None]

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
        return _absent(numbers, name, FORWARD_TOLERANCE)
    if value is None:
        return _absent(numbers, name, FORWARD_TOLERANCE)
    if tuple(value.shape) != shape:
        note = f'ours is {"x".join(map(str, value.shape))}'
    error = numbers.error(name, value, keep)
    return Comparison(name, shape, error, FORWARD_TOLERANCE, note)


def _absent(numbers: StoredNumbers, name: str, tolerance: float) -> Comparison:
    return Comparison(
        name, numbers.shape(name), float('inf'), tolerance, 'not computed by this model'
    )


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


# ------------------------------------------------------------------------------- losses


def compare_losses(model: nn.Module, numbers: StoredNumbers) -> Iterator[Comparison]:
    """Compute the raw losses of every stored task and compare them.

    As measured: modules in evaluation mode, denoising boxes without noise, all loss
    weights 1. The BoxInst warm-up starts from its drawn value and counts on from task
    to task, in the stored order.

    Raises:
        ValueError: If the numbers are not of losses, or of clips.
    """
    _prepare_for_losses(model)
    for group in numbers.groups():
        if not any(n.startswith(f'{group}/loss/') for n in numbers.names):
            raise ValueError(f'The stored numbers have no {group}/loss/*.')
        if f'{group}/image2' in numbers and not hasattr(model, 'embed_head'):
            raise ValueError(
                f'{group} holds clips (images 2 and 3): stage 3 needs a video model.'
            )
        yield from _losses_in_stored_order(model, numbers, group)


def _losses_in_stored_order(
    model: nn.Module, numbers: StoredNumbers, group: str
) -> list[Comparison]:
    """Compare a task; where that fails, try tied proposals the other way."""
    counter = getattr(model.mask_head, 'warmup_step', torch.zeros(1))
    before = counter.clone()
    with _watched_proposals(model) as proposals:
        results = _compare_task(numbers, group, _run_losses(model, numbers, group))
        for tie in proposals.ties()[:MAX_TIES]:
            if all(result.passed for result in results):
                break
            proposals.exchanged.append(tie)
            counter.copy_(before)
            again = _compare_task(numbers, group, _run_losses(model, numbers, group))
            if _worst(again) < _worst(results):
                results = again
            else:
                proposals.exchanged.remove(tie)
        note = _order_note(proposals.exchanged, 0)
    for result in results:
        result.note = '; '.join(part for part in (result.note, note) if part)
    return results


def _worst(results: list[Comparison]) -> float:
    return max(result.error for result in results)


def _compare_task(
    numbers: StoredNumbers, group: str, losses: dict[str, Tensor]
) -> list[Comparison]:
    results, losses = [], dict(losses)
    for name in (n for n in numbers.names if n.startswith(f'{group}/loss/')):
        short = name.rsplit('/', 1)[1]
        if short not in losses:
            results.append(_absent(numbers, name, LOSS_TOLERANCE))
            continue
        ours = losses.pop(short).detach().double().cpu()
        note = f'{ours.item():.6g} for {float(numbers[name]):.6g}'
        error = numbers.error(name, ours)
        tolerance = SAMPLED_LOSSES.get(short, LOSS_TOLERANCE)
        if short in SAMPLED_LOSSES:
            note += f', sampled: tolerance {tolerance:g}'
        results.append(Comparison(name, (), error, tolerance, note))
    for short in losses:
        name, note = f'{group}/loss/{short}', 'ours alone, not stored'
        results.append(Comparison(name, (), float('inf'), LOSS_TOLERANCE, note))
    return results


def _prepare_for_losses(model: nn.Module) -> None:
    for module in model.modules():
        if hasattr(module, 'loss_weight'):
            module.loss_weight = 1.0
    model.bbox_head.iou_loss_weight = 1.0
    if model.denoising is not None:
        model.denoising.box_noise_scale = 0.0
    model.eval()


def _run_losses(
    model: nn.Module, numbers: StoredNumbers, group: str
) -> dict[str, Tensor]:
    images, samples = [], []
    while f'{group}/image{len(images)}' in numbers:
        images.append(torch.from_numpy(numbers[f'{group}/image{len(images)}']))
        samples.append(_annotated(numbers, group, len(samples), images[-1]))
    if len(images) > 2:
        data = _clips(model, images, samples, with_reference=group != 'sot')
    else:
        data = _batch(images, samples)
    data = model.data_preprocessor(data, True)
    with torch.no_grad():
        return model.loss(data['inputs'], data['data_samples'])


def _annotated(
    numbers: StoredNumbers, group: str, i: int, image: Tensor
) -> UninextDataSample:
    """Sample ``i`` of a task with its ground truth; ids are its places."""
    prompt = caption_prompt(str(numbers[f'{group}/caption']), group)
    sample = _sample(image, prompt)
    masks = numbers[f'{group}/masks{i}'].astype(np.uint8)
    labels = torch.from_numpy(numbers[f'{group}/labels{i}']).long()
    sample.gt_instances = InstanceData(
        bboxes=torch.from_numpy(numbers[f'{group}/boxes_xyxy{i}']).float(),
        labels=labels,
        masks=BitmapMasks(masks, *image.shape[-2:]),
        instances_ids=torch.arange(len(labels)),
    )
    return sample


def _clips(
    model: nn.Module,
    images: list[Tensor],
    samples: list[UninextDataSample],
    with_reference: bool,
) -> dict[str, Any]:
    """Key frames are even. Odd ones are reference frames, or templates' frames.

    The published training cuts templates out of padded frames; ours pads no frame
    before, so that a template does not depend on who else is in the batch.
    """
    keys, references = samples[::2], samples[1::2]
    data = _batch(images[::2], keys)
    if with_reference:
        data['reference_inputs'] = [image.flip(0) for image in images[1::2]]
        for key, reference in zip(keys, references):
            key.reference = reference
        return data
    for key, reference, image in zip(keys, references, images[1::2]):
        target = reference.gt_instances
        mask = torch.from_numpy(target.masks.masks[0])
        template = _template_as_published(
            model.data_preprocessor, image, target.bboxes[0], mask
        )
        key.prompt = VisualPrompt((template,))
    return data


# ------------------------------------------------------------------------------- shared


def caption_prompt(caption: str, group: str) -> Prompt:
    """The prompt of a stored caption, read as it is.

    Args:
        caption: Names joined with ``'. '``, or a sentence.
        group: 'detection' for names; anything else is a sentence.
    """
    if group != 'detection':
        return Prompt(caption, (caption,), ((0, len(caption)),), pooled=True)
    names, spans, start = caption.split('. '), [], 0
    for name in names:
        spans.append((start, start + len(name)))
        start += len(name) + 2
    return Prompt(caption, tuple(names), tuple(spans), pooled=False)


def _template_as_published(
    preprocessor: nn.Module, image: Tensor, box_xyxy: Tensor, mask: Tensor
) -> Template:
    """Cut a target out of a frame (RGB) that is padded to the divisor."""
    divisor = preprocessor.train_pad_size_divisor
    height, width = image.shape[-2:]
    padding = (0, -width % divisor, 0, -height % divisor)
    frame = nn.functional.pad(image.flip(0), padding)
    shown = nn.functional.pad(torch.ones(height, width), padding)
    mask = nn.functional.pad(mask, padding)
    template = Template.from_frame(frame, box_xyxy, mask)
    coverage = Template.from_frame(frame, box_xyxy, shown).prior
    return replace(template, padding=1 - coverage)


def _forward_prompt(
    numbers: StoredNumbers, group: str, image: Tensor
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
    return VisualPrompt((Template.from_frame(image.flip(0), box, mask),))


def _sample(image: Tensor, prompt: Prompt | VisualPrompt) -> UninextDataSample:
    size = tuple(image.shape[-2:])
    sample = UninextDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
    )
    sample.prompt = prompt
    return sample


def _batch(images: list[Tensor], samples: list[UninextDataSample]) -> dict[str, Any]:
    """Stored images are RGB, our datasets give BGR."""
    return dict(inputs=[image.flip(0) for image in images], data_samples=samples)
