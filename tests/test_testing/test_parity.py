"""Arrays and losses of a network against stored ones: its own, and the published."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from uninext.checkpoint.conversion import to_published
from uninext.structures import Template
from uninext.testing import parity, parity_losses
from uninext.testing.proposal_order import ProposalOrder
from uninext.testing.random_model import build_random_model
from uninext.testing.stored_numbers import StoredNumbers

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'uninext'
SIZE = (64, 96)
BOX = np.array([[20, 10, 60, 50]], np.float32)
GIVEN = {
    'detection': {'detection/caption': np.array('dog. red kite')},
    'grounding': {'grounding/caption': np.array('the dog on the left')},
    'sot': {'sot/box_xyxy': BOX},
    'vos': {'sot/box_xyxy': BOX, 'vos/mask': np.ones((1, *SIZE), bool)},
}
CASES = [
    *(('image_model', group) for group in ('detection', 'grounding')),
    *(('video_model', group) for group in ('grounding', 'sot', 'vos')),
]
STAGES = dict(stage1='stage1_pretrain', stage2='stage2_image', stage3='stage3_video')
REID = {'loss_reid', 'loss_reid_aux'}


@pytest.fixture
def model(request):
    return request.getfixturevalue(getattr(request, 'param', 'image_model'))


def random_image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (3, *SIZE), np.uint8)


def our_numbers(model, group: str) -> dict[str, np.ndarray]:
    """What the model itself computes, stored as the published numbers are."""
    arrays = {'image': random_image(), **GIVEN[group]}
    ours = parity._run_forward(model, StoredNumbers(arrays), group)
    stored = {'pred_masks': ours.masks_of(torch.tensor([0, 45, 90]))}
    for name, (value, _, token_axis) in ours.arrays.items():
        if value is not None:
            padded = token_axis is not None
            value = parity._pad_tokens(value, token_axis, 48) if padded else value
            stored[name] = value
    arrays |= {f'{group}/{k}': v.detach().numpy() for k, v in stored.items()}
    name = f'{group}/stage/decoder.0'
    thin = {f'{name}/shape': np.array(arrays[name].shape), f'{name}/step': np.array(7)}
    return arrays | thin | {name: arrays[name].reshape(-1)[::7]}


def our_losses(model, group: str, num_images: int = 2) -> dict[str, np.ndarray]:
    """Of four images, 0 and 2 are key frames, 1 and 3 of references or templates."""
    arrays = GIVEN[group] if group == 'detection' else {}
    arrays = {f'{group}/caption': np.array('the dog on the left')} | arrays
    for i in range(num_images):
        arrays[f'{group}/image{i}'] = random_image(i)
        arrays[f'{group}/boxes_xyxy{i}'] = BOX + np.float32(i)
        arrays[f'{group}/labels{i}'] = np.array([0])
        arrays[f'{group}/masks{i}'] = np.ones((1, *SIZE), bool)
    model = copy.deepcopy(model)
    parity_losses._prepare_for_losses(model)
    losses = parity_losses._run_losses(model, StoredNumbers(arrays), group)
    arrays.update({f'{group}/loss/{k}': np.array(float(v)) for k, v in losses.items()})
    return arrays


def compare_forward(model, arrays) -> dict:
    results = parity.compare_forward(model, StoredNumbers(arrays))
    return {result.name: result for result in results}


def compare_losses(model, arrays) -> dict:
    numbers = StoredNumbers(arrays)
    results = parity_losses.compare_losses(copy.deepcopy(model), numbers)
    return {result.name.split('/')[-1]: result for result in results}


def failed(results: dict) -> dict[str, str]:
    return {name: r.note for name, r in results.items() if not r.passed}


# ------------------------------------------------------------------------------ arrays


@pytest.mark.parametrize(('model', 'group'), CASES, indirect=['model'])
def test_model_agrees_with_itself(model, group) -> None:
    arrays = our_numbers(model, group)
    results = compare_forward(model, arrays)
    assert set(results) == {*StoredNumbers(arrays).names} - {'image', *GIVEN[group]}
    assert (f'{group}/pred_inst_embed' in results) is hasattr(model, 'embed_head')
    assert failed(results) == {}


def test_differences_are_found(model) -> None:
    arrays = our_numbers(model, 'grounding')
    arrays['grounding/stage/mask_feats'] = arrays['grounding/stage/mask_feats'] * 1.01
    arrays['grounding/text_hidden'][0, 1] += 1.0
    arrays['grounding/stage/unheard_of'] = np.ones(3)
    arrays['sot/pred_boxes'] = np.ones((1, 900, 4))
    assert failed(compare_forward(model, arrays)) == {
        'grounding/stage/mask_feats': '',
        'grounding/text_hidden': '',
        'grounding/stage/unheard_of': 'not computed by this model',
        'sot/pred_boxes': 'not computed by this model',
    }


def test_padded_text_does_not_count(model) -> None:
    arrays = our_numbers(model, 'grounding')
    arrays['grounding/text_hidden'][0, 40:] = 99.0
    assert failed(compare_forward(model, arrays)) == {}


def test_swapped_rows_are_matched_by_box(model) -> None:
    arrays = our_numbers(model, 'grounding')
    for name in ('pred_boxes', 'pred_logits', 'pred_boxious', 'reference_points'):
        rows = arrays[f'grounding/{name}']
        rows[:, [3, 7]] = rows[:, [7, 3]]
    result = compare_forward(model, arrays)['grounding/pred_logits']
    assert result.passed
    assert result.note == '2 rows matched by box'


def test_tied_proposals_are_taken_the_other_way(model, monkeypatch) -> None:
    """Stored by a network that ordered two equal proposals the other way round."""
    monkeypatch.setattr('uninext.testing.proposal_order.NOISE', 1.0)
    monkeypatch.setattr(parity, 'SWAP_TOLERANCE', 1e-6)
    with ProposalOrder.of(model) as proposals:
        our_numbers(model, 'grounding')
        tie = proposals.ties()[0]
        proposals.exchanged.append(tie)
        arrays = our_numbers(model, 'grounding')
    results = compare_forward(model, arrays)
    assert failed(results) == {}
    where = f'ranks {tie.rank}-{tie.rank + 1} of image 0'
    assert where in results['grounding/pred_boxes'].note


def test_mask_may_be_of_the_padded_frame(video_model) -> None:
    arrays = our_numbers(video_model, 'vos')
    arrays['vos/mask'] = np.pad(arrays['vos/mask'], ((0, 0), (0, 0), (0, 5)))
    assert failed(compare_forward(video_model, arrays)) == {}


def test_mask_is_the_prior_of_a_target(video_model) -> None:
    """The box alone gives other numbers."""
    arrays = our_numbers(video_model, 'vos')
    del arrays['vos/mask']
    found = failed(compare_forward(video_model, arrays))
    assert {'vos/template', 'vos/prompt'} <= set(found)
    assert 'vos/stage/input_proj0' not in found, 'the image is the same'


def test_template_of_a_padded_frame(video_model) -> None:
    """As published: what lies in the padding is the mean colour, and is padding."""
    image = torch.from_numpy(random_image())[:, :50, :70]
    box, mask = torch.tensor([40.0, 30.0, 69.0, 49.0]), torch.ones(50, 70)
    divisor = video_model.data_preprocessor.pad_size_divisor
    template = Template.from_frame(image.flip(0), box, mask, pad_divisor=divisor)
    plain = Template.from_frame(image.flip(0), box, mask)
    inner = plain.padding + template.padding == 0
    assert inner.any()
    assert torch.equal(template.image[:, inner], plain.image[:, inner])
    whole = template.padding == 1
    assert whole.any()
    assert not template.image[:, whole].any()
    assert not template.prior[whole].any()
    # the last row and column of the frame are in the template where they are padded to
    assert template.padding.sum() < plain.padding.sum()


# ------------------------------------------------------------------------------ losses


@pytest.mark.parametrize(
    ('model', 'group', 'num_images'),
    [
        ('image_model', 'detection', 2),
        ('image_model', 'grounding', 2),
        ('video_model', 'grounding', 4),
        ('video_model', 'sot', 4),
    ],
    indirect=['model'],
)
def test_losses_agree_with_themselves(model, group, num_images) -> None:
    torch.manual_seed(0)  # some negatives are random
    arrays = our_losses(model, group, num_images)
    torch.manual_seed(0)
    results = compare_losses(model, arrays)
    assert failed(results) == {}
    assert all(result.shape == () for result in results.values())
    if num_images == 2:
        assert 'loss_prj' in results
        return
    for name in REID:
        assert (arrays[f'{group}/loss/{name}'] > 0) == (group != 'sot')
    assert results['loss_reid_aux'].tolerance > results['loss_reid'].tolerance


def test_loss_differences_are_found(model, monkeypatch) -> None:
    monkeypatch.setattr(parity_losses, 'MAX_TIES', 0)
    arrays = our_losses(model, 'grounding')
    arrays['grounding/loss/loss_ce'] = arrays['grounding/loss/loss_ce'] * 1.01
    arrays['grounding/loss/loss_reid'] = np.array(1.0)
    del arrays['grounding/loss/loss_giou_enc']
    found = failed(compare_losses(model, arrays))
    assert set(found) == {'loss_ce', 'loss_giou_enc', 'loss_reid'}


def test_other_reference_frames_change_the_contrast_alone(
    video_model, monkeypatch
) -> None:
    monkeypatch.setattr(parity_losses, 'MAX_TIES', 0)
    arrays = our_losses(video_model, 'grounding', 4)
    for i in (1, 3):
        arrays[f'grounding/image{i}'] = random_image(10 + i)
        arrays[f'grounding/boxes_xyxy{i}'] = np.array([[1, 30, 20, 60]], np.float32)
    found = set(failed(compare_losses(video_model, arrays)))
    assert 'loss_reid' in found
    assert found <= REID


# ------------------------------------------------------------------------------- errors


def test_wrong_numbers(model) -> None:
    other = StoredNumbers({'a/b': np.ones(1)})
    clips = StoredNumbers({'sot/image2': np.ones(1), 'sot/loss/loss_ce': np.ones(())})
    with pytest.raises(ValueError, match='not of a forward pass'):
        list(parity.compare_forward(model, other))
    for numbers, message in ((other, 'no a/loss'), (clips, 'video model')):
        with pytest.raises(ValueError, match=message):
            list(parity_losses.compare_losses(model, numbers))


def test_config_without_a_model(tmp_path) -> None:
    with pytest.raises(ValueError, match='has no "model"'):
        build_random_model(CONFIGS.parent / '_base_/default_runtime.py', 'x.tsv', 0)


def test_state_dict_of_the_model_has_a_place_for_every_key(model) -> None:
    """All but another backbone's keys are known to the converter."""
    state = {k: v for k, v in model.state_dict().items() if k[:9] != 'backbone.'}
    published, _ = to_published(state)
    assert 'detr.mask_head.jia_dcn.weight' in published


# ---------------------------------------------------------------------- published ones


@pytest.mark.slow
@pytest.mark.parametrize(
    ('stage', 'seed', 'counts'),
    [
        ('stage1', 0, dict(losses=114)),
        ('stage2', 0, dict(forward=48, losses=114)),
        ('stage2_padded', 3, dict(losses=114)),
        ('stage3', 0, dict(forward=102, losses=177)),
        ('stage3_padded', 3, dict(losses=118)),
    ],
)
def test_published_numbers(parity_dir, stage, seed, counts) -> None:
    """The losses last: they change the model's settings."""
    name, table = STAGES[stage[:6]], f'official_r50_{stage[:6]}.tsv'
    model = build_random_model(CONFIGS / f'{name}.py', parity_dir / table, seed)
    compare = dict(forward=parity.compare_forward, losses=parity_losses.compare_losses)
    for what, count in counts.items():
        torch.manual_seed(0)
        numbers = StoredNumbers.load(parity_dir / f'{what}_r50_{stage}.npz')
        results = list(compare[what](model, numbers))
        assert [r.line() for r in results if not r.passed] == []
        assert len(results) >= count
