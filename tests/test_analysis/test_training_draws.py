"""Shares of sources and their first samples, as the training draws them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine import Config

from uninext.analysis import training_draws
from uninext.datasets import MultiTaskDataset
from uninext.datasets.samplers import MultiTaskBatchSampler

ROOT = Path(__file__).resolve().parents[2]
STAGE_3 = ROOT / 'configs' / 'uninext' / 'stage3_video.py'


class Sized:
    """A source of which nothing is known but its size; half of it is landscape."""

    metainfo: dict = {}

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def get_data_info(self, i: int) -> dict:
        return dict(width=1 + i % 2, height=1, instances=[], has_masks=True)


def stage_3() -> MultiTaskDataset:
    """The sources of stage 3, of any sizes."""
    sources = Config.fromfile(STAGE_3).train_dataloader.dataset.sources
    return MultiTaskDataset(
        [{**s, 'dataset': Sized(3 + 17 * i)} for i, s in enumerate(sources)]
    )


def samplers(dataset, ranks, seed=42):
    return [
        MultiTaskBatchSampler(SimpleNamespace(dataset=dataset, seed=seed, rank=r), 2)
        for r in range(ranks)
    ]


def test_stage_3_is_drawn_by_its_ratios():
    """20,000 batches on 4 ranks: shares within 1 % of the whole, and far closer."""
    dataset = stage_3()
    mixture = training_draws.simulate(dataset, samplers(dataset, 4), 5000)
    assert mixture.batches.sum() == 20000
    for drawn, expected in (
        (mixture.samples, mixture.ratios),
        (mixture.batches, mixture.ratios / mixture.batch_sizes),
    ):
        difference = drawn / drawn.sum() - expected / expected.sum()
        assert abs(difference).max() < 0.01
    groups = [3, 4, 2, 5]  # VIS, MOT, R-VOS, SOT
    shares = np.add.reduceat(mixture.samples, np.cumsum([0, *groups[:-1]]))
    assert shares / mixture.samples.sum() == pytest.approx([0.25] * 4, abs=0.01)
    text = mixture.table().splitlines()
    assert len(text) == 1 + 14 + 1
    assert '40000' not in text[-1]  # YouTube-VIS has batches of 4
    assert 'in 20000 batches' in text[-1]


def test_first_draws():
    dataset = stage_3()
    (sampler,) = samplers(dataset, 1)
    draws = training_draws.first_draws(dataset, sampler, 5000)
    names = [source.name for source in dataset.sources]
    assert list(draws) == names
    for name, of_source in draws.items():
        assert len(of_source) == 2
        assert {names[dataset.locate(d.index)[0]] for d in of_source} == {name}
    (sampler,) = samplers(dataset, 1)
    few = training_draws.first_draws(dataset, sampler, 1)
    assert sum(map(len, few.values())) == 2
    (sampler,) = samplers(dataset, 1)
    (wanted,) = training_draws.first_draws(
        dataset, sampler, 5000, 5, ['lasot']
    ).values()
    assert wanted[:2] == draws['lasot']
    assert len(wanted) == 5


def test_sources_that_are_not_drawn_are_named(tmp_path, capsys):
    dataset = stage_3()
    assert training_draws.save_samples(dataset, {'lasot': []}, tmp_path / 'x') == []
    assert 'lasot: not drawn in so many batches' in capsys.readouterr().out
