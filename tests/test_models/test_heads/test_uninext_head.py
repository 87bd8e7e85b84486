from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps

from uninext.models.heads import HeadOutputs, ImageTargets, UNINEXTHead
from uninext.models.task_modules import DenoisingQueries
from uninext.models.transformer import SelectedQueries
from uninext.structures import PromptFeatures

LAYERS, QUERIES, TOKENS = 2, 12, 5
KEYS = {'loss_ce', 'loss_bbox', 'loss_giou', 'loss_boxiou'}


def head(**kwargs) -> UNINEXTHead:
    built = UNINEXTHead(LAYERS, embed_dims=8, prompt_dims=6, **kwargs)
    built.init_weights()
    return built


def prompt_of(batch: int = 2, pooled: bool = False) -> PromptFeatures:
    mask = torch.ones(batch, TOKENS, dtype=torch.bool)
    mask[:, -1] = False
    maps = [torch.ones(1, 1).bool() if pooled else torch.eye(TOKENS).bool()] * batch
    return PromptFeatures(torch.randn(batch, TOKENS, 6), mask, pooled, maps)


def target_of(num: int, labels=None, tokens: int = TOKENS) -> ImageTargets:
    centres, sizes = torch.rand(num, 2) * 0.4 + 0.3, torch.rand(num, 2) * 0.3 + 0.1
    boxes = torch.cat([centres, sizes], 1)
    labels = torch.zeros(num, dtype=torch.long) if labels is None else labels
    return ImageTargets(
        boxes_xyxy=bbox_cxcywh_to_xyxy(boxes) * 64,
        boxes_cxcywh=boxes,
        positive_maps=torch.eye(tokens)[labels].bool(),
        img_size_hw=(64, 64),
    )


def random_outputs(tokens: int = TOKENS, with_iou: bool = True) -> HeadOutputs:
    def leaves(*shape, squash=False):
        values = torch.randn(LAYERS, 2, QUERIES, *shape)
        return (values.sigmoid() if squash else values).requires_grad_()

    return HeadOutputs(
        leaves(tokens), leaves(4, squash=True), leaves(1) if with_iou else None
    )


def selected_of(logits, boxes) -> SelectedQueries:
    return SelectedQueries(None, None, logits, boxes)


def test_no_object_gives_zero_losses_in_the_graph():
    outputs = random_outputs()
    losses, assignment = head().loss(outputs, prompt_of(), [target_of(0)] * 2)
    assert set(losses) == KEYS | {k + '_0' for k in KEYS}
    assert all(loss == 0 and loss.requires_grad for loss in losses.values())
    assert assignment.gt_inds.tolist() == [[[-1] * QUERIES] * 2] * LAYERS
    assert assignment.best_query_inds.shape == (LAYERS, 2, 0)
    sum(losses.values()).backward()
    for tensor in (outputs.logits, outputs.boxes, outputs.ious):
        assert tensor.grad.abs().sum() == 0


def test_absence_is_learned_by_option():
    """Without an object only scores are learned, and fall; with some all is equal."""
    plain, other = head(), head(learn_absence=True)
    outputs = random_outputs()
    losses, _ = other.loss(outputs, prompt_of(), [target_of(0)] * 2)
    assert all((loss > 0) == ('loss_ce' in key) for key, loss in losses.items())
    sum(losses.values()).backward()
    assert outputs.boxes.grad.abs().sum() == outputs.ious.grad.abs().sum() == 0
    assert (outputs.logits.grad >= 0).all()
    assert outputs.logits.grad.sum() > 0
    targets = [target_of(2), target_of(0)]
    with_option, _ = other.loss(outputs, prompt_of(), targets)
    without, _ = plain.loss(outputs, prompt_of(), targets)
    assert all(with_option[key] == without[key] for key in KEYS)


def test_no_object_gives_zero_proposal_losses_in_the_graph():
    logits = torch.randn(2, 20, 1, requires_grad=True)
    boxes = torch.rand(2, 20, 4, requires_grad=True)
    losses = head().loss_proposals(selected_of(logits, boxes), [target_of(0)] * 2)
    assert set(losses) == {'loss_ce_enc', 'loss_bbox_enc', 'loss_giou_enc'}
    assert all(loss == 0 and loss.requires_grad for loss in losses.values())


def focal(logits, targets):
    """Elementwise, from the formula of arXiv 1708.02002."""
    p = logits.sigmoid()
    positive = -0.25 * (1 - p) ** 2 * p.log() * targets
    return positive - 0.75 * p**2 * (1 - p).log() * (1 - targets)


