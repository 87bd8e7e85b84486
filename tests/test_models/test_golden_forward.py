"""What a small network computes: recorded while all parts were as published.

Forward, losses and gradients of the same structure were compared with the published
implementation then (docs/parity.md). ``PYTHONPATH=.:tests python THIS_FILE`` records
anew; read the difference.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.small_uninext import (
    build,
    clips,
    images,
    names,
    predict,
    sample,
    small_config,
    small_video_config,
    target,
)
from helpers.tools import ROOT
from uninext.models.detectors import UNINEXT
from uninext.structures import Prompt
from uninext.testing.random_weights import draw_tensor

RECORD = ROOT / 'tests/data/golden_forward.json'
# Instruction sets and versions of torch differ by rounding: < 1e-4 where measured.
RELATIVE, ABSOLUTE = 2e-3, 1e-4
DOG = Prompt.from_expression('the small dog on the left')
PETS = names('dog', 'black cat', 'bird')
NO_DROPOUT = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def fixed(config: Any) -> UNINEXT:
    """A model whose weights follow from their names."""
    config.prompt_generator.text_encoder.update(NO_DROPOUT)
    model = build(config)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(draw_tensor(name, tuple(tensor.shape)))
    return model


def marks(tensor: Tensor) -> list[float]:
    """Two numbers that change when entries do, or change places."""
    values = tensor.detach().double().flatten()
    order = torch.arange(len(values), dtype=torch.float64).cos()
    return [float(values.abs().sum()), float((values * order).sum())]


def of_training(model: UNINEXT, inputs: Tensor, samples: list) -> dict[str, list]:
    """Losses, and gradients by part of the network."""
    torch.manual_seed(5)  # of the noise of denoising queries
    losses = model.train()(inputs, samples, mode='loss')
    sum(losses.values()).backward()
    found = {name: [loss.item()] for name, loss in losses.items()}
    for name, part in model.named_children():
        grads = [
            p.grad.double().norm() for p in part.parameters() if p.grad is not None
        ]
        if grads:
            found[f'gradient of {name}'] = [float(torch.stack(grads).norm())]
    return found


def of_prediction(model: UNINEXT, inputs: Tensor, samples: list) -> dict[str, list]:
    """What is found; masks by their areas."""
    found = {}
    for index, one in enumerate(predict(model.eval(), inputs, samples)):
        for name in ('scores', 'bboxes', 'labels'):
            found[f'{name} {index}'] = marks(one[name])
        found[f'masks {index}'] = [float(one.masks.sum())]
    return found


def image_case(prompt: Prompt) -> dict[str, list]:
    torch.manual_seed(3)
    model = fixed(small_config())
    samples = [sample(prompt, 2), sample(prompt, 2, (48, 40))]
    inputs = images(samples)
    found = of_prediction(model, inputs, samples)
    return found | of_training(model, inputs, samples)


def target_case() -> dict[str, list]:
    torch.manual_seed(3)
    model = fixed(small_video_config())
    samples = [sample(target(), 1), sample(target(2), 1, (48, 40))]
    inputs = images(samples)
    found = of_prediction(model, inputs, samples)
    return found | of_training(model, inputs, samples)


def clip_case() -> dict[str, list]:
    torch.manual_seed(3)
    model = fixed(small_video_config())
    inputs, samples = clips(PETS)
    with torch.no_grad():
        pyramid = model.build_pyramid(model.extract_feat(inputs[:, 0]), samples)
        decoded = model.decode(pyramid, model.encode_prompts([PETS] * 2))
        embeds = marks(model.eval().embed(decoded))
    return {'embeds': embeds} | of_training(model, inputs, samples)


CASES = {
    'names': lambda: image_case(PETS),
    'expression': lambda: image_case(DOG),
    'target': target_case,
    'clip': clip_case,
}


@pytest.mark.parametrize('name', CASES)
def test_numbers_are_those_on_record(name: str):
    recorded, found = json.loads(RECORD.read_text())[name], CASES[name]()
    assert list(found) == list(recorded)
    for key, values in found.items():
        near = pytest.approx(recorded[key], rel=RELATIVE, abs=ABSOLUTE)
        assert values == near, key


if __name__ == '__main__':
    text = json.dumps({name: case() for name, case in CASES.items()}, indent=1)
    RECORD.write_text(text + '\n', encoding='utf-8')
