from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmdet.models.utils import aligned_bilinear

from uninext.models.heads import ImageTargets, PromptMaskHead, mask_head

LAYERS, QUERIES, CHANNELS = 2, 6, 16
SIDE = 32  # pixels; mask features are 4 x 4, masks at stride 4 are 8 x 8
BOX_LOSSES = dict(
    with_mask_loss=False,
    loss_projection=dict(type='BoxProjectionLoss'),
    loss_pairwise=dict(type='PairwiseAffinityLoss'),
)


def head(**kwargs) -> PromptMaskHead:
    built = PromptMaskHead(CHANNELS, refine_channels=8, **kwargs)
    built.init_weights()
    return built


def target_of(num: int, with_masks: bool = True, with_colours: bool = True):
    corner = torch.rand(num, 2) * 16
    boxes = torch.cat([corner, corner + 12], 1)
    centre_wh = torch.cat([corner + 6, torch.full_like(corner, 12)], 1)
    return ImageTargets(
        boxes_xyxy=boxes,
        boxes_cxcywh=centre_wh / SIDE,
        positive_maps=torch.ones(num, 1).bool(),
        img_size_hw=(SIDE, SIDE),
        masks=torch.rand(num, SIDE // 4, SIDE // 4) > 0.5 if with_masks else None,
        color_similarity=torch.rand(8, 8, 8) if with_colours else None,
    )


def loss_inputs(matches, targets, queries=QUERIES):
    """``matches``: of each image the objects of the first queries, in all layers."""
    batch = len(targets)
    states = [torch.randn(batch, queries, CHANNELS) for _ in range(LAYERS)]
    references = [torch.rand(batch, queries, 4) for _ in range(LAYERS)]
    feat = torch.rand(batch, 8, 4, 4)
    for tensor in (*states, feat):
        tensor.requires_grad_()
    gt_inds = torch.full((LAYERS, batch, queries), -1)
    for b, objects in enumerate(matches):
        gt_inds[:, b, : len(objects)] = torch.tensor(objects, dtype=torch.long)
    return states, references, feat, gt_inds, targets


def test_no_query():
    model = head()
    feat = torch.rand(8, 4, 5, requires_grad=True)
    logits = model(torch.zeros(0, CHANNELS), torch.zeros(0, 2), feat)
    assert logits.shape == (0, 8, 10)
    logits.sum().backward()  # still in the graph


@pytest.mark.parametrize('kwargs', [{}, BOX_LOSSES], ids=['masks', 'boxes'])
def test_no_object_gives_zero_losses_in_the_graph(kwargs):
    inputs = loss_inputs([[], []], [target_of(0), target_of(0)])
    losses = head(**kwargs).loss(*inputs)
    assert all(loss == 0 and loss.requires_grad for loss in losses.values())
    sum(losses.values()).backward()


def explicit(model, query, centre, feat):
    """One query's three convolutions, one at a time."""
    params = model.controller(query[None])[0]
    sizes = [80, 64, 8, 8, 8, 1]
    w1, w2, w3, b1, b2, b3 = params.split(sizes)
    height, width = feat.shape[-2:]
    x = centre[0] - (8 * torch.arange(width) + 4).expand(height, width)
    y = centre[1] - (8 * torch.arange(height) + 4)[:, None].expand(height, width)
    z = torch.cat([torch.stack([x, y]), feat])[None]  # (1, 10, Hs, Ws)
    z = F.conv2d(z, w1.view(8, 10, 1, 1), b1).relu()
    z = F.conv2d(z, w2.view(8, 8, 1, 1), b2).relu()
    z = F.conv2d(z, w3.view(1, 8, 1, 1), b3)
    return aligned_bilinear(z, 2)[0, 0]


def test_dynamic_convolutions_equal_explicit_ones():
    model = head()
    query, centres = torch.randn(3, CHANNELS), torch.rand(3, 2) * 40
    feat = torch.rand(8, 4, 5)
    logits = model(query, centres, feat)
    assert logits.shape == (3, 8, 10)
    for i in range(3):
        expected = explicit(model, query[i], centres[i], feat)
        torch.testing.assert_close(logits[i], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('sizes', [[(8, 8), (4, 4), (2, 2)], [(5, 7), (3, 4), (2, 2)]])
def test_mask_features(sizes):
    model = head()
    levels = [torch.randn(2, CHANNELS, *s, requires_grad=True) for s in sizes]
    feat = model.forward_features(levels)
    assert feat.shape == (2, 8, *sizes[0])
    assert feat.min() >= 0
    feat.sum().backward()
    assert all(level.grad.abs().sum() > 0 for level in levels)


@pytest.mark.parametrize('cells', [1, 48, 2**22], ids=['one', 'three', 'all'])
def test_losses_of_masks(monkeypatch, cells):
    """Focal and dice from their formulas, whatever is done at once."""
    monkeypatch.setattr(mask_head, 'CELLS_AT_ONCE', cells)
    model = head()
    matches, targets = [[0], [1, 0]], [target_of(1), target_of(2)]
    states, references, feat, assigned, _ = loss_inputs(matches, targets)
    losses = model.loss(states, references, feat, assigned, targets)
    names = ('loss_mask', 'loss_dice')
    assert set(losses) == {n + s for n in names for s in ('', '_0')}
    for layer, suffix in enumerate(('_0', '')):
        focal = dice = 0.0
        for b, match in enumerate(matches):
            for query, gt in enumerate(match):
                centre = references[layer][b, query, :2] * SIDE
                p = explicit(model, states[layer][b, query], centre, feat[b]).sigmoid()
                t = targets[b].masks[gt].float()
                bce = -0.25 * (1 - p) ** 2 * p.log() * t
                bce = bce - 0.75 * p**2 * (1 - p).log() * (1 - t)
                focal = focal + bce.mean().item()
                overlap = (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
                dice += 1 - overlap.item()
        weights = model.loss_mask.loss_weight, model.loss_dice.loss_weight
        for name, value, weight in zip(names, (focal, dice), weights):
            expected = pytest.approx(weight * value / 3, rel=1e-3)
            assert losses[name + suffix].item() == expected, name


def test_images_without_masks_teach_nothing_but_count():
    model = head()
    matches = [[0], [0]]
    both = [target_of(1), target_of(1)]
    inputs = loss_inputs(matches, both)
    mixed = [both[0], target_of(1, with_masks=False)]
    only_first = model.loss(*inputs[:4], mixed)['loss_dice']
    alone = model.loss(
        [s[:1] for s in inputs[0]], [r[:1] for r in inputs[1]], inputs[2][:1],
        inputs[3][:, :1], both[:1],
    )['loss_dice']  # fmt: skip
    torch.testing.assert_close(only_first, alone / 2)
    none = model.loss(*inputs[:4], [target_of(1, with_masks=False)] * 2)
    assert all(loss == 0 and loss.requires_grad for loss in none.values())


@pytest.mark.parametrize(
    ('kwargs', 'names'),
    [
        ({}, {'loss_mask', 'loss_dice'}),
        (BOX_LOSSES, {'loss_prj', 'loss_pairwise'}),
        (
            {**BOX_LOSSES, 'with_mask_loss': True},
            {'loss_mask', 'loss_dice', 'loss_prj', 'loss_pairwise'},
        ),
    ],
    ids=['masks', 'boxes', 'both'],
)
def test_keys_and_gradients(kwargs, names):
    model = head(**kwargs)
    targets = [target_of(2, 'loss_mask' in names), target_of(1)]
    states, references, feat, *rest = loss_inputs([[0, 1], [0]], targets)
    losses = model.loss(states, references, feat, *rest)
    assert set(losses) == {n + s for n in names for s in ('', '_0')}
    sum(losses.values()).backward()
    for tensor in (*states, feat, *model.controller.parameters()):
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0


def test_warm_up_counts_layers_the_last_one_first():
    inputs = loss_inputs([[0], [0]], [target_of(1), target_of(1)])
    full, slow = head(**BOX_LOSSES, pairwise_warmup=1), None
    slow = head(**BOX_LOSSES, pairwise_warmup=5)
    slow.load_state_dict(full.state_dict())
    full, first, second = (m.loss(*inputs) for m in (full, slow, slow))
    third = slow.loss(*inputs)
    for losses, last, earlier in ((first, 1, 2), (second, 3, 4), (third, 5, 5)):
        for suffix, step in (('', last), ('_0', earlier)):
            expected = full['loss_pairwise' + suffix] * step / 5
            torch.testing.assert_close(losses['loss_pairwise' + suffix], expected)
            torch.testing.assert_close(
                losses['loss_prj' + suffix], full['loss_prj' + suffix]
            )
    assert slow.state_dict()['warmup_step'].item() == 6  # in the checkpoint


@pytest.mark.parametrize(('limit', 'seen'), [(64, 64), (100, 100), (1000, 100)])
def test_box_supervision_looks_at_so_many_pairs(limit, seen):
    model = head(**BOX_LOSSES, max_box_supervised=limit)
    sizes = []
    model.loss_projection.register_forward_pre_hook(
        lambda module, args: sizes.append([len(x) for x in args])
    )
    matches = [[0] * 60, [0, 1] * 20]
    targets = [target_of(1), target_of(2)]
    model.loss(*loss_inputs(matches, targets, queries=60))
    assert sizes == [[seen, seen]] * LAYERS


@pytest.mark.parametrize('limit', [64, 1])
def test_names_only(limit):
    """Masks are not learned from its boxes either."""
    model = head(**BOX_LOSSES, max_box_supervised=limit)
    targets = [target_of(2), target_of(1)]
    targets[0].names_only = True
    inputs = loss_inputs([[0, 1], [0]], targets)
    losses = model.loss(*inputs)
    sum(losses.values()).backward()
    states, _, feat, *_ = inputs
    for gradient in (*(state.grad for state in states), feat.grad):
        assert not gradient[0].any() and gradient[1].any()


def test_box_losses_go_together():
    with pytest.raises(ValueError, match='go together'):
        PromptMaskHead(loss_projection=dict(type='BoxProjectionLoss'))


def test_box_supervision_asks_for_colours():
    inputs = loss_inputs([[0]], [target_of(1, with_colours=False)])
    with pytest.raises(ValueError, match='with_color_similarity=True'):
        head(**BOX_LOSSES).loss(*inputs)


def test_computes_in_float32_under_autocast():
    model = head()
    inputs = torch.randn(2, CHANNELS), torch.rand(2, 2) * 500, torch.rand(8, 4, 4)
    with torch.autocast('cpu', torch.bfloat16):
        logits = model(*inputs)
    torch.testing.assert_close(logits, model(*inputs))


def test_mask_supervision_does_not_count_warm_up():
    model = head()
    model.loss(*loss_inputs([[0]], [target_of(1)]))
    assert model.warmup_step.item() == 0
