from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from uninext.models.data_preprocessors import UninextDataPreprocessor
from uninext.models.prompt_generators import VisualPromptGenerator
from uninext.registry import MODELS
from uninext.structures import Template, VisualPrompt

BACKBONE = dict(
    type='ResNet',
    depth=18,
    base_channels=4,
    stem_channels=4,
    out_indices=(1, 2, 3),
    norm_eval=True,
    frozen_stages=1,
    init_cfg=dict(type='Pretrained', checkpoint='nowhere.pth'),
)
NECK = dict(
    type='ChannelMapper',
    in_channels=[8, 16, 32],
    out_channels=8,
    norm_cfg=dict(type='GN', num_groups=2),
    num_outs=4,
)
SIZE, TOKENS, DIMS = 64, 64, 6


def generator() -> VisualPromptGenerator:
    built = MODELS.build(
        dict(
            type='VisualPromptGenerator',
            backbone=BACKBONE,
            num_levels=4,
            embed_dims=8,
            prompt_dims=DIMS,
        )
    )
    built.eval()
    return built


class Frames:
    """The neck and the preprocessor of a detector."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.neck = MODELS.build(NECK)
        self.preprocessor = UninextDataPreprocessor(mean=[100.0] * 3, std=[50.0] * 3)
        self.runs: list[int] = []

    def to_inputs(self, templates):
        self.runs.append(len(templates))
        return self.preprocessor.template_inputs(templates)

    def template(self, box=(20.0, 30.0, 50.0, 70.0)) -> Template:
        image = torch.randint(0, 256, (3, 100, 100)).float()
        return Template.from_frame(image, torch.tensor(box), size=self.size)

    def prompts(self, *counts: int) -> list[VisualPrompt]:
        return [VisualPrompt(tuple(self.template() for _ in range(n))) for n in counts]

    def encode(self, model, prompts):
        return model(prompts, self.neck, self.to_inputs)


@pytest.fixture
def frames() -> Frames:
    return Frames()


@pytest.fixture
def _no_grad():
    with torch.no_grad():
        yield


@pytest.mark.parametrize('learns', [True, False])
def test_no_prompt(frames, learns) -> None:
    with (
        torch.set_grad_enabled(learns),
        pytest.raises(ValueError, match='at least one'),
    ):
        frames.encode(generator(), [])


def test_config_stays_as_it_is_and_no_stage_is_frozen() -> None:
    before = copy.deepcopy(BACKBONE)
    model = generator()
    assert before == BACKBONE
    assert model.backbone.frozen_stages == -1
    assert model.backbone.conv1.in_channels == 4
    assert 'nowhere' not in str(model.backbone.init_cfg)
    assert all(p.requires_grad for p in model.parameters())


def test_shape_and_mask(frames) -> None:
    whole = frames.template()
    over = frames.template((80.0, 40.0, 120.0, 60.0))
    features = frames.encode(
        generator(), [VisualPrompt((whole,)), VisualPrompt((over,))]
    )
    assert features.embeds.shape == (2, TOKENS, DIMS)
    assert features.pooled is True
    assert [m.tolist() for m in features.positive_maps] == [[[True]]] * 2
    assert features.mask[0].all()
    assert features.fusion_mask().all(), 'fusion looks at padding too'
    for i in range(8):  # a token is the pixel it is sampled at
        for j in range(8):
            shown = over.padding[8 * i, 8 * j] == 0
            assert features.mask[1, 8 * i + j] == shown
    assert 0 < features.mask[1].sum() < TOKENS
    assert features.retrieval_embeds().shape == (2, 1, DIMS)
    expected = features.embeds[1][features.mask[1]].mean(0)
    torch.testing.assert_close(features.retrieval_embeds()[1, 0], expected)


def test_levels_are_added_up_and_led_to_the_prompt(frames) -> None:
    """The formula, with levels of one value each: enlarging does not change them."""
    model = generator()

    class Constants(nn.Module):
        def forward(self, levels):
            sizes = (8, 4, 2, 1)
            return [torch.full((1, 8, s, s), 10.0**i) for i, s in enumerate(sizes)]

    for conv in model.fuser:  # the mean over channels at the pixel, plus a bias
        nn.init.zeros_(conv.weight)
        conv.weight.data[:, :, 1, 1] = 1 / 8
        nn.init.constant_(conv.bias, 0.5)
    with torch.no_grad():
        features = model(frames.prompts(1), Constants(), frames.to_inputs)
    expected = F.linear(
        torch.full((8,), 1113.0), model.adapter.weight, model.adapter.bias
    )
    torch.testing.assert_close(features.embeds[0], expected.expand(TOKENS, DIMS))


@pytest.mark.usefixtures('_no_grad')
def test_two_templates_are_one_and_one(frames) -> None:
    model = generator()
    first = frames.template()
    second = frames.template((80.0, 40.0, 120.0, 60.0))
    both = frames.encode(model, [VisualPrompt((first, second))])
    alone = [frames.encode(generator_like(model), [VisualPrompt((t,))])
             for t in (first, second)]  # fmt: skip
    joined = torch.cat([f.embeds for f in alone], 1)
    torch.testing.assert_close(both.embeds, joined)
    assert torch.equal(both.mask, torch.cat([f.mask for f in alone], 1))
    assert both.fusion_mask().all()


def generator_like(model) -> VisualPromptGenerator:
    """The same weights, nothing kept."""
    other = generator()
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.usefixtures('_no_grad')
def test_different_numbers_of_templates(frames) -> None:
    model = generator()
    prompts = frames.prompts(2, 1)
    together = frames.encode(model, prompts)
    assert together.embeds.shape == (2, 2 * TOKENS, DIMS)
    for row, prompt in enumerate(prompts):
        alone = frames.encode(generator_like(model), [prompt])
        length = alone.embeds.shape[1]
        torch.testing.assert_close(together.embeds[row, :length], alone.embeds[0])
        assert torch.equal(together.mask[row, :length], alone.mask[0])
        assert together.fusion_mask()[row, :length].all()
        assert not together.embeds[row, length:].any()
        assert not together.mask[row, length:].any()
        assert not together.fusion_mask()[row, length:].any()


@pytest.mark.usefixtures('_no_grad')
def test_a_template_is_encoded_once(frames) -> None:
    model = generator()
    (prompt,) = frames.prompts(1)
    first = frames.encode(model, [prompt])
    again = frames.encode(model, [prompt, prompt])
    assert frames.runs == [1]
    torch.testing.assert_close(again.embeds, first.embeds.expand(2, -1, -1))
    longer = replace(prompt, templates=(*prompt.templates, frames.template()))
    frames.encode(model, [longer, longer])
    assert frames.runs == [1, 1], 'only what is new, and it once'


@pytest.mark.usefixtures('_no_grad')
def test_what_is_kept_goes_with_the_template(frames) -> None:
    model = generator()
    prompts = frames.prompts(1, 2)
    frames.encode(model, prompts)
    assert len(model._kept) == 3
    del prompts
    assert len(model._kept) == 0


CHANGES = dict(
    step=lambda model, frames: model.adapter.weight.add_(1.0),
    load=lambda model, frames: model.load_state_dict(generator().state_dict()),
    step_neck=lambda model, frames: next(frames.neck.parameters()).mul_(2.0),
    train_and_back=lambda model, frames: model.train().eval(),
    move=lambda model, frames: model.double().float(),  # as to another device
)


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
@pytest.mark.usefixtures('_no_grad')
def test_changed_weights_encode_again(frames, change) -> None:
    model = generator()
    prompts = frames.prompts(1)
    frames.encode(model, prompts)
    change(model, frames)
    features = frames.encode(model, prompts)
    assert frames.runs == [1, 1]
    expected = frames.encode(generator_like(model), prompts)
    torch.testing.assert_close(features.embeds, expected.embeds)
    frames.encode(model, prompts)
    assert len(frames.runs) == 3, 'and keep that'


def test_inference_tensors_are_not_handed_to_others(frames) -> None:
    model = generator()
    prompts = frames.prompts(1)
    with torch.inference_mode():
        frames.encode(model, prompts)
    with torch.no_grad():
        assert not frames.encode(model, prompts).embeds.is_inference()


def test_built_in_inference_mode(frames) -> None:
    """Such weights tell nobody that they changed: nothing is kept."""
    plain, prompts = generator(), frames.prompts(1)
    with torch.inference_mode():
        model = generator()
        for source in (plain, generator()):
            model.load_state_dict(source.state_dict())
            wanted = frames.encode(source, prompts).embeds
            torch.testing.assert_close(frames.encode(model, prompts).embeds, wanted)
    with torch.no_grad():
        assert frames.encode(model, prompts).embeds.shape == (1, TOKENS, DIMS)


@pytest.mark.parametrize('training', [True, False])
def test_with_gradient_nothing_is_kept(frames, training) -> None:
    model = generator().train(training)
    prompts = frames.prompts(1)
    for _ in range(2):
        assert frames.encode(model, prompts).embeds.requires_grad
    assert frames.runs == [1, 1]
    assert len(model._kept) == 0


def test_gradient_reaches_every_parameter(frames) -> None:
    """The shared neck's too."""
    model = generator().train()
    features = frames.encode(model, frames.prompts(1, 2))
    (features.embeds * torch.randn_like(features.embeds)).sum().backward()
    parts = dict(model=model, neck=frames.neck)
    for part, module in parts.items():
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, (part, name)
            assert parameter.grad.abs().sum() > 0, (part, name)


@pytest.mark.usefixtures('_no_grad')
def test_prior_tells_the_target(frames) -> None:
    model = generator()
    image = torch.randint(0, 256, (3, 100, 100)).float()
    box = torch.tensor([20.0, 30.0, 50.0, 70.0])
    masks = (None, torch.zeros(100, 100))
    found = [
        frames.encode(
            model, [VisualPrompt((Template.from_frame(image, box, m, size=SIZE),))]
        )
        for m in masks
    ]
    assert not torch.allclose(found[0].embeds, found[1].embeds)


@pytest.mark.parametrize('size', [72, 100])
def test_size_that_levels_do_not_divide(size) -> None:
    frames = Frames(size=size)
    with pytest.raises(ValueError, match=f'{size} x {size}.*multiple of 64'):
        frames.encode(generator(), frames.prompts(1))


@pytest.mark.usefixtures('_no_grad')
def test_other_precision_encodes_again(frames) -> None:
    model = generator()
    prompts = frames.prompts(1)
    frames.encode(model, prompts)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert frames.encode(model, prompts).embeds.dtype == torch.bfloat16
    assert frames.encode(model, prompts).embeds.dtype == torch.float32