@pytest.mark.parametrize('pooled', [False, True])
def test_losses_are_those_of_the_matched_pairs(pooled):
    tokens = 1 if pooled else TOKENS
    outputs, prompt = random_outputs(tokens), prompt_of(pooled=pooled)
    labels = torch.zeros(3, dtype=torch.long) if pooled else torch.tensor([2, 0, 3])
    targets = [target_of(1, labels[:1], tokens), target_of(3, labels, tokens)]
    losses, assignment = head().loss(outputs, prompt, targets)
    for layer, suffix in enumerate(('_0', '')):
        classes = torch.zeros(2, QUERIES, tokens)
        l1 = giou = entropy = torch.zeros(())
        num_pos = 0
        for b, (match, target) in enumerate(zip(assignment.gt_inds[layer], targets)):
            assert set(match.tolist()) - {-1} == set(range(len(target)))
            for query, gt in enumerate(match.tolist()):
                if gt < 0:
                    continue
                num_pos += 1
                classes[b, query] = target.positive_maps[gt].float()
                box, ground_truth = (
                    outputs.boxes[layer][b, query],
                    target.boxes_cxcywh[gt],
                )
                l1 = l1 + (box - ground_truth).abs().sum()
                pair = (
                    bbox_cxcywh_to_xyxy(x)[None].double() for x in (box, ground_truth)
                )
                first, second = list(pair)
                giou = giou + 1 - bbox_overlaps(first, second, 'giou')[0, 0]
                iou = bbox_overlaps(first, second)[0, 0].float().detach()
                logit = outputs.ious[layer][b, query, 0]
                entropy = entropy + F.binary_cross_entropy(logit.sigmoid(), iou)
        real = 1 if pooled else TOKENS - 1  # the last token is padding
        ce = focal(outputs.logits[layer], classes)[..., :real].sum()
        expected = dict(loss_ce=2 * ce, loss_bbox=5 * l1, loss_giou=2 * giou)
        expected['loss_boxiou'] = entropy
        for name, value in expected.items():
            got = losses[name + suffix].item()
            assert got == pytest.approx(value.item() / num_pos, rel=1e-3), name


def test_padded_tokens_are_no_target_and_no_loss():
    outputs, prompt = random_outputs(), prompt_of()
    padded_name = torch.tensor([TOKENS - 1])
    losses, _ = head().loss(outputs, prompt, [target_of(1, padded_name)] * 2)
    losses['loss_ce'].backward()
    gradient = outputs.logits.grad[-1]
    assert gradient[..., -1].abs().sum() == 0
    assert gradient[..., :-1].abs().sum() > 0


def test_names_only():
    """The image counts; its boxes and IoU teach nothing, its names as much."""
    outputs, model, prompt = random_outputs(), head(), prompt_of()
    targets = [target_of(2), target_of(3)]
    whole, assignment = model.loss(outputs, prompt, targets)
    targets[1].names_only = True
    losses, same = model.loss(outputs, prompt, targets)
    assert torch.equal(assignment.gt_inds, same.gt_inds)
    for key, loss in losses.items():
        assert (loss == whole[key]) if 'ce' in key else (0 < loss < whole[key])
    sum(losses.values()).backward()
    assert not outputs.boxes.grad[:, 1].any() and outputs.boxes.grad[:, 0].any()
    assert not outputs.ious.grad[:, 1].any() and outputs.ious.grad[:, 0].any()
    proposals = selected_of(outputs.logits[0, :, :, :1], outputs.boxes[0])
    of_encoder = model.loss_proposals(proposals, [targets[1]] * 2)
    assert of_encoder['loss_bbox_enc'] == of_encoder['loss_giou_enc'] == 0
    assert of_encoder['loss_ce_enc'] > 0


def test_iou_branch_learns_no_box():
    outputs = random_outputs()
    losses, _ = head().loss(outputs, prompt_of(), [target_of(2)] * 2)
    losses['loss_boxiou'].backward()
    assert outputs.boxes.grad is None
    assert outputs.ious.grad[-1].abs().sum() > 0


def test_without_iou_branch():
    model = head(with_iou_branch=False)
    states = [torch.randn(2, 3, 8) for _ in range(LAYERS)]
    references = [torch.rand(2, 3, 4) for _ in range(LAYERS + 1)]
    assert model(states, references, prompt_of()).ious is None
    losses, _ = model.loss(
        random_outputs(with_iou=False), prompt_of(), [target_of(1)] * 2
    )
    assert not [k for k in losses if 'iou' in k and 'giou' not in k]


