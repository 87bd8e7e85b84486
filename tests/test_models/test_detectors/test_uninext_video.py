from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from helpers.small_uninext import (
    QUERIES,
    SIDE,
    assert_close,
    build,
    check_half_losses,
    clips,
    images,
    names,
    predict,
    sample,
    small_config,
    small_resnet_video_config,
    small_video_config,
    target,
    total,
)
from uninext.checkpoint.load import load_state
from uninext.models.detectors import UNINEXTVideo
from uninext.models.ops import MSDeformAttention
from uninext.structures import Prompt

REID = ('loss_reid', 'loss_reid_aux')
TEMPLATE = 'visual_prompt_generator.'
DOG = Prompt.from_expression('the small dog')
PETS = names('dog', 'cat')
UNUSED = ('backbone.conv2.', f'{TEMPLATE}backbone.conv2.')  # behind what is taken


@pytest.fixture(scope='module')
def _module_model() -> UNINEXTVideo:
    torch.manual_seed(0)
    return build(small_video_config())


@pytest.fixture
def video_model(_module_model) -> UNINEXTVideo:
    """Own weights, in training mode."""
    return copy.deepcopy(_module_model).train()


@pytest.fixture
def video_eval(_module_model) -> UNINEXTVideo:
    """Shared: not to be changed."""
    return _module_model.eval()


def batch_of(kind: str, num: int = 1):
    if kind == 'targets':
        samples = [sample(target(), num), sample(target(2), num)]
        return images(samples), samples
    prompt = DOG if 'expressions' in kind else PETS
    if 'clips' in kind:
        return clips(prompt, num)
    samples = [sample(prompt, num) for _ in range(2)]
    return images(samples), samples


KINDS = ('names', 'expressions', 'targets', 'clips of names', 'clips of expressions')


# -------------------------------------------------------------------------- training


@pytest.mark.parametrize('kind', KINDS)
def test_nothing_to_find(video_model, kind) -> None:
    losses = video_model(*batch_of(kind, 0), mode='loss')
    assert set(REID) < set(losses)
    assert total(losses) == 0
    total(losses).backward()


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('num', [0, 1])
def test_every_trainable_parameter_gets_a_gradient(kind, num) -> None:
    """DDP waits for it; what has a part in the batch learns from it. Texts do too."""
    model = build(small_video_config(prompt_generator=dict(frozen=False))).train()
    total(model(*batch_of(kind, num), mode='loss')).backward()
    absent, idle = [], []
    unconcerned = () if 'clips' in kind else ('embed_head.',)
    unconcerned += ('prompt_generator.',) if kind == 'targets' else (TEMPLATE,)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not name.startswith(UNUSED):
            if parameter.grad is None:
                absent.append(name)
            elif not parameter.grad.abs().sum() and not name.startswith(unconcerned):
                idle.append(name)
            if name.startswith(unconcerned) and parameter.grad is not None:
                assert parameter.grad.abs().sum() == 0, name
    assert absent == []
    if num:
        assert idle == []


@pytest.mark.parametrize('kind', KINDS)
def test_half_precision_loses_about_the_same(video_model, kind) -> None:
    check_half_losses(video_model, *batch_of(kind, 2), torch.bfloat16)


def test_no_parameter_of_the_resnet_model_is_left_out() -> None:
    """So DDP need not search for any (find_unused_parameters)."""
    model = build(small_resnet_video_config()).train()
    for kind in KINDS:
        model.zero_grad(set_to_none=True)
        total(model(*batch_of(kind), mode='loss')).backward()
        learning = [n for n, p in model.named_parameters() if p.requires_grad]
        absent = [n for n in learning if model.get_parameter(n).grad is None]
        assert absent == [], kind


@pytest.mark.parametrize('kind', ['names', 'targets'])
def test_single_frames_have_nothing_to_tell_apart(video_model, kind) -> None:
    losses = video_model(*batch_of(kind), mode='loss')
    assert [losses[k].item() for k in REID] == [0, 0]
    assert losses['loss_ce'] > 0


