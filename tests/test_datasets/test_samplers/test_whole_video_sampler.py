"""WholeVideoSampler: whole videos, in order, spread evenly."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from torch.utils.data import ConcatDataset

from uninext.datasets.samplers import WholeVideoSampler
from uninext.datasets.samplers import whole_video_sampler as module
from uninext.registry import DATA_SAMPLERS


class Videos:
    """Only what a sampler sees of a dataset."""

    test_mode = True

    def __init__(self, *lengths: int) -> None:
        self.video_starts = np.cumsum([0, *lengths])

    def __len__(self) -> int:
        return int(self.video_starts[-1])


@pytest.fixture
def on_ranks(monkeypatch):
    """Build the sampler of each rank."""

    def build(num_ranks: int, dataset) -> list[WholeVideoSampler]:
        samplers = []
        for rank in range(num_ranks):
            monkeypatch.setattr(module, 'get_dist_info', lambda r=rank: (r, num_ranks))
            samplers.append(WholeVideoSampler(dataset))
        return samplers

    return build


@pytest.mark.parametrize('num_ranks', [1, 3])
def test_no_video(on_ranks, num_ranks):
    for sampler in on_ranks(num_ranks, Videos()):
        assert list(sampler) == []
        assert len(sampler) == 0


def test_one_rank_draws_in_order():
    sampler = WholeVideoSampler(Videos(3, 1, 4))
    assert list(sampler) == list(range(8)) == list(sampler)
    assert len(sampler) == 8


@pytest.mark.parametrize('num_ranks', [2, 3, 7])
def test_videos_stay_whole(on_ranks, num_ranks):
    lengths = np.random.RandomState(0).randint(1, 30, 25)
    dataset = Videos(*lengths)
    samplers = on_ranks(num_ranks, dataset)
    drawn = [list(sampler) for sampler in samplers]
    assert sorted(sum(drawn, [])) == list(range(len(dataset)))
    assert [len(d) for d in drawn] == [len(s) for s in samplers]
    assert max(map(len, drawn)) - min(map(len, drawn)) <= lengths.max()
    starts = set(dataset.video_starts.tolist())
    for frames in drawn:
        for before, frame in zip([None, *frames], frames):
            assert frame in starts or frame == before + 1


@pytest.mark.parametrize('num_ranks', [2, 3])
def test_ranks_end_together(on_ranks, num_ranks):
    """Within the bound of longest-first of the best sharing, found by trying all.

    Paper: Graham, Bounds on Multiprocessing Timing Anomalies, Theorem 3.
    """
    random = np.random.RandomState(1)
    for _ in range(5):
        lengths = random.randint(1, 30, 6)
        best = min(
            np.bincount(sharing, lengths).max()
            for sharing in product(range(num_ranks), repeat=len(lengths))
        )
        longest = max(map(len, on_ranks(num_ranks, Videos(*lengths))))
        assert best <= longest <= (4 / 3 - 1 / (3 * num_ranks)) * best


def test_longest_go_first(on_ranks):
    first, second = on_ranks(2, Videos(2, 9, 3, 4))
    assert list(first) == [*range(2, 11)]
    assert list(second) == [0, 1, *range(11, 18)]


def test_more_ranks_than_videos(on_ranks):
    assert [len(s) for s in on_ranks(3, Videos(2, 1))] == [2, 1, 0]


def test_several_sets(on_ranks):
    parts = ConcatDataset([Videos(2, 3), ConcatDataset([Videos(1), Videos(4)])])
    assert module.video_spans(parts) == [(0, 2), (2, 5), (5, 6), (6, 10)]
    assert list(WholeVideoSampler(parts)) == list(range(10))


@pytest.mark.parametrize(
    'dataset',
    [[1, 2], SimpleNamespace(test_mode=False, video_starts=np.zeros(1))],
    ids=['no videos', 'training'],
)
def test_needs_videos_in_test_mode(dataset):
    with pytest.raises(ValueError, match='test_mode=True'):
        WholeVideoSampler(dataset)


def test_is_registered():
    cfg = dict(type='WholeVideoSampler', dataset=Videos(2), seed=None)
    assert list(DATA_SAMPLERS.build(cfg)) == [0, 1]
