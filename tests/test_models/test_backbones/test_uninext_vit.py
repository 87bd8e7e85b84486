from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from uninext.models.backbones import UninextViT
from uninext.models.backbones.uninext_vit import image_of, windows_of
from uninext.registry import MODELS

SMALL = dict(
    embed_dims=16, num_layers=3, num_heads=2, window_size=3, window_blocks=(0, 1),
    drop_path_rate=0.5,
)  # fmt: skip


def small(**changes) -> UninextViT:
    built = MODELS.build(dict(type='UninextViT', **{**SMALL, **changes}))
    for parameter in built.parameters():  # relative positions start at zero
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    built.eval()
    return built


def test_no_image() -> None:
    levels = small()(torch.zeros(0, 3, 64, 96))
    assert [tuple(x.shape) for x in levels] == [
        (0, 8, 8, 12), (0, 16, 4, 6), (0, 16, 2, 3),
    ]  # fmt: skip


def test_levels() -> None:
    finest, middle, coarsest = small()(torch.randn(2, 3, 64, 96))
    assert finest.shape == (2, 8, 8, 12)
    assert middle.shape == (2, 16, 4, 6)
    quarters = middle.view(2, 16, 2, 2, 3, 2).permute(0, 1, 2, 4, 3, 5).flatten(4)
    assert torch.equal(coarsest, quarters.amax(-1))


@pytest.mark.parametrize('size', [(64, 80), (48, 64), (65, 64)], ids=str)
def test_sides_must_be_multiples_of_32(size) -> None:
    with pytest.raises(ValueError, match=r'multiples of 32.*test_pad_size_divisor'):
        small()(torch.zeros(1, 3, *size))


def test_blocks_that_are_not_there() -> None:
    with pytest.raises(ValueError, match=r'between 0 and 2.*got \(0, 3\)'):
        small(window_blocks=(0, 3))


@pytest.mark.parametrize('size', [(3, 3), (6, 9), (4, 7), (2, 1)], ids=str)
def test_windows_and_back(size) -> None:
    maps = torch.randn(2, *size, 5)
    windows = windows_of(maps, 3)
    assert torch.equal(image_of(windows, *size), maps)
    corner = torch.zeros(3, 3, 5)
    height, width = min(3, size[0]), min(3, size[1])
    corner[:height, :width] = maps[0, :height, :width]
    assert torch.equal(windows[0], corner)
    assert windows.count_nonzero() == maps.count_nonzero()


def test_windows_do_not_see_each_other() -> None:
    vit = small(num_layers=1, window_blocks=(0,))
    image = torch.randn(1, 3, 96, 96)
    other = image.clone()
    other[..., 48:, :] = 0  # below the first row of windows: 3 tokens of 16 pixels
    with torch.no_grad():
        before, after = vit(image)[1], vit(other)[1]
        assert torch.equal(before[:, :, :3], after[:, :, :3])
        assert not torch.equal(before[:, :, 3:], after[:, :, 3:])
        vit = small(num_layers=1, window_blocks=())
        assert not torch.allclose(vit(image)[1][:, :, :3], vit(other)[1][:, :, :3])


def test_place_of_the_class_token_is_not_used() -> None:
    vit, image = small(), torch.randn(1, 3, 224, 224)
    sum(level.sum() for level in vit(image)).backward()
    assert not vit.pos_embed.grad[:, 0].any()
    assert vit.pos_embed.grad[:, 1:].all()
    unused = [n for n, p in vit.named_parameters() if not p.grad.any()]
    assert unused == []


@pytest.mark.parametrize('side', [224, 448], ids=['stored', 'stretched'])
def test_position_table(side) -> None:
    """Row 1 + 14 y + x of the table belongs to the token at (x, y) of 14 x 14."""
    vit = small()
    vit.pos_embed.data.zero_()
    vit.pos_embed.data[0, 1 + 14 * 1 + 2] = 1
    with torch.no_grad():
        found = vit._positions(side // 16, side // 16)[0, ..., 0]
    y, x = divmod(int(found.argmax()), side // 16)
    scale = side // 224
    assert (y // scale, x // scale) == (1, 2)


def test_paths_are_dropped_more_often_with_depth() -> None:
    chances = [layer.drop_path.drop_prob for layer in small().layers]
    assert chances == [0, 0.25, 0.5]
    vit, image = small(drop_path_rate=1.0).train(), torch.randn(1, 3, 64, 64)
    last = vit.layers[-1]  # dropped for certain, attention and feed-forward
    x = torch.randn(1, 4, 4, 16)
    assert torch.equal(last(x), x) or not last(x).isfinite().all()
    assert vit(image)


def test_config_is_the_published_vit_h() -> None:
    cfg = Config.fromfile('configs/uninext/stage2_image_vit-h.py').model
    with torch.device('meta'):
        vit = MODELS.build(cfg.backbone)
    assert sum(p.numel() for p in vit.parameters()) == pytest.approx(634e6, rel=0.01)
    shapes = {n: tuple(p.shape) for n, p in vit.named_parameters()}
    tables = [shapes[f'layers.{i}.attn.rel_pos_h'] for i in range(32)]
    within = [i for i, shape in enumerate(tables) if shape == (27, 80)]
    assert within == [0, 1, 3, 4, 6, 7, 9, 10]
    assert tables.count((127, 80)) == 24
    levels = vit(torch.zeros(1, 3, 64, 96, device='meta'))
    assert [x.shape[1] for x in levels] == cfg.neck.in_channels
    assert vit.layers[-1].drop_path.drop_prob == 0.5


def test_half_precision() -> None:
    vit, image = small(), torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        exact = vit(image)
        with torch.autocast('cpu', torch.bfloat16):
            half = vit(image)
    for a, b in zip(exact, half):
        assert b.dtype == torch.bfloat16
        assert (a - b).abs().max() < 0.05 * a.abs().max()
