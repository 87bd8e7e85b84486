from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from mmdet.models.layers import SinePositionalEncoding
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from uninext.models.heads import ContrastiveEmbedHead, ImageTargets, ReferenceFrame
from uninext.models.task_modules import PromptAssignment, pad_objects
from uninext.models.transformer import FeaturePyramid
from uninext.registry import MODELS

CHANNELS, QUERIES = 16, 20
A, B = [0.25, 0.25, 0.2, 0.2], [0.75, 0.75, 0.2, 0.2]
# Queries of the reference frame: 0-4 show A (IoU 0.9) and 9 in part (0.6), 5-8 show B
# and 10 in part, the rest shows nothing. The best logits come first.
SHOW_A, SHOW_B = [0, 1, 2, 3, 4], [5, 6, 7, 8]
BEST = {'A': 7, 'B': 3}  # query of the key frame


def head(**kwargs) -> ContrastiveEmbedHead:
    """Positives are int(0.9 * 3) = 2 queries, candidates int(0.9 * n + 0.6)."""
    cfg = dict(
        type='ContrastiveEmbedHead',
        num_layers=2,
        embed_dims=CHANNELS,
        num_heads=2,
        feedforward_channels=16,
        positive_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=3),
        candidate_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=15),
        loss_cosine=dict(
            type='CosineEmbedLoss', max_negatives_per_positive=99, loss_weight=3.0
        ),
    )
    return MODELS.build({**cfg, **kwargs})


