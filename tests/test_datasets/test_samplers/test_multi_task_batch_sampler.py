from __future__ import annotations

from collections import Counter
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from uninext.datasets import MultiTaskDataset, SampleDraw, SamplingTable
from uninext.datasets.samplers import MultiTaskBatchSampler
from uninext.registry import DATA_SAMPLERS


class Toy:
    """Only what a sampler sees of a dataset."""

    def __init__(self, size: int, masks: float = 1.0, labels: int = 1) -> None:
        rng = np.random.RandomState(size)
        counts = rng.randint(1, 3, size)
        self.table = SamplingTable(
            landscape=rng.rand(size) < 0.7,
            has_masks=rng.rand(size) < masks,
            labels=rng.randint(0, labels, counts.sum()).astype(np.int32),
            offsets=np.concatenate([[0], np.cumsum(counts)]),
        )

    def __len__(self) -> int:
        return len(self.table)

    def sampling_table(self) -> SamplingTable:
        return self.table


def make(seed: int = 1, rank: int = 0, batch_size: int = 2, **kwargs):
    dataset = MultiTaskDataset(
        [
            dict(name='a', dataset=Toy(1000, masks=0.5), ratio=3.0),
            dict(name='b', dataset=Toy(50), ratio=1.0, batch_size=4),
            dict(name='c', dataset=Toy(7), ratio=1.0),
        ]
    )
    sampler = SimpleNamespace(dataset=dataset, seed=seed, rank=rank)
    return MultiTaskBatchSampler(sampler, batch_size, **kwargs)


def take(sampler, count: int) -> list:
    return list(islice(sampler, count))


@pytest.mark.parametrize('batch_size', [0, -1, 1.5, None])
def test_bad_batch_size(batch_size):
    with pytest.raises(ValueError, match='batch_size is'):
        make(batch_size=batch_size)


def test_empty_source_is_an_error():
    dataset = MultiTaskDataset(
        [dict(name='a', dataset=Toy(3)), dict(name='none', dataset=Toy(0))]
    )
    with pytest.raises(ValueError, match="'none' has no samples"):
        MultiTaskBatchSampler(SimpleNamespace(dataset=dataset, seed=0, rank=0), 2)


def test_batches_are_of_one_kind_and_of_the_size_of_their_source():
    sampler = make()
    dataset = sampler.sampler.dataset
    for batch in take(sampler, 2000):
        assert all(isinstance(draw, SampleDraw) for draw in batch)
        places = [dataset.locate(draw.index) for draw in batch]
        (source,) = {place[0] for place in places}
        table = dataset.sampling_tables[source]
        assert len({table.landscape[i] for _, i in places}) == 1
        assert len({table.has_masks[i] for _, i in places}) == 1
        assert len(batch) == (2, 4, 2)[source]


def test_samples_have_the_shares_of_the_ratios():
    sampler = make()
    locate = sampler.sampler.dataset.locate
    count: Counter[int] = Counter()
    for batch in take(sampler, 20000):
        count[locate(batch[0].index)[0]] += len(batch)
    total = sum(count.values())
    for source, share in enumerate([0.6, 0.2, 0.2]):
        assert abs(count[source] / total - share) < 0.01


def test_samples_of_a_source_are_equally_likely():
    sampler = make()
    drawn = [d.index for batch in take(sampler, 20000) for d in batch]
    counts = np.bincount([i for i in drawn if i >= 1050], minlength=1057)[1050:]
    assert len(counts) == 7
    # seven cells: the chi-square statistic exceeds 22.5 once in a thousand
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 22.5


def test_class_aware_source_follows_its_weights():
    toy = Toy(20)
    toy.table = SamplingTable(
        landscape=np.zeros(20, bool),
        has_masks=np.zeros(20, bool),
        labels=np.array([0] * 19 + [1], np.int32),
        offsets=np.arange(21),
    )
    dataset = MultiTaskDataset([dict(name='a', dataset=toy, class_aware=True)])
    sampler = MultiTaskBatchSampler(SimpleNamespace(dataset=dataset, seed=0, rank=0), 2)
    drawn = np.array([d.index for batch in take(sampler, 4000) for d in batch])
    assert abs((drawn == 19).mean() - 0.5) < 0.02


