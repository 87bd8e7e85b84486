"""ConvNeXt-L and ViT-H: their configs against published keys, and small in the network.

Images of a batch are compared with each image alone *at the same padding*: the fusion
looks at padded pixels too (method.md 1.5), so other padding gives other numbers.
"""

from __future__ import annotations

import functools
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmengine.config import Config

from helpers.recomputing import note_recomputed
from helpers.small_uninext import (
    build,
    images,
    names,
    sample,
    small_config,
)
from uninext.checkpoint.conversion import from_published
from uninext.models.backbones import uninext_vit
from uninext.registry import MODELS
from uninext.testing.random_weights import read_key_table

ROOT = Path(__file__).resolve().parents[3]

SMALL = {
    'convnext-l': (
        dict(arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32])),
        [16, 24, 32],
    ),
    'vit-h': (
        dict(
            embed_dims=16, num_layers=2, num_heads=2, window_size=3, window_blocks=(0,)
        ),
        [8, 16, 16],
    ),
}
every_backbone = pytest.mark.parametrize('name', SMALL)


def published(name: str, stage: str = 'stage3_video') -> Config:
    return Config.fromfile(ROOT / f'configs/uninext/{stage}_{name}.py').model


def in_small(name: str, config=small_config) -> Config:
    """The toy network with the backbone of a config, but few and narrow layers."""
    changes, channels = SMALL[name]
    cfg = config()
    cfg.backbone = {**published(name).backbone, **changes}
    cfg.neck.in_channels = channels
    return cfg


def perturbed(model: torch.nn.Module) -> torch.nn.Module:
    """No tensor is left at zero or one, as relative positions start."""
    for parameter in model.backbone.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@every_backbone
def test_published_keys_are_those_of_the_config(parity_dir, name) -> None:
    """Both directions: no key is missing, none is left, all shapes agree."""
    on_cpu = functools.partial(torch.linspace, device='cpu')
    with torch.device('meta'), mock.patch.object(torch, 'linspace', on_cpu):
        wanted = MODELS.build(published(name)).state_dict()
    state = {}
    for record in read_key_table(parity_dir / f'official_{name}_stage3.tsv'):
        empty = torch.empty(record.shape, device='meta')
        state[record.key] = state[record.alias] if record.alias else empty
    ours, _ = from_published(state)
    assert {k: v.shape for k, v in ours.items()} == {
        k: v.shape for k, v in wanted.items()
    }


@every_backbone
@pytest.mark.parametrize('seed', [1, 2])
def test_image_in_a_batch_and_alone_with_the_same_padding(name, seed) -> None:
    torch.manual_seed(seed)
    model = perturbed(build(in_small(name)))
    samples = [
        sample(names('dog', 'cat'), size_hw=size) for size in ((64, 64), (40, 56))
    ]
    batch = images(samples)
    with torch.no_grad():
        together = model(batch, samples, mode='predict')
        for i, found in enumerate(together):
            found = found.pred_instances
            (alone,) = model(batch[i : i + 1], samples[i : i + 1], mode='predict')
            alone = alone.pred_instances
            torch.testing.assert_close(found.scores, alone.scores, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(found.bboxes, alone.bboxes, atol=1e-3, rtol=1e-4)
            assert torch.equal(found.labels, alone.labels)


@every_backbone
def test_every_parameter_of_the_backbone_learns(name) -> None:
    model = perturbed(build(in_small(name))).train()
    model.backbone.apply(lambda m: setattr(m, 'drop_prob', 0.0))
    samples = [sample(names('dog', 'cat'), 2) for _ in range(2)]
    sum(model(images(samples), samples, mode='loss').values()).backward()
    unused = [
        n for n, p in model.backbone.named_parameters()
        if p.grad is None or not p.grad.any()
    ]  # fmt: skip
    assert unused == []


@every_backbone
def test_recomputed_activations_by_config(monkeypatch, name) -> None:
    recomputed = note_recomputed(monkeypatch, uninext_vit)
    changes, _ = SMALL[name]
    cfg = {**published(name).backbone, **changes, 'with_cp': True}
    backbone, plain = MODELS.build(cfg), MODELS.build({**cfg, 'with_cp': False})
    plain.load_state_dict(backbone.state_dict())
    image, grads = torch.randn(2, 3, 64, 64), []
    for module in (backbone, plain):
        module.train()
        torch.manual_seed(0)  # of the dropped paths
        sum(x.square().sum() for x in module(image)).backward()
        grads.append({n: p.grad for n, p in module.named_parameters()})
        blocks = 2 if name == 'vit-h' else 0  # mmpretrain's recompute by themselves
        assert len(recomputed) == (blocks if module is backbone else len(recomputed))
    assert len(recomputed) == blocks
    for key, value in grads[0].items():
        torch.testing.assert_close(value, grads[1][key], msg=key)