def pyramid() -> FeaturePyramid:
    levels = [torch.randn(2, CHANNELS, s, s) for s in (8, 4, 2, 1)]
    mask = torch.zeros(2, 64, 64, dtype=torch.bool)
    mask[1, :, 40:] = True
    encoding = SinePositionalEncoding(CHANNELS // 2, normalize=True)
    return FeaturePyramid.from_levels(levels, mask, encoding, torch.zeros(4, CHANNELS))


def targets_of(boxes=(), ids=(), tokens=1) -> ImageTargets:
    boxes = torch.tensor(boxes).view(-1, 4)
    return ImageTargets(
        boxes_xyxy=bbox_cxcywh_to_xyxy(boxes) * 64,
        boxes_cxcywh=boxes,
        positive_maps=torch.ones(len(boxes), tokens, dtype=torch.bool),
        img_size_hw=(64, 64),
        ids=torch.tensor(ids, dtype=torch.long),
    )


def match_of(*best: list[int]) -> PromptAssignment:
    """Of each image; the loss reads the best queries only."""
    padded = pad_objects([torch.tensor(of, dtype=torch.long) for of in best])
    return PromptAssignment(torch.full((len(best), QUERIES), -1), padded)


def reference_of(*targets: ImageTargets) -> ReferenceFrame:
    boxes = torch.tensor([[0.5, 0.05, 0.05, 0.05]]).repeat(QUERIES, 1)
    for box, whole, part in ((A, SHOW_A, 9), (B, SHOW_B, 10)):
        boxes[[*whole, part]] = torch.tensor(box)
        boxes[whole, 2] /= 0.9
        boxes[part, 2] /= 0.6
    batch = len(targets)
    return ReferenceFrame(
        embeds=torch.randn(batch, QUERIES, CHANNELS) * 0.5,
        logits=torch.linspace(2, -2, QUERIES).view(1, -1, 1).repeat(batch, 1, 1),
        boxes=boxes.repeat(batch, 1, 1),
        token_mask=torch.ones(batch, 1, dtype=torch.bool),
        targets=list(targets),
    )


def contrast(embed, positives, negatives) -> float:
    total = sum(
        math.exp(float(embed @ n) - float(embed @ p))
        for p in positives
        for n in negatives
    )
    return 2 * math.log(1 + total)


def cosine(embed, positives, negatives) -> float:
    def similarity(other) -> float:
        return float(embed @ other / embed.norm() / other.norm())

    errors = [(similarity(p) - 1) ** 2 for p in positives]
    errors += [similarity(n) ** 2 for n in negatives]
    return 3 * sum(errors) / len(errors)


def expected(key, reference, *chosen) -> dict[str, float]:
    """Means over (image, key query, positive queries, queries that may show it)."""
    contrasts, cosines = [], []
    for b, query, positives, candidates in chosen:
        negatives = [q for q in range(QUERIES) if q not in candidates]
        args = (
            key[b, query],
            reference.embeds[b, positives],
            reference.embeds[b, negatives],
        )
        contrasts.append(contrast(*args))
        cosines.append(cosine(*args))
    return dict(
        loss_reid=sum(contrasts) / len(contrasts),
        loss_reid_aux=sum(cosines) / len(cosines),
    )


OF_A = (0, BEST['A'], SHOW_A[:2], SHOW_A)
OF_B = (0, BEST['B'], SHOW_B[:2], SHOW_B)


def assert_losses(losses, wanted) -> None:
    assert {k: v.item() for k, v in losses.items()} == pytest.approx(wanted, rel=1e-4)


@pytest.fixture
def key() -> torch.Tensor:
    return torch.randn(1, QUERIES, CHANNELS) * 0.5


def zero_but_connected(model, losses, *embeds) -> None:
    assert set(losses) == {'loss_reid', 'loss_reid_aux'}
    for loss in losses.values():
        assert loss == 0
        given = [*model.parameters(), *embeds]
        gradients = torch.autograd.grad(loss, given, retain_graph=True)
        assert all(g is not None and not g.any() for g in gradients)


@pytest.mark.parametrize(
    ('in_key', 'in_reference'),
    [
        (((), ()), ((), ())),
        (([A], [3]), ((), ())),
        (((), ()), ([A], [3])),
        (([A], [3]), ([A], [4])),
    ],
    ids=['nothing', 'gone', 'new', 'another'],
)
def test_nothing_in_both_frames(key, in_key, in_reference) -> None:
    model = head()
    reference = reference_of(targets_of(*in_reference))
    key.requires_grad_()
    reference.embeds.requires_grad_()
    match = match_of([5] * len(in_key[1]))
    losses = model.loss(key, match, [targets_of(*in_key)], reference)
    zero_but_connected(model, losses, key, reference.embeds)


def test_two_objects_by_hand(key) -> None:
    """Queries of the other object are negatives, those that may show this are not."""
    targets = targets_of([A, B], [11, 12])
    reference = reference_of(targets)
    match = match_of([BEST['A'], BEST['B']])
    losses = head().loss(key, match, [targets], reference)
    assert_losses(losses, expected(key, reference, OF_A, OF_B))


def test_object_of_one_frame_is_left_out(key) -> None:
    """Its queries are negatives of others all the same."""
    reference = reference_of(targets_of([B, A], [40, 11]))
    match = match_of([BEST['A'], BEST['B']])
    losses = head().loss(key, match, [targets_of([A, B], [11, 12])], reference)
    assert_losses(losses, expected(key, reference, OF_A))


def test_mean_is_over_objects_of_the_batch() -> None:
    key = torch.randn(3, QUERIES, CHANNELS) * 0.5
    one, both, none = targets_of([B], [1]), targets_of([A, B], [5, 6]), targets_of()
    reference = reference_of(one, both, none)
    match = match_of([4], [BEST['A'], BEST['B']], [])
    losses = head().loss(key, match, [one, both, none], reference)
    chosen = [
        (0, 4, SHOW_B[:2], SHOW_B),
        (1, *OF_A[1:]),
        (1, *OF_B[1:]),
    ]
    assert_losses(losses, expected(key, reference, *chosen))


def test_more_objects_than_queries_in_the_key_frame(key) -> None:
    """Those without a query (-1) are left out."""
    targets = targets_of([A, B], [11, 12])
    reference = reference_of(targets)
    model = head()
    losses = model.loss(key, match_of([-1, BEST['B']]), [targets], reference)
    assert_losses(losses, expected(key, reference, OF_B))
    losses = model.loss(key.requires_grad_(), match_of([-1, -1]), [targets], reference)
    zero_but_connected(model, losses, key)


def test_more_objects_than_queries_in_the_reference_frame(key) -> None:
    """An object without a positive is only pushed away from the rest."""
    targets = targets_of([A, B], [11, 12])
    reference = reference_of(targets)
    for name in ('embeds', 'logits', 'boxes'):
        setattr(reference, name, getattr(reference, name)[:, 5:6])  # B's best alone
    losses = head().loss(key, match_of([BEST['A'], BEST['B']]), [targets], reference)
    ref, a, b = reference.embeds[0, 0], key[0, BEST['A']], key[0, BEST['B']]
    assert losses['loss_reid'] == 0
    wanted = (cosine(a, [], [ref]) + cosine(b, [ref], [])) / 2
    assert losses['loss_reid_aux'].item() == pytest.approx(wanted, rel=1e-4)


def test_tokens_of_other_names_and_padding_do_not_count(key) -> None:
    targets = targets_of([A, B], [11, 12], tokens=3)
    targets.positive_maps = torch.tensor([[1, 0, 1], [1, 0, 1]]).bool()
    reference = reference_of(targets)
    noise = torch.randn(1, QUERIES, 2) * 9
    reference.logits = torch.cat([reference.logits, noise], 2)
    reference.token_mask = torch.tensor([[True, True, False]])
    losses = head().loss(key, match_of([BEST['A'], BEST['B']]), [targets], reference)
    assert_losses(losses, expected(key, reference, OF_A, OF_B))


def test_both_frames_learn(key) -> None:
    targets = targets_of([A, B], [11, 12])
    reference = reference_of(targets)
    reference.embeds.requires_grad_()
    key.requires_grad_()
    match = match_of([BEST['A'], BEST['B']])
    sum(head().loss(key, match, [targets], reference).values()).backward()
    concerned = key.grad[0].abs().sum(1) > 0
    assert concerned.nonzero()[:, 0].tolist() == sorted(BEST.values())
    assert (reference.embeds.grad[0].abs().sum(1) > 0).all()


def queries() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, QUERIES, CHANNELS), torch.rand(2, QUERIES, 4) * 0.5 + 0.2


