"""Compare the losses of our model with stored ones of the published network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.detectors import UNINEXTVideo
from uninext.structures import UninextDataSample
from uninext.testing.parity_inputs import (
    batch_of,
    caption_prompt,
    sample_of,
    target_prompt,
)
from uninext.testing.proposal_order import in_best_order
from uninext.testing.stored_numbers import Comparison, StoredNumbers

LOSS_TOLERANCE = 1e-3
# a loss over randomly sampled negatives; measured: 7e-4 to 6.3e-3
SAMPLED_LOSSES = {'loss_reid_aux': 1e-2}
MAX_TIES = 8  # tied pairs that are tried the other way round, one after another


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
        if f'{group}/image2' in numbers and not isinstance(model, UNINEXTVideo):
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

    def run() -> list[Comparison]:
        counter.copy_(before)
        return _compare_task(numbers, group, _run_losses(model, numbers, group))

    results, note = in_best_order(
        model,
        run,
        badness=lambda results: max(result.error for result in results),
        may_help=lambda results, tie: not all(result.passed for result in results),
        most=MAX_TIES,
    )
    for result in results:
        result.note = '; '.join(part for part in (result.note, note) if part)
    return results


def _compare_task(
    numbers: StoredNumbers, group: str, losses: dict[str, Tensor]
) -> list[Comparison]:
    results, losses = [], dict(losses)
    for name in (n for n in numbers.names if n.startswith(f'{group}/loss/')):
        short = name.rsplit('/', 1)[1]
        if short not in losses:
            results.append(numbers.absent(name, LOSS_TOLERANCE))
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
        data = batch_of(images, samples)
    data = model.data_preprocessor(data, True)
    with torch.no_grad():
        return model.loss(data['inputs'], data['data_samples'])


def _annotated(
    numbers: StoredNumbers, group: str, i: int, image: Tensor
) -> UninextDataSample:
    """Sample ``i`` of a task with its ground truth; ids are its places."""
    prompt = caption_prompt(str(numbers[f'{group}/caption']), group)
    sample = sample_of(image, prompt)
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
    data = batch_of(images[::2], keys)
    if with_reference:
        data['reference_inputs'] = [image.flip(0) for image in images[1::2]]
        for key, reference in zip(keys, references):
            key.reference = reference
        return data
    for key, reference, image in zip(keys, references, images[1::2]):
        target = reference.gt_instances
        mask = torch.from_numpy(target.masks.masks[0])
        divisor = model.data_preprocessor.pad_size_divisor
        key.prompt = target_prompt(image, target.bboxes[0], mask, divisor)
    return data