def test_reference_frames_only_add_losses(video_model) -> None:
    inputs, samples = batch_of('clips of names', 2)
    torch.manual_seed(0)
    of_clips = video_model(inputs, samples, mode='loss')
    torch.manual_seed(0)
    of_keys = video_model(inputs[:, 0], samples, mode='loss')
    assert set(of_clips) == set(of_keys)
    for key, loss in of_keys.items():
        if key in REID:
            assert of_clips[key] > 0
        else:
            torch.testing.assert_close(of_clips[key], loss)


def test_no_object_in_both_frames(video_model) -> None:
    inputs, samples = batch_of('clips of names', 2)
    for one in samples:
        one.reference.gt_instances.instances_ids += 10
    losses = video_model(inputs, samples, mode='loss')
    assert [losses[k].item() for k in REID] == [0, 0]
    total(losses).backward()
    for name, parameter in video_model.embed_head.named_parameters():
        assert parameter.grad.abs().sum() == 0, name


@pytest.mark.parametrize('text', [PETS, DOG], ids=['names', 'expression'])
def test_mixed_batch_is_refused(video_model, text) -> None:
    samples = [sample(text), sample(target())]
    with pytest.raises(ValueError, match='mixes targets'):
        video_model(images(samples), samples, mode='loss')


def test_templates_of_a_batch_have_one_size(video_model) -> None:
    samples = [sample(target()), sample(target())]
    template = samples[1].prompt.templates[0]
    large = type(template)(*(
        part.repeat_interleave(2, -1).repeat_interleave(2, -2)
        for part in (template.image, template.padding, template.prior)
    ))  # fmt: skip
    samples[1].prompt = replace(samples[1].prompt, templates=(large,))
    with pytest.raises(ValueError, match=r'sizes \[64, 128\]'):
        video_model(images(samples), samples, mode='loss')


# ------------------------------------------------------------------------------ test


def test_a_target_is_found_once(video_eval) -> None:
    given = sample(target(), 0, (48, 40), ori_hw=(96, 80))
    (found,) = predict(video_eval, images([given]), [given])
    assert found.bboxes.shape == (1, 4)
    assert found.labels.tolist() == [0]
    assert found.masks.shape == (1, 96, 80)
    assert 0 < found.scores.item() < 1


def test_batch_of_all_kinds_is_its_rows(video_eval) -> None:
    """One and two templates, names and expressions, padded equally."""
    samples = [
        sample(target(2)),
        sample(PETS, size_hw=(48, 40)),
        sample(target(), size_hw=(48, 40)),
        sample(DOG),
        sample(target()),
    ]
    inputs = images(samples)
    together = predict(video_eval, inputs, samples)
    for i, one in enumerate(samples):
        (alone,) = predict(video_eval, inputs[i : i + 1], [one])
        assert_close(together[i], alone)


def test_passes_are_of_one_kind(video_eval) -> None:
    prompts = [DOG, target(), PETS, target(2), DOG, PETS]
    passes = video_eval.passes(prompts, max_rows=4)
    kinds = [{(type(r.prompt), r.prompt.pooled) for r in rows} for rows in passes]
    assert [len(kind) for kind in kinds] == [1, 1, 1]
    assert sorted(row.item for rows in passes for row in rows) == list(range(6))


def test_order_of_templates_does_not_matter(video_eval) -> None:
    prompt = target(2)
    turned = replace(prompt, templates=prompt.templates[::-1])
    inputs = torch.randn(1, 3, SIDE, SIDE)
    found = [predict(video_eval, inputs, [sample(p, 0)])[0] for p in (prompt, turned)]
    assert_close(*found)


def test_embeddings_are_of_the_last_layer_and_its_boxes() -> None:
    model = SimpleNamespace(embed_head=lambda *given: given)
    decoded = SimpleNamespace(
        hidden_states=['first', 'last'], references=['given', 'first', 'last'], memory=0
    )
    assert UNINEXTVideo.embed(model, decoded) == ('last', 'last', 0)


def test_embeddings_where_they_are_asked_for(video_eval) -> None:
    given = sample(PETS)
    with torch.no_grad():
        levels = video_eval.extract_feat(images([given]))
        pyramid = video_eval.build_pyramid(levels, [given])
        for wanted in (True, False):
            ((found,),) = video_eval.ask(pyramid, [PETS], [0], [False], [wanted])
            assert found.mask_feat is None
            assert (found.embeds is None) is not wanted
            if wanted:
                assert found.embeds.shape == (QUERIES, 32)


