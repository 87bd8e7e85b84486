from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from uninext.registry import MODELS
from uninext.structures import Template
from uninext.testing import StoredNumbers, build_random_model, parity, parity_losses

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SIZE = (64, 96)
BOX = np.array([[20, 10, 60, 50]], np.float32)
GIVEN = {
    'sot': {'sot/box_xyxy': BOX},
    'vos': {'sot/box_xyxy': BOX, 'vos/mask': np.ones((1, *SIZE), bool)},
    'grounding': {'grounding/caption': np.array('the dog on the left')},
}
REID = {'loss_reid', 'loss_reid_aux'}


@pytest.fixture(scope='module')
def model():
    init_default_scope('uninext')  # made before conftest's fixture of every test
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / '_base_/models/uninext_tiny_video.py').model
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


def random_image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (3, *SIZE), np.uint8)


def our_numbers(model, group: str) -> dict[str, np.ndarray]:
    """What the model itself computes, stored as the published numbers are."""
    arrays = {'image': random_image(), **GIVEN[group]}
    ours = parity._run_forward(model, StoredNumbers(arrays), group)
    by_name = {**ours.plain, **{k: v for k, (v, _) in ours.by_query.items()}}
    for name, (value, axis) in ours.by_token.items():
        by_name[name] = parity._pad_tokens(value, axis, 48)
    by_name['pred_masks'] = ours.mask_logits(torch.tensor([0, 45, 90]))
    stored = {f'{group}/{k}': v.detach().numpy() for k, v in by_name.items()}
    return arrays | stored


@pytest.mark.parametrize('group', GIVEN)
def test_model_agrees_with_itself(model, group) -> None:
    arrays = our_numbers(model, group)
    results = list(parity.compare_forward(model, StoredNumbers(arrays)))
    compared = {result.name for result in results}
    assert compared == set(arrays) - {'image'} - set(GIVEN[group])
    assert f'{group}/pred_inst_embed' in compared
    assert [r.line() for r in results if not r.passed] == []


def test_mask_may_be_of_the_padded_frame(model) -> None:
    arrays = our_numbers(model, 'vos')
    arrays['vos/mask'] = np.pad(arrays['vos/mask'], ((0, 0), (0, 0), (0, 5)))
    results = parity.compare_forward(model, StoredNumbers(arrays))
    assert [r.line() for r in results if not r.passed] == []


def test_mask_is_the_prior_of_a_target(model) -> None:
    """The box alone gives other numbers."""
    arrays = our_numbers(model, 'vos')
    del arrays['vos/mask']
    results = parity.compare_forward(model, StoredNumbers(arrays))
    failed = {r.name for r in results if not r.passed}
    assert {'vos/template', 'vos/prompt'} <= failed
    assert 'vos/stage/input_proj0' not in failed, 'the image is the same'


def our_losses(model, group: str) -> dict[str, np.ndarray]:
    """Images 0 and 2 are key frames, 1 and 3 those of references or templates."""
    arrays = {f'{group}/caption': np.array('the dog on the left')}
    for i in range(4):
        box = BOX + np.float32(i)
        arrays[f'{group}/image{i}'] = random_image(i)
        arrays[f'{group}/boxes_xyxy{i}'] = box
        arrays[f'{group}/labels{i}'] = np.array([0])
        arrays[f'{group}/masks{i}'] = np.ones((1, *SIZE), bool)
    model = copy.deepcopy(model)
    parity_losses._prepare_for_losses(model)
    losses = parity_losses._run_losses(model, StoredNumbers(arrays), group)
    arrays.update({f'{group}/loss/{k}': np.array(float(v)) for k, v in losses.items()})
    return arrays


@pytest.mark.parametrize('group', ['grounding', 'sot'])
def test_losses_of_clips_agree_with_themselves(model, group) -> None:
    torch.manual_seed(0)  # some negatives are drawn
    arrays = our_losses(model, group)
    for name in REID:
        assert (arrays[f'{group}/loss/{name}'] > 0) == (group != 'sot')
    torch.manual_seed(0)
    results = list(
        parity_losses.compare_losses(copy.deepcopy(model), StoredNumbers(arrays))
    )
    assert [r.line() for r in results if not r.passed] == []
    tolerances = {r.name.split('/')[-1]: r.tolerance for r in results}
    assert tolerances['loss_reid_aux'] > tolerances['loss_reid']


def test_other_reference_frames_change_the_contrast_alone(model, monkeypatch) -> None:
    monkeypatch.setattr(parity_losses, 'MAX_TIES', 0)
    arrays = our_losses(model, 'grounding')
    for i in (1, 3):
        arrays[f'grounding/image{i}'] = random_image(10 + i)
        arrays[f'grounding/boxes_xyxy{i}'] = np.array([[1, 30, 20, 60]], np.float32)
    results = parity_losses.compare_losses(copy.deepcopy(model), StoredNumbers(arrays))
    failed = {r.name.split('/')[-1] for r in results if not r.passed}
    assert 'loss_reid' in failed
    assert failed <= REID


def test_template_of_a_padded_frame(model) -> None:
    """As published: what lies in the padding is the mean colour, and is padding."""
    preprocessor = model.data_preprocessor
    image = torch.from_numpy(random_image())[:, :50, :70]
    box, mask = torch.tensor([40.0, 30.0, 69.0, 49.0]), torch.ones(50, 70)
    divisor = preprocessor.pad_size_divisor
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ('what', 'suffix', 'seed', 'at_least'),
    [('forward', '', 0, 100), ('losses', '', 0, 100), ('losses', '_padded', 3, 70)],
)
def test_published_numbers_of_stage_3(parity_dir, what, suffix, seed, at_least) -> None:
    torch.manual_seed(0)
    numbers = StoredNumbers.load(parity_dir / f'{what}_r50_stage3{suffix}.npz')
    table = parity_dir / 'official_r50_stage3.tsv'
    drawn = build_random_model(CONFIGS / 'uninext/stage3_video.py', table, seed)
    room = dict(forward=parity, losses=parity_losses)[what]
    results = list(getattr(room, f'compare_{what}')(drawn, numbers))
    assert len(results) > at_least
    assert [r.line() for r in results if not r.passed] == []
