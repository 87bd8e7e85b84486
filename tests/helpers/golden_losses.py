"""Losses of the first iterations of each stage, as they were recorded.

The configs of the Shapes suite train a toy network on toy images: the runner, the
mixture, pipelines, losses and optimizer are theirs. A recording holds for a version of
torch and an instruction set. ``make golden`` renews that of this machine, or
``PYTHONPATH=.:tests python -m helpers.golden_losses``.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy
import PIL
import skimage
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from uninext.engine import UninextRunner
from uninext.shapes import generate_suite

from .doc_blocks import ROOT
from .small_uninext import CHANGES, SIDE, VIDEO_CHANGES

STAGES = ('stage1_pretrain', 'stage2_image', 'stage3_video')
NUM_ITERS = 20
FOLDER = ROOT / 'tests/data/golden_losses'
# Largest relative differences that count as equal. Measured: none from run to run; with
# 2 threads for 1 and AVX2 for AVX512 up to 2.4e-6 of losses, 6.4e-5 of the gradients.
TOLERANCE, NORM_TOLERANCE = 1e-4, 1e-3
NORM = 'grad_norm'
Losses = dict[str, list[float]]  # by name, one of each iteration


class Change(NamedTuple):
    """The largest relative difference of two recordings of a stage, and where it is."""

    error: float
    name: str
    iteration: int

    def __str__(self) -> str:
        return f'{self.error:.1e} of {self.name} in iteration {self.iteration + 1}'


class _Keep(Hook):
    """Keeps all losses and the norm of the gradients."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.losses: Losses = {}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any, outputs: dict
    ) -> None:
        found = {name: loss.item() for name, loss in outputs.items()}
        found[NORM] = runner.message_hub.get_scalar(f'train/{NORM}').current()
        for name, value in found.items():
            self.losses.setdefault(name, []).append(float(f'{value:.8g}'))


def make_data(folder: Path) -> None:
    """Generate the images and videos that recordings are of."""
    generate_suite(
        folder, (6, 1), (2, 1), (SIDE, SIDE), length=3, report=lambda _: None
    )


def config_of(stage: str, data: Path, work_dir: Path) -> Config:
    """The config of a stage at toy size: no worker, nothing validated or saved."""
    cfg = Config.fromfile(ROOT / f'configs/uninext/{stage}_shapes.py')
    cfg.model.prompt_generator.text_encoder = {}  # a name there: not to be merged
    changes = {**CHANGES, **(VIDEO_CHANGES if 'Video' in cfg.model.type else {})}
    cfg.merge_from_dict(dict(model=changes))
    for key in [k for k in cfg if k.startswith(('val_', 'test_'))]:
        cfg.pop(key)
    cfg.train_dataloader.num_workers = 0
    for source in cfg.train_dataloader.dataset.sources:
        source.batch_size = 2
        source.dataset.data_root = f'{data}/'
        for step in _steps(source.dataset.pipeline):
            if step.type == 'RandomChoiceResize':
                step.scales = [(48, SIDE), (SIDE, SIDE)]
            elif step.type == 'RandomCrop':
                step.crop_size = (40, SIDE)
            elif step.type == 'TemplatePrompt':
                step.size = SIDE
            elif step.type == 'SampleCategoryPrompt':
                step.subset_prob = (
                    0.0  # no batch without an object: all losses are there
                )
    cfg.train_cfg.update(max_iters=NUM_ITERS, val_interval=10**6)
    cfg.default_hooks.update(checkpoint=None, logger=None, timer=None)
    cfg.default_hooks.pop('visualization')
    name = f'{stage}_{work_dir.name}'  # of a logger and a visualizer, which are global
    cfg.update(work_dir=str(work_dir), experiment_name=name, log_level='ERROR')
    cfg.visualizer.name = name
    return cfg


def _steps(pipeline: Sequence[Config]) -> Iterator[Config]:
    for step in pipeline:
        yield step
        yield from _steps(step.get('transforms', ()))


def train(cfg: Config) -> Losses:
    """Train by a config; every loss of every iteration."""
    runner, keep = UninextRunner.from_cfg(cfg), _Keep()
    runner.register_hook(keep)
    runner.train()
    return keep.losses


def largest_change(before: Losses, now: Losses) -> Change:
    """Compare losses of the iterations that both have, relative to their values.

    A loss that only one of them has is infinitely far off, and so is NaN.
    """
    changes = [Change(float('inf'), name, 0) for name in before.keys() ^ now.keys()]
    for name in before.keys() & now.keys():
        for i, (old, new) in enumerate(zip(before[name], now[name])):
            error = abs(new - old) / max(abs(old), 1e-3)
            changes.append(Change(error if error >= 0 else float('inf'), name, i))
    return max(changes)


def without_norm(losses: Losses) -> Losses:
    """The losses alone."""
    return {name: values for name, values in losses.items() if name != NORM}


def recording_path() -> Path:
    """Where the recording of this torch and instruction set is, or would be."""
    release = torch.__version__.split('+')[0]
    machine = platform.machine().lower().replace('amd64', 'x86_64')
    capability = torch.backends.cpu.get_cpu_capability().replace(' ', '_')
    return FOLDER / f'torch_{release}_{machine}_{capability}.json'


def record() -> dict[str, Losses]:
    """Train all stages, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / 'data'
        make_data(data)
        return {s: train(config_of(s, data, Path(folder) / s)) for s in STAGES}


def main() -> None:
    """Record, tell what is new or changed, write."""
    torch.set_num_threads(1)
    path = recording_path()
    before: Mapping[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    now = record()
    for stage, losses in now.items():
        old = before.get('losses', {}).get(stage)
        told = 'new'
        if old:
            change = largest_change(old, losses)
            told = f'changed by up to {change}' if change.error else 'unchanged'
        print(f'{stage}: {len(losses)} numbers of {NUM_ITERS} iterations, {told}')
    libraries = {m.__name__: m.__version__ for m in (numpy, cv2, PIL, skimage)}
    text = json.dumps(dict(libraries=libraries, losses=now), indent=1)
    text = re.sub(r'(?<=[\d\[,])\n +(?=[-\d])|(?<=\d)\n +(?=\])', '', text)  # of lists
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + '\n')
    print(f'Written, to be reviewed and committed: {os.path.relpath(path, ROOT)}')


if __name__ == '__main__':
    main()