@pytest.mark.parametrize('training', [True, False], ids=['training', 'test'])
def test_padding_is_hidden_from_all_layers_but_those_of_embeddings(
    video_model, training, monkeypatch
) -> None:
    """As published: see :class:`ContrastiveEmbedHead`."""
    model, given = video_model.train(training), {}
    names = {module: name for name, module in model.named_modules()}
    keys_of = MSDeformAttention.keys

    def note(module, value, shapes, starts, sizes_hw, key_padding_mask=None):
        given.setdefault(names[module], []).append(key_padding_mask)
        return keys_of(module, value, shapes, starts, sizes_hw, key_padding_mask)

    monkeypatch.setattr(MSDeformAttention, 'keys', note)
    inputs, keys = clips(PETS)
    if training:
        model(inputs, keys, mode='loss')
    else:
        model(inputs[:, 1], [key.reference for key in keys], mode='tensor')
    assert len(given) == 1 + 2 + 2  # encoder, decoder, embedding head
    for name, masks in given.items():
        if name.startswith('embed_head.'):
            assert masks == [None] * (1 + training), name
        else:
            assert masks[-1].any(1).all(), name  # of 48 x 40 images in 64 x 64


# --------------------------------------------------------------------------- weights


def template_equals_backbone(model) -> bool:
    inputs = torch.randn(1, 4, SIDE, SIDE)
    model.eval()
    with torch.no_grad():
        ours = model.visual_prompt_generator.backbone(inputs)
        expected = model.backbone(inputs[:, :3])
    return all(torch.allclose(a, b) for a, b in zip(ours, expected))


def test_initial_weights_copy_the_backbone() -> None:
    model = build(small_video_config())
    assert not template_equals_backbone(model)
    model.init_weights()
    assert template_equals_backbone(model)
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all(), name
    own = model.visual_prompt_generator.backbone.state_dict()
    copied = {v.data_ptr() for v in model.backbone.state_dict().values()}
    assert not copied & {v.data_ptr() for v in own.values()}, 'no memory is shared'


def test_image_weights_are_a_start(video_model) -> None:
    """A whole network of stage 2, with another backbone than this one's."""
    image_model = build(small_config())
    state = image_model.state_dict()
    before = {k: v.clone() for k, v in video_model.state_dict().items()}
    report = load_state(video_model, state, adapt=True)
    after = video_model.state_dict()
    assert all(torch.equal(after[k], v) for k, v in state.items())
    fresh = [k for k in after if k not in state and 'generator.backbone.' not in k]
    assert fresh
    assert all(k.startswith((TEMPLATE, 'embed_head.')) for k in fresh)
    assert all(torch.equal(after[k], before[k]) for k in fresh)
    assert template_equals_backbone(video_model)
    assert any('copied from backbone' in note for note in report.notes)


def test_image_weights_find_the_same_in_the_video_model(video_eval) -> None:
    image_model = build(small_config()).eval()
    model = copy.deepcopy(video_eval)
    load_state(model, image_model.state_dict(), adapt=True)
    samples = [sample(PETS), sample(DOG)]
    inputs = images(samples)
    expected = predict(image_model, inputs, samples)
    for first, second in zip(predict(model, inputs, samples), expected):
        assert_close(first, second, atol=1e-6)


def test_video_weights_are_taken_as_they_are(video_model, video_eval) -> None:
    state = {k: v + 1 for k, v in video_eval.state_dict().items()}
    report = load_state(video_model, state, adapt=True)
    assert report.notes == []
    assert all(torch.equal(v, state[k]) for k, v in video_model.state_dict().items())


@pytest.mark.parametrize(
    ('old', 'new'), [('followers', 'model.trackers'), ('predictor', 'model.test_cfg')]
)
def test_old_keys_of_a_config_are_told(old, new) -> None:
    with pytest.raises(ValueError, match=f'model.{old} is {new}'):
        build(small_video_config(**{old: dict()}))