def test_it_tells_what_it_draws_of():
    assert make().describe() == {
        'a': [pytest.approx(0.6), 2, 1000],
        'b': [pytest.approx(0.2), 4, 50],
        'c': [pytest.approx(0.2), 2, 7],
    }


def test_stream_is_a_function_of_seed_and_rank():
    first = take(make(), 3000)
    assert take(make(), 3000) == first
    assert take(make(seed=2), 3000) != first
    assert take(make(rank=1), 3000) != first
    assert take(make(seed=None), 10) == take(make(seed=0), 10)
    argument = make(seed=7)
    assert take(make(seed=2, rank=0), 5) != take(argument, 5)


def test_seeds_of_samples_differ():
    seeds = [draw.seed for batch in take(make(), 3000) for draw in batch]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62


@pytest.mark.parametrize('count', [0, 1, 1234, 50_000])
def test_skip_drops_the_first(count):
    reference = take(make(), count + 50)[count:]
    skipped = make()
    skipped.skip(count)
    assert take(skipped, 50) == reference


@pytest.mark.parametrize('offset', [-1, 0, 1])
@pytest.mark.parametrize('edge', ['epoch', 'chunk', 'second chunk', 'source'])
def test_skip_to_an_edge(edge, offset):
    """Where others lose or repeat samples: all that remain are compared, in order."""
    chunks = make()
    chunks._draw_chunk()
    edges = {'epoch': len(chunks), 'chunk': len(chunks._pending)}
    chunks._draw_chunk()
    edges['second chunk'] = len(chunks._pending)
    sizes = [len(batch) for batch in take(make(), 400)]
    edges['source'] = sizes.index(4)  # the first of another source
    count = edges[edge] + offset
    skipped = make()
    skipped.skip(count)
    assert take(skipped, 3000) == take(make(), count + 3000)[count:]


def test_iterating_again_goes_on():
    reference = take(make(), 20)
    sampler = make()
    assert take(sampler, 5) + take(sampler, 15) == reference
    sampler.skip(3)
    assert take(sampler, 2) == take(make(), 25)[23:]


def test_negative_skip():
    with pytest.raises(ValueError, match='Cannot skip -1'):
        make().skip(-1)


def test_plain_dataset_gives_plain_indices():
    dataset = Toy(30)
    sampler = MultiTaskBatchSampler(SimpleNamespace(dataset=dataset, seed=0, rank=0), 3)
    batches = take(sampler, 100)
    assert all(len(b) == 3 and all(type(i) is int for i in b) for b in batches)
    assert {i for b in batches for i in b} == set(range(30))
    assert len(sampler) == 10


@pytest.mark.parametrize('ranks', [1, 2, 3])
def test_length_is_that_of_one_rank(ranks):
    dataset = Toy(30)
    for rank in range(ranks):
        sampler = SimpleNamespace(dataset=dataset, seed=0, rank=rank, world_size=ranks)
        assert len(MultiTaskBatchSampler(sampler, 3)) == 10 // ranks


def test_built_as_mmengine_builds_it():
    dataset = MultiTaskDataset([dict(name='a', dataset=Toy(30))])
    sampler = DATA_SAMPLERS.build(
        dict(type='DefaultSampler', shuffle=True),
        default_args=dict(dataset=dataset, seed=11),
    )
    batch_sampler = DATA_SAMPLERS.build(
        dict(type='MultiTaskBatchSampler'),
        default_args=dict(sampler=sampler, batch_size=4),
    )
    assert (batch_sampler.seed, batch_sampler.rank) == (11, 0)
    assert len(take(batch_sampler, 1)[0]) == 4