def test_proposals_are_matched_one_to_one():
    """Two exact proposals at 0.5: only the classes cost something."""
    targets = [target_of(2), target_of(1)]
    boxes = torch.rand(2, 9, 4) * 0.01
    boxes[0, 3:5], boxes[1, 7] = targets[0].boxes_cxcywh, targets[1].boxes_cxcywh[0]
    losses = head().loss_proposals(selected_of(torch.zeros(2, 9, 1), boxes), targets)
    assert losses['loss_bbox_enc'].item() == pytest.approx(0, abs=1e-5)
    assert losses['loss_giou_enc'].item() == pytest.approx(0, abs=1e-4)
    classes = torch.zeros(2, 9, 1)
    classes[0, 3:5] = classes[1, 7] = 1
    expected = 2 * focal(torch.zeros(2, 9, 1), classes).sum() / 3
    torch.testing.assert_close(losses['loss_ce_enc'], expected)


def test_denoising_queries_return_to_their_objects():
    targets = [target_of(2, torch.tensor([1, 3])), target_of(1)]
    dn = DenoisingQueries(
        query=torch.zeros(2, 8, 8),
        reference_logits=torch.zeros(2, 8, 4),
        attn_mask=torch.zeros(1, 1).bool(),
        num_groups=2,
        max_gts=2,
        valid=torch.tensor([[True, True], [True, False]]),
    )  # [+ + - -] twice
    boxes, classes = torch.rand(2, 8, 4), torch.zeros(2, 8, TOKENS)
    for group in (0, 4):
        boxes[0, group : group + 2] = targets[0].boxes_cxcywh
        classes[0, group : group + 2] = targets[0].positive_maps.float()
        boxes[1, group] = targets[1].boxes_cxcywh[0]
        classes[1, group] = targets[1].positive_maps[0].float()
    logits = torch.randn(2, 8, TOKENS)
    outputs = HeadOutputs(*(torch.stack([x] * LAYERS) for x in (logits, boxes)), None)
    losses = head().loss_denoising(outputs, dn, prompt_of(), targets)
    names = ('loss_ce', 'loss_bbox', 'loss_giou')
    assert set(losses) == {n + s for n in names for s in ('_dn', '_dn_0')}
    assert losses['loss_bbox_dn'].item() == pytest.approx(0, abs=1e-5)
    assert losses['loss_giou_dn_0'].item() == pytest.approx(0, abs=1e-4)
    expected = 2 * focal(logits, classes)[..., :-1].sum() / 6  # 3 objects, 2 groups
    torch.testing.assert_close(losses['loss_ce_dn'], expected)


def test_starts_from_its_references():
    model = head()
    states = [torch.randn(2, 3, 8) for _ in range(LAYERS)]
    references = [torch.rand(2, 3, 4) for _ in range(LAYERS + 1)]
    outputs = model(states, references, prompt_of())
    for boxes, reference in zip(outputs.boxes, references):
        torch.testing.assert_close(boxes, reference, atol=1e-5, rtol=1e-5)
    for branch in (*model.iou_branches, model.cls_branches[-1]):
        assert branch.bias.sigmoid().item() == pytest.approx(0.01)


def test_layers_are_chosen_and_have_their_own_branches():
    model = head()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    states = [torch.randn(2, 3, 8) for _ in range(LAYERS)]
    references = [torch.rand(2, 3, 4) for _ in range(LAYERS + 1)]
    prompt = prompt_of()
    every = model(states, references, prompt)
    last = model(states, references, prompt, layers=[-1])
    for name in ('logits', 'boxes', 'ious'):
        assert len(getattr(every, name)) == LAYERS
        assert len(getattr(last, name)) == 1
        assert torch.equal(getattr(every, name)[-1], getattr(last, name)[0])
    pooled = model(states, references, prompt_of(pooled=True))
    assert pooled.logits[0].shape == (2, 3, 1)


@pytest.mark.parametrize('num_denoising', [0, 5, QUERIES])
@pytest.mark.parametrize('with_iou', [True, False])
def test_split(num_denoising, with_iou):
    outputs = random_outputs(with_iou=with_iou)
    first, second = outputs.split(num_denoising)
    for name in ('logits', 'boxes') + (('ious',) if with_iou else ()):
        whole, a, b = (getattr(o, name) for o in (outputs, first, second))
        assert a.shape[2] == num_denoising
        assert torch.equal(torch.cat([a, b], 2), whole)
    if not with_iou:
        assert first.ious is None
        assert second.ious is None
