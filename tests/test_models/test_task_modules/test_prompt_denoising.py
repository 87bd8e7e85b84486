from __future__ import annotations

import pytest
import torch
from torch import Tensor

from uninext.models.task_modules import PromptDenoising
from uninext.registry import MODELS
from uninext.structures import PromptFeatures


def _features(batch_size: int, num_tokens: int = 5, dims: int = 12) -> PromptFeatures:
    mask = torch.ones(batch_size, num_tokens, dtype=torch.bool)
    mask[:, -2:] = False
    embeds = torch.randn(batch_size, num_tokens, dims)
    return PromptFeatures(embeds, mask, False, [])


def _boxes(*counts: int) -> list[Tensor]:
    return [
        torch.cat([0.3 + 0.4 * torch.rand(n, 2), 0.1 + 0.4 * torch.rand(n, 2)], 1)
        for n in counts
    ]


def _module(**kwargs: float) -> PromptDenoising:
    return MODELS.build(
        dict(type='PromptDenoising', embed_dims=8, prompt_dims=12, **kwargs)
    )


def test_batch_without_objects_gives_none() -> None:
    assert _module()(_boxes(0, 0), _features(2), num_queries=3) is None


def test_sample_without_objects_is_all_padding() -> None:
    queries = _module(num_dn_queries=4)(_boxes(0, 2), _features(2), 3)
    assert not queries.valid[0].any()
    assert (queries.query[0] == 0).all()
    assert (queries.reference_logits[0] == 0).all()
    assert (queries.gt_inds[0] == -1).all()
    assert (queries.gt_inds[1] >= 0).sum() == 2 * queries.num_groups


@pytest.mark.parametrize(
    ('max_gts', 'num_groups'), [(1, 100), (2, 50), (3, 33), (7, 14), (100, 1), (101, 1)]
)
def test_groups_share_the_budget(max_gts: int, num_groups: int) -> None:
    queries = _module()(_boxes(max_gts, 1), _features(2), 3)
    assert queries.num_groups == num_groups == max(1, 200 // (2 * max_gts))
    assert len(queries) == 2 * num_groups * max_gts
    assert queries.query.shape == (2, len(queries), 8)
    assert queries.reference_logits.shape == (2, len(queries), 4)


def test_without_noise_queries_are_the_boxes_and_no_number_is_drawn() -> None:
    boxes = _boxes(3, 1)
    module, features = _module(num_dn_queries=6, box_noise_scale=0.0), _features(2)
    state = torch.get_rng_state()
    queries = module(boxes, features, 5)
    assert torch.equal(torch.get_rng_state(), state)
    references = queries.reference_logits.sigmoid().unflatten(1, (2, 2, 3))
    for s in range(2):
        for r in range(2):
            torch.testing.assert_close(references[0, r, s], boxes[0])
            torch.testing.assert_close(references[1, r, s, :1], boxes[1])


def test_gt_inds_point_at_the_boxes() -> None:
    boxes = _boxes(3, 0, 2)
    queries = _module(num_dn_queries=6, box_noise_scale=0.0)(boxes, _features(3), 5)
    assert queries.gt_inds.shape == queries.query.shape[:2]
    batch_inds, query_inds = (queries.gt_inds >= 0).nonzero().unbind(1)
    gt_inds = queries.gt_inds[batch_inds, query_inds]
    assert len(batch_inds) == 5 * queries.num_groups
    targets = torch.stack([boxes[b][g] for b, g in zip(batch_inds, gt_inds)])
    references = queries.reference_logits.sigmoid()[batch_inds, query_inds]
    torch.testing.assert_close(references, targets)
    place = query_inds % (2 * queries.max_gts)  # within the group
    assert torch.equal(place, gt_inds)


@pytest.mark.parametrize('scale', [1.0, 0.4])
def test_noise_stays_in_its_ring(scale: float) -> None:
    boxes = [torch.tensor([[0.5, 0.5, 0.2, 0.1]])]
    queries = _module(box_noise_scale=scale)(boxes, _features(1), 0)
    x, y, w, h = queries.reference_logits.sigmoid().unflatten(1, (100, 2)).unbind(-1)
    crossed = torch.stack([w, h, w, h], -1) < 1e-4  # corners passed: side becomes 0
    corners = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1)
    shift = (corners - torch.tensor([0.4, 0.45, 0.6, 0.55])).abs()  # (1, R, 2, 4)
    shift = shift / torch.tensor([0.1, 0.05, 0.1, 0.05]) / scale
    positive, negative = (shift[:, :, s][~crossed[:, :, s]] for s in (0, 1))
    assert positive.max() <= 1.001
    assert positive.max() > 0.9
    assert positive.min() < 0.1
    assert (negative >= 0.999).all()
    assert (negative <= 2.001).all()
    assert negative.max() > 1.9


def test_noised_boxes_are_clamped_to_the_image() -> None:
    boxes = [torch.tensor([[0.5, 0.5, 1.0, 1.0]])]
    queries = _module()(boxes, _features(1), 0)
    x, y, w, h = queries.reference_logits.sigmoid().unbind(-1)
    assert (x - w.abs() / 2).min() > -1e-4
    assert (y + h.abs() / 2).max() < 1 + 1e-4
    assert queries.reference_logits.isfinite().all()


def test_content_is_the_normalised_projection_of_the_mean_token() -> None:
    module, features = _module(), _features(2)
    queries = module(_boxes(2, 2), features, 3)
    mean = features.embeds[:, :3].mean(1)
    expected = module.prompt_norm(module.prompt_proj(mean))
    torch.testing.assert_close(
        queries.query, expected[:, None].expand_as(queries.query)
    )


def test_padded_tokens_do_not_count() -> None:
    module, features = _module(box_noise_scale=0.0), _features(1)
    changed = features.with_embeds(features.embeds.clone())
    changed.embeds[:, -2:] = 7.0
    boxes = _boxes(1)
    torch.testing.assert_close(
        module(boxes, changed, 3).query, module(boxes, features, 3).query
    )


def test_attention_mask_separates_groups_and_hides_them_from_queries() -> None:
    queries = _module(num_dn_queries=3)(_boxes(1), _features(1), num_queries=2)
    groups = [0, 0, 1, 1, 2, 2, None, None]
    for i, mine in enumerate(groups):
        for j, theirs in enumerate(groups):
            blocked = theirs is not None and mine != theirs
            assert queries.attn_mask[i, j].item() == blocked, (i, j)
    assert queries.attn_mask.dtype == torch.bool


def test_gradient_reaches_every_parameter_and_the_prompt() -> None:
    module, features = _module(), _features(2)
    features.embeds.requires_grad_()
    queries = module(_boxes(2, 1), features, 3)
    (queries.query * torch.randn_like(queries.query)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in module.parameters())
    assert features.embeds.grad[:, :3].abs().sum() > 0


def test_names_and_shapes_of_parameters_are_the_published_ones() -> None:
    shapes = {k: tuple(v.shape) for k, v in PromptDenoising().state_dict().items()}
    assert shapes == {
        'prompt_proj.weight': (256, 768),
        'prompt_proj.bias': (256,),
        'prompt_norm.weight': (256,),
        'prompt_norm.bias': (256,),
    }
    assert PromptDenoising().prompt_norm.eps == 1e-12


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match='num_dn_queries must be 1 or more, got 0'):
        PromptDenoising(num_dn_queries=0)
    with pytest.raises(ValueError, match='must not be negative, got -1'):
        PromptDenoising(box_noise_scale=-1)