def test_gradient_ends_at_the_arguments_and_reaches_every_parameter() -> None:
    model, memory = head(), pyramid()
    query, boxes = queries()
    feat = memory.feat.clone().requires_grad_()
    given = (query.requires_grad_(), boxes.requires_grad_())
    embeds = model(*given, memory.with_feat(feat))
    assert embeds.shape == (2, QUERIES, CHANNELS)
    (embeds * torch.randn_like(embeds)).sum().backward()
    assert all(tensor.grad is None for tensor in (*given, feat))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_batch_is_its_rows() -> None:
    model, memory = head().eval(), pyramid()
    query, boxes = queries()
    with torch.no_grad():
        embeds = model(query, boxes, memory)
        row = model(query[1:], boxes[1:], memory.index(torch.tensor([1])))
    torch.testing.assert_close(row, embeds[1:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('training', [True, False], ids=['training', 'test'])
def test_padding_is_read_as_published(training) -> None:
    """Only the geometry of the image counts, not which cells are padding."""
    model, memory = head().train(training), pyramid()
    query, boxes = queries()
    boxes[1, 0] = torch.tensor([0.9, 0.5, 0.4, 0.5])  # at the border to the padding
    feat = memory.feat.masked_fill(memory.padding_mask[..., None], 77.0)
    unmasked = replace(memory, padding_mask=torch.zeros_like(memory.padding_mask))
    with torch.no_grad():
        embeds = model(query, boxes, memory)
        changed = model(query, boxes, memory.with_feat(feat))
        open_to_all = model(query, boxes, unmasked)
    assert torch.equal(changed[0], embeds[0])  # an image without padding
    assert not torch.allclose(changed[1, 0], embeds[1, 0], atol=1e-2)
    assert torch.equal(open_to_all, embeds)
