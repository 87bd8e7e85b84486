"""The test loop on generated videos, and the prompts that a user would give."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from pycocotools.mask import decode
from torch import nn
from torch.utils.data import DataLoader

from uninext.datasets.samplers import WholeVideoSampler
from uninext.engine import VideoTestLoop
from uninext.models.detectors import UNINEXTVideo
from uninext.registry import DATASETS

from .small_uninext import SIDE

# random weights are never sure of anything
UNSURE = dict(
    category=dict(
        select_score_thr=0.01,
        init_score_thr=0.01,
        obj_score_thr=0.01,
    ),
    box=dict(template_size=SIDE, update=dict(interval=2, min_score=0.0)),
    mask=dict(template_size=SIDE, update=dict(min_score=0.0)),
)


class Keeper(BaseMetric):
    """A metric that evaluates nothing and keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[dict] = []

    def process(self, data_batch: Any, data_samples: list[dict]) -> None:
        self.samples += data_samples
        self.results += [0] * len(data_samples)

    def compute_metrics(self, results: list) -> dict:
        return {'count': len(results)}


def make_loop(
    dataset: dict, model: nn.Module, evaluator: Evaluator, **options: Any
) -> VideoTestLoop:
    """The loop of ``tools/test.py`` over a test set; with its options."""
    dataset = DATASETS.build(dataset)
    loader = DataLoader(
        dataset,
        batch_size=1,
        sampler=WholeVideoSampler(dataset),
        collate_fn=pseudo_collate,
    )
    runner = SimpleNamespace(
        model=model,
        call_hook=lambda *args, **kwargs: None,
        visualizer=SimpleNamespace(),
    )
    return VideoTestLoop(runner, loader, evaluator, **options)


def by_the_loop(
    cfg: Config, model: UNINEXTVideo, root: Path, scale: tuple[int, int]
) -> list[dict]:
    """The samples that the metric of ``tools/test.py`` gets."""
    dataset = cfg.test_dataloader.dataset
    dataset.data_root = f'{root}/'
    (resize,) = [step for step in dataset.pipeline if step.type == 'Resize']
    resize.scale = scale
    keeper = Keeper()
    make_loop(dataset, model, Evaluator(keeper)).run()
    return keeper.samples


def content_of(task: str, root: Path) -> dict:
    file = {'rvos': 'refs', 'mots': 'mot'}.get(task, task)
    return json.loads((root / f'{file}_val.json').read_text())


def prompts_at(task: str, content: dict, index: int) -> list[tuple[Any, dict]]:
    """Name in the evaluation, and arguments of ``add``, of what is new in a frame."""
    if task in ('mot', 'mots', 'vis'):
        names = [category['name'] for category in content['categories']]
        return [(None, dict(categories=names))] if index == 0 else []
    if task == 'rvos':
        ids = [i for record in content['videos'] for i in record['exp_id']]
        texts = [t for record in content['videos'] for t in record['expressions']]
        return [(i, dict(expression=t)) for i, t in zip(ids, texts) if index == 0]
    new = []
    for one in content['annotations']:
        if [i for i, box in enumerate(one['bboxes']) if box][:1] != [index]:
            continue
        x, y, width, height = one['bboxes'][index]
        if task == 'sot':
            new.append((one['object_id'], dict(box=[x, y, x + width, y + height])))
        else:
            rle = one['segmentations'][index]
            new.append((one['object_id'], dict(mask=decode(rle).astype(bool))))
    return new
