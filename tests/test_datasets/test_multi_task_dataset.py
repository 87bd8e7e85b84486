from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from uninext.datasets import MultiTaskDataset, SampleDraw
from uninext.datasets.multi_task_dataset import seeded


class Toy:
    """Samples of random numbers; some never come through the pipeline."""

    def __init__(self, size: int, bad: tuple[int, ...] = (), name: str = 'toy') -> None:
        self.size, self.bad, self.metainfo = size, bad, dict(classes=(name,))
        self.initialised = False

    def __len__(self) -> int:
        return self.size

    def full_init(self) -> None:
        self.initialised = True

    def get_data_info(self, i: int) -> dict:
        return dict(width=1 + i % 2, height=1, instances=[], has_masks=True)

    def prepare_data(self, i: int) -> dict | None:
        numbers = (random.random(), np.random.rand(), torch.rand(1).item())
        if i in self.bad:
            return None
        sample = BaseDataElement(metainfo=dict(index=i, numbers=numbers))
        return dict(data_samples=sample)


def sources(**changes) -> list[dict]:
    return [
        {**dict(name='a', dataset=Toy(3, name='a')), **changes},
        dict(name='b', dataset=Toy(5, name='b')),
    ]


def read(dataset, draw):
    sample = dataset[draw]['data_samples']
    return sample.source, sample.index, sample.numbers


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        ([], 'at least one source'),
        (sources(ratio=0.0), 'ratio 0.0; expected more than 0'),
        (sources(ratio=-1), 'ratio -1'),
        (sources(ratio=float('nan')), 'ratio nan'),
        (sources(name='b'), 'must be unique'),
        (sources(batch_size=0), 'batch_size 0'),
        (sources(ration=1), r"unknown fields \['ration'\]"),
        ([dict(name='a')], 'needs a name and a dataset'),
    ],
    ids=lambda v: v if isinstance(v, str) else '',
)
def test_bad_sources_are_named(cfg, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskDataset(cfg)


def test_concatenation():
    dataset = MultiTaskDataset(sources())
    dataset.full_init()
    assert all(source.dataset.initialised for source in dataset.sources)
    assert (len(dataset), dataset.source_sizes) == (8, (3, 5))
    assert dataset.metainfo == dict(classes=('a',))
    where = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]
    assert [dataset.locate(i) for i in range(8)] == where
    landscape = dataset.sampling_tables[1].landscape
    assert landscape.tolist() == [False, True, False, True, False]
    assert [read(dataset, i)[:2] for i in (0, 3)] == [('a', 0), ('b', 0)]


@pytest.mark.parametrize('index', [-1, 8])
def test_index_out_of_range(index):
    with pytest.raises(IndexError, match='of 8 does not exist'):
        MultiTaskDataset(sources()).locate(index)


def test_sample_is_a_function_of_its_draw():
    dataset = MultiTaskDataset(sources())
    draw = SampleDraw(4, 123456789012345678)
    first = read(dataset, draw)
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    assert read(dataset, draw) == first
    assert read(dataset, SampleDraw(4, 3)) != first
    # both halves of the seed count
    assert (
        read(dataset, SampleDraw(4, 3 + 2**32))[2][1]
        != read(dataset, SampleDraw(4, 3))[2][1]
    )


def test_random_states_are_left_alone():
    def numbers():
        return random.random(), np.random.rand(), torch.rand(1).item()

    expected = numbers()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    with pytest.raises(KeyError), seeded(99):
        numbers()
        raise KeyError
    assert numbers() == expected


def test_failed_sample_is_redrawn_from_its_source_and_group():
    cfg = [
        dict(name='a', dataset=Toy(40, bad=tuple(range(20)))),
        dict(name='b', dataset=Toy(5)),
    ]
    dataset = MultiTaskDataset(cfg)
    redrawn = [read(dataset, SampleDraw(1, seed)) for seed in range(50)]
    assert {r[0] for r in redrawn} == {'a'}
    assert all(r[1] >= 20 and r[1] % 2 == 1 for r in redrawn)
    assert len({r[1] for r in redrawn}) > 3
    assert read(dataset, SampleDraw(1, 7)) == redrawn[7]


def test_hopeless_source_is_named():
    dataset = MultiTaskDataset([dict(name='hopeless', dataset=Toy(2, bad=(0, 1)))])
    with pytest.raises(RuntimeError, match="'hopeless' gave no usable sample in 100"):
        dataset[SampleDraw(0, 1)]
