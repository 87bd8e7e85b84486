"""The laptop models, smaller still, and batches for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.detectors import UNINEXT
from uninext.registry import MODELS
from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt

MODELS_DIR = Path(__file__).resolve().parents[2] / 'configs/_base_/models'
TINY = MODELS_DIR / 'uninext_tiny.py'
TINY_VIDEO = MODELS_DIR / 'uninext_tiny_video.py'
RESNET_VIDEO = MODELS_DIR / 'uninext_r50_video.py'
CHANNELS, WORDS, QUERIES, SIDE = 32, 16, 20, 64
BOX_SUPERVISED = dict(
    mask_head=dict(
        with_mask_loss=False,
        loss_projection=dict(type='BoxProjectionLoss'),
        loss_pairwise=dict(type='PairwiseAffinityLoss'),
    )
)
CHANGES = dict(
    backbone=dict(init_cfg=None),
    neck=dict(out_channels=CHANNELS, norm_cfg=dict(num_groups=8)),
    prompt_generator=dict(
        text_encoder=dict(
            hidden_size=WORDS,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            initializer_range=0.5,
        ),
        pretrained=None,
    ),
    fusion_neck=dict(visual_dims=CHANNELS, prompt_dims=WORDS, embed_dims=CHANNELS),
    positional_encoding=dict(num_feats=CHANNELS // 2),
    encoder=dict(num_layers=1, embed_dims=CHANNELS, feedforward_channels=32),
    query_selector=dict(embed_dims=CHANNELS, num_queries=QUERIES),
    decoder=dict(num_layers=2, embed_dims=CHANNELS, feedforward_channels=32),
    denoising=dict(embed_dims=CHANNELS, prompt_dims=WORDS, num_dn_queries=4),
    bbox_head=dict(num_layers=2, embed_dims=CHANNELS, prompt_dims=WORDS),
    mask_head=dict(embed_dims=CHANNELS, refine_channels=8),
    test_cfg=dict(max_per_img=10),
)


VIDEO_CHANGES = dict(
    visual_prompt_generator=dict(embed_dims=CHANNELS, prompt_dims=WORDS),
    embed_head=dict(
        embed_dims=CHANNELS,
        feedforward_channels=32,
        positive_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=5),
        candidate_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=10),
    ),
)


def small_config(**changes: Any) -> Config:
    """The ``model`` of the tiny config at toy size, with further changes."""
    return _small(TINY, CHANGES, changes)


def small_video_config(**changes: Any) -> Config:
    """The same of the video model; its templates are 64 x 64."""
    return _small(TINY_VIDEO, {**CHANGES, **VIDEO_CHANGES}, changes)


def small_resnet_video_config() -> Config:
    """The video model of the ResNet-50 configs, all of its layers, few channels."""
    resnet = dict(
        backbone=dict(init_cfg=None, base_channels=4, stem_channels=4),
        neck=dict(CHANGES['neck'], in_channels=[32, 64, 128]),
        fusion_neck=dict(CHANGES['fusion_neck'], num_heads=4),
    )
    return _small(RESNET_VIDEO, {**CHANGES, **VIDEO_CHANGES, **resnet}, {})


def _small(path: Path, toy_size: dict, changes: dict[str, Any]) -> Config:
    cfg = Config.fromfile(path)
    cfg.model.prompt_generator.text_encoder = {}  # a name there: not to be merged
    cfg.merge_from_dict(dict(model=toy_size))
    for key, value in changes.items():
        if isinstance(value, dict):
            cfg.merge_from_dict(dict(model={key: value}))
        else:
            cfg.model[key] = value
    return cfg.model


def build(model_cfg: Config) -> UNINEXT:
    """Build with random weights, no layer left at zero."""
    init_default_scope('uninext')
    model = MODELS.build(model_cfg)
    nn.init.normal_(model.level_embed)
    for module in [model.encoder, model.decoder, getattr(model, 'embed_head', None)]:
        if module is None:
            continue
        for name, parameter in module.named_parameters():
            if name.endswith(('sampling_offsets.weight', 'attention_weights.weight')):
                nn.init.normal_(parameter, std=0.05)
    return model


def names(*given: str) -> Prompt:
    return Prompt.from_categories(given)


def target(num_templates: int = 1) -> VisualPrompt:
    """Something in a frame of random colours; a part of it outside of the frame."""
    boxes = torch.tensor([[10.0, 20, 40, 60], [30, 50, 70, 90], [50, 10, 99, 30]])
    frames = torch.rand(num_templates, 3, 80, 100) * 255
    return VisualPrompt(
        tuple(Template.from_frame(f, b, size=SIDE) for f, b in zip(frames, boxes))
    )


def sample(
    prompt: Prompt | VisualPrompt,
    num: int = 1,
    size_hw: tuple[int, int] = (SIDE, SIDE),
    with_masks: bool = True,
    ori_hw: tuple[int, int] | None = None,
) -> UninextDataSample:
    """An image of ``size_hw`` in a 64 x 64 batch, with ``num`` random objects."""
    height, width = size_hw
    corners = torch.rand(num, 2, 2).sort(1)[0] * 0.8
    corners[:, 1] += 0.2
    boxes = corners.flatten(1) * torch.tensor([width, height] * 2)
    instances = InstanceData(bboxes=boxes, labels=torch.arange(num) % len(prompt))
    if with_masks:
        masks = np.zeros((num, SIDE, SIDE), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist()):
            mask[y1:y2, x1:x2] = 1
        instances.masks = BitmapMasks(masks, SIDE, SIDE)
    return UninextDataSample(
        prompt=prompt,
        gt_instances=instances,
        metainfo=dict(
            img_shape=size_hw,
            ori_shape=ori_hw or size_hw,
            batch_input_shape=(SIDE, SIDE),
        ),
    )


def images(samples: Sequence[UninextDataSample]) -> Tensor:
    """Random normalised images, zero where padded."""
    batch = torch.zeros(len(samples), 3, SIDE, SIDE)
    for image, one in zip(batch, samples):
        height, width = one.img_shape
        image[:, :height, :width] = torch.randn(3, height, width)
    return batch


def clips(
    prompt: Prompt, num: int = 2, batch: int = 2
) -> tuple[Tensor, list[UninextDataSample]]:
    """Key and reference frames (B, 2, 3, H, W); the second object comes first there."""
    keys = [sample(prompt, num) for _ in range(batch)]
    references = [sample(prompt, num, (48, 40)) for _ in range(batch)]
    for key, reference in zip(keys, references):
        key.gt_instances.instances_ids = torch.arange(num)
        reference.gt_instances.instances_ids = torch.arange(num).flip(0)
        reference.gt_instances.labels = reference.gt_instances.labels.flip(0)
        key.reference = reference
    return torch.stack([images(keys), images(references)], 1), keys


def total(losses: dict[str, Tensor]) -> Tensor:
    """The sum of losses, each a finite scalar."""
    assert all(loss.isfinite() and loss.dim() == 0 for loss in losses.values())
    return sum(losses.values())


def check_half_losses(
    model: UNINEXT,
    inputs: Tensor,
    samples: Sequence[UninextDataSample],
    dtype: torch.dtype,
) -> None:
    """Losses under autocast are float32, and in total about those without.

    Other queries may be matched, hence "about": up to 1.8 % was measured. Gradients are
    finite in bfloat16; float16 needs losses that are scaled.
    """
    found = []
    for enabled in (False, True):
        torch.manual_seed(0)  # the same denoising boxes
        with torch.autocast('cpu', dtype, enabled=enabled):
            found.append(model(inputs, samples, mode='loss'))
    expected, losses = found
    assert losses.keys() == expected.keys()
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    torch.testing.assert_close(total(losses), total(expected), rtol=0.05, atol=0)
    if dtype == torch.bfloat16:
        total(losses).backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        assert grads and all(grad.isfinite().all() for grad in grads)


def predict(
    model: UNINEXT, inputs: Tensor, samples: Sequence[UninextDataSample], **kwargs: Any
) -> list[InstanceData]:
    """What a model finds for copies of samples, without gradient."""
    with torch.no_grad():
        found = model.predict(inputs, [s.clone() for s in samples], **kwargs)
    return [one.pred_instances for one in found]


def assert_close(first: InstanceData, second: InstanceData, atol: float = 1e-4) -> None:
    """The same instances but for noise; masks but for 1 % of their pixels."""
    assert set(first.keys()) == set(second.keys())
    torch.testing.assert_close(first.scores, second.scores, atol=atol, rtol=0)
    torch.testing.assert_close(first.bboxes, second.bboxes, atol=atol * 100, rtol=0)
    assert torch.equal(first.labels, second.labels)
    if 'masks' in first:
        assert (first.masks != second.masks).float().mean() < 0.01
