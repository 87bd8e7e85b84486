from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from uninext.checkpoint.conversion import to_published
from uninext.registry import MODELS
from uninext.testing import (
    ProposalOrder,
    StoredNumbers,
    build_random_model,
    parity,
    parity_losses,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'uninext'
CAPTIONS = {'detection': 'dog. red kite', 'grounding': 'the dog on the left'}


@pytest.fixture(scope='module')
def model():
    init_default_scope('uninext')  # made before conftest's fixture of every test
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / 'stage1_pretrain_tiny.py').model
    cfg.backbone.init_cfg = None
    cfg.prompt_generator.text_encoder = dict(
        hidden_size=384,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    model = MODELS.build(cfg)
    model.eval()
    for parameter in model.parameters():  # box heads start at zero
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    return model


def our_numbers(model, group: str) -> dict[str, np.ndarray]:
    """What the model itself computes, stored as the published numbers are."""
    size = (64, 96)
    arrays = {
        'image': np.random.default_rng(0).integers(0, 255, (3, *size), np.uint8),
        f'{group}/caption': np.array(CAPTIONS[group]),
    }
    ours = parity._run_forward(model, StoredNumbers(arrays), group)
    by_name = {**ours.plain, 'pred_masks': ours.mask_logits(torch.tensor([0, 45, 90]))}
    for name, (value, axis) in {**ours.by_query, **ours.by_token}.items():
        length = 10 if name == 'pred_logits' else 48
        if name in ours.by_token:
            value = parity._pad_tokens(value, axis, length)
        by_name[name] = value
    for name, value in by_name.items():
        arrays[f'{group}/{name}'] = value.detach().numpy()
    name = f'{group}/stage/decoder.0'
    arrays |= {
        f'{name}/shape': np.array(arrays[name].shape),
        f'{name}/step': np.array(7),
    }
    arrays[name] = arrays[name].reshape(-1)[::7]
    return arrays


def our_losses(model, group: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    arrays = {f'{group}/caption': np.array(CAPTIONS[group])}
    for i in range(2):
        image = rng.integers(0, 255, (3, 64, 96), np.uint8)
        arrays[f'{group}/image{i}'] = image
        arrays[f'{group}/boxes_xyxy{i}'] = np.array([[8, 8, 40, 40.0]], np.float32)
        arrays[f'{group}/labels{i}'] = np.array([0])
        arrays[f'{group}/masks{i}'] = np.ones((1, 64, 96), bool)
    model = copy.deepcopy(model)
    parity_losses._prepare_for_losses(model)
    losses = parity_losses._run_losses(model, StoredNumbers(arrays), group)
    arrays.update({f'{group}/loss/{k}': np.array(float(v)) for k, v in losses.items()})
    return arrays


@pytest.mark.parametrize('group', CAPTIONS)
def test_model_agrees_with_itself(model, group) -> None:
    numbers = StoredNumbers(our_numbers(model, group))
    results = list(parity.compare_forward(model, numbers))
    assert len(results) == len(numbers.names) - 2  # image and caption
    assert [r.line() for r in results if not r.passed] == []


def test_differences_are_found(model) -> None:
    arrays = our_numbers(model, 'grounding')
    arrays['grounding/stage/mask_feats'] = arrays['grounding/stage/mask_feats'] * 1.01
    arrays['grounding/text_hidden'][0, 1] += 1.0
    arrays['grounding/text_hidden'][0, 40] += 1.0  # padding
    arrays['grounding/stage/unheard_of'] = np.ones(3)
    arrays['sot/pred_boxes'] = np.ones((1, 900, 4))
    results = parity.compare_forward(model, StoredNumbers(arrays))
    failed = {r.name: r.note for r in results if not r.passed}
    assert failed == {
        'grounding/stage/mask_feats': '',
        'grounding/text_hidden': '',
        'grounding/stage/unheard_of': 'not computed by this model',
        'sot/pred_boxes': 'not computed by this model',
    }


def test_padded_text_does_not_count(model) -> None:
    arrays = our_numbers(model, 'grounding')
    arrays['grounding/text_hidden'][0, 40:] = 99.0
    results = parity.compare_forward(model, StoredNumbers(arrays))
    assert all(result.passed for result in results)


def test_swapped_rows_are_matched_by_box(model) -> None:
    arrays = our_numbers(model, 'grounding')
    for name in ('pred_boxes', 'pred_logits', 'pred_boxious', 'reference_points'):
        rows = arrays[f'grounding/{name}']
        rows[:, [3, 7]] = rows[:, [7, 3]]
    results = {
        r.name.split('/')[1]: r
        for r in parity.compare_forward(model, StoredNumbers(arrays))
    }
    assert results['pred_logits'].passed
    assert results['pred_logits'].note == '2 rows matched by box'


def test_tied_proposals_are_taken_the_other_way(model, monkeypatch) -> None:
    """Stored by a network that ordered two equal proposals the other way round."""
    monkeypatch.setattr('uninext.testing.proposal_order.NOISE', 1.0)
    monkeypatch.setattr(parity, 'SWAP_TOLERANCE', 1e-6)
    with ProposalOrder(model.bbox_head.cls_branches[-1], 100) as proposals:
        our_numbers(model, 'grounding')
        tie = proposals.ties()[0]
        proposals.exchanged.append(tie)
        numbers = StoredNumbers(our_numbers(model, 'grounding'))
    results = list(parity.compare_forward(model, numbers))
    assert [r.line() for r in results if not r.passed] == []
    notes = {r.name: r.note for r in results}
    assert (
        f'ranks {tie.rank}-{tie.rank + 1} of image 0' in notes['grounding/pred_boxes']
    )


@pytest.mark.parametrize('group', CAPTIONS)
def test_losses_agree_with_themselves(model, group) -> None:
    arrays = our_losses(model, group)
    assert f'{group}/loss/loss_prj' in arrays
    fresh = copy.deepcopy(model)
    results = list(parity_losses.compare_losses(fresh, StoredNumbers(arrays)))
    assert [r.line() for r in results if not r.passed] == []
    assert all(result.shape == () for result in results)


def test_loss_differences_are_found(model, monkeypatch) -> None:
    monkeypatch.setattr(parity_losses, 'MAX_TIES', 0)
    arrays = our_losses(model, 'grounding')
    arrays['grounding/loss/loss_ce'] = arrays['grounding/loss/loss_ce'] * 1.01
    arrays['grounding/loss/loss_reid'] = np.array(1.0)
    del arrays['grounding/loss/loss_giou_enc']
    results = parity_losses.compare_losses(copy.deepcopy(model), StoredNumbers(arrays))
    failed = sorted(r.name.split('/')[-1] for r in results if not r.passed)
    assert failed == ['loss_ce', 'loss_giou_enc', 'loss_reid']


def test_wrong_numbers(model) -> None:
    with pytest.raises(ValueError, match='not of a forward pass'):
        list(parity.compare_forward(model, StoredNumbers({'a/b': np.ones(1)})))
    with pytest.raises(ValueError, match='no a/loss'):
        list(parity_losses.compare_losses(model, StoredNumbers({'a/b': np.ones(1)})))
    clips = {'sot/image2': np.ones(1), 'sot/loss/loss_ce': np.ones(())}
    with pytest.raises(ValueError, match='video model'):
        list(parity_losses.compare_losses(model, StoredNumbers(clips)))


def test_table_that_does_not_fit(tmp_path) -> None:
    table = tmp_path / 'table.tsv'
    table.write_text('detr.detr.transformer.level_embed\t(4, 256)\tfloat32\t\n')
    with pytest.raises(ValueError, match='does not fit'):
        build_random_model(CONFIGS / 'stage2_image_tiny.py', table, 0)
    with pytest.raises(ValueError, match='has no "model"'):
        build_random_model(CONFIGS.parent / '_base_/default_runtime.py', table, 0)


def test_state_dict_of_the_model_has_a_place_for_every_key(model) -> None:
    """All but another backbone's keys are known to the converter."""
    state = {k: v for k, v in model.state_dict().items() if k[:9] != 'backbone.'}
    published, _ = to_published(state)
    assert 'detr.mask_head.jia_dcn.weight' in published


@pytest.mark.slow
@pytest.mark.parametrize(
    ('stage', 'suffix', 'seed'),
    [
        ('stage1_pretrain', '', 0),
        ('stage2_image', '', 0),
        ('stage2_image', '_padded', 3),
    ],
)
def test_published_losses(parity_dir, stage, suffix, seed) -> None:
    name = f'r50_{stage[:6]}'
    table = parity_dir / f'official_{name}.tsv'
    numbers = StoredNumbers.load(parity_dir / f'losses_{name}{suffix}.npz')
    drawn = build_random_model(CONFIGS / f'{stage}.py', table, seed)
    results = list(parity_losses.compare_losses(drawn, numbers))
    assert [r.line() for r in results if not r.passed] == []


@pytest.mark.slow
def test_published_forward(parity_dir) -> None:
    table = parity_dir / 'official_r50_stage2.tsv'
    numbers = StoredNumbers.load(parity_dir / 'forward_r50_stage2.npz')
    drawn = build_random_model(CONFIGS / 'stage2_image.py', table, 0)
    results = list(parity.compare_forward(drawn, numbers))
    assert [r.line() for r in results if not r.passed] == []
