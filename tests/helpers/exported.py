"""Exported folders whose files are the modules themselves: no runtime is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from uninext.apis import Result
from uninext.export import FORMATS, export_model
from uninext.export import exporter as exporting

FORMAT = 'torch_export'
SIZE_HW = (64, 96)
MASK = np.zeros(SIZE_HW, bool)
MASK[10:40, 20:50] = True
ASKED = dict(  # all kinds of prompts
    categories='cat, red dog, a',
    expression='the left one',
    box=[10, 20, 40, 50],
    mask=MASK,
    score_thr=0.0,
)


def files_are_modules(patch: pytest.MonkeyPatch) -> None:
    """Have files of ``FORMAT`` name a module, which runs when they are loaded."""
    modules: dict[str, nn.Module] = {}

    def write(graph, path, format):
        path.write_text(f'{len(modules)}')
        modules[path.read_text()] = graph.module
        return dict.fromkeys(graph.outputs, 0.0)

    def load(path):
        module = modules[path.read_text()]
        return lambda inputs: module(*inputs.values())

    patch.setattr(exporting, 'export_graph', write)
    patch.setitem(FORMATS, FORMAT, FORMATS[FORMAT]._replace(load=load))


def export_small(
    model: nn.Module, model_cfg: dict, folder: Path, format: str = FORMAT
) -> Path:
    """The folder of a small model, for images of ``SIZE_HW``, standing ones too."""
    config = dict(model=model_cfg, inference_scale=SIZE_HW)
    thresholds = dict(category=0.25)
    sizes = [SIZE_HW, SIZE_HW[::-1]]
    export_model(model, config, folder, sizes, format, thresholds, {'config': 'c'})
    return folder


def frames(number: int) -> list[np.ndarray]:
    """Noise, (H, W, 3) uint8."""
    shape = (number, *SIZE_HW, 3)
    return list(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


def assert_same(found: list[Result], expected: list[Result]) -> None:
    """The same instances in the same order, but for float noise."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert len(one) == len(other)
        np.testing.assert_allclose(one.boxes_xyxy, other.boxes_xyxy, atol=1e-2)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)
        for key in ('labels', 'prompt_ids', 'track_ids'):
            np.testing.assert_array_equal(getattr(one, key), getattr(other, key))
        assert np.mean(np.asarray(one.masks) != np.asarray(other.masks)) < 1e-3
