"""Endless batches, each of one source and one orientation."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from uninext.datasets.multi_task_dataset import (
    MultiTaskDataset,
    SampleDraw,
    Source,
    sampling_table_of,
)
from uninext.datasets.samplers.class_aware_sampler import class_aware_weights
from uninext.registry import DATA_SAMPLERS

CHUNK = 4096  # draws made at a time
NUM_GROUPS = 4  # orientation x (masks or none), see SamplingTable.groups


@DATA_SAMPLERS.register_module()
class MultiTaskBatchSampler(Sampler[list]):
    """Draw samples of several sources and gather them into batches.

    A source is drawn with probability proportional to its ratio, then a sample of it
    uniformly (or by class-aware weights), with replacement. Samples wait in buckets of
    equal source, orientation and presence of masks; a full bucket is a batch. So
    *samples* of a source appear by its ratio, batches by ratio / batch size.

    Every rank draws its own stream, a function of (seed, rank) alone. The stream goes
    on where the last iteration stopped; :meth:`skip` moves it without loading data.

    Follows: method section 3.3.

    Args:
        sampler: Carries ``dataset`` and ``seed`` (mmengine builds it from the
            dataloader's config, e.g. ``DefaultSampler``); its order is not used. If its
            dataset is not a :class:`MultiTaskDataset` it is taken as one source and
            batches hold plain indices.
        batch_size: Of sources that name none of their own.
        seed: Default: the sampler's.

    Raises:
        ValueError: If the batch size is not a positive integer, or a source is empty.
    """

    def __init__(self, sampler: Any, batch_size: int, seed: int | None = None) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'batch_size is {batch_size!r}; expected at least 1.')
        self.sampler = sampler
        self.batch_size = batch_size
        self.seed = int(getattr(sampler, 'seed', None) or 0) if seed is None else seed
        self.rank = getattr(sampler, 'rank', get_dist_info()[0])
        self.num_ranks = getattr(sampler, 'world_size', get_dist_info()[1])
        self._set_sources(sampler.dataset)
        self._chunk = 0
        self._pending: deque[tuple[np.ndarray, np.ndarray]] = deque()
        empty = np.empty(0, dtype=np.int64)
        self._waiting = (empty, empty, empty)  # indices, seeds, buckets

    def __iter__(self) -> Iterator[list[SampleDraw] | list[int]]:
        """Yield batches without end, from where the stream stands."""
        while True:
            while not self._pending:
                self._draw_chunk()
            indices, seeds = self._pending.popleft()
            if self._plain:
                yield indices.tolist()
            else:
                yield [SampleDraw(*d) for d in zip(indices.tolist(), seeds.tolist())]

    def __len__(self) -> int:
        """Batches of this rank when all ranks together have drawn as many samples as
        the sources have."""
        size_per_batch = self.num_ranks / np.sum(self._shares / self._batch_sizes)
        return max(1, int(len(self.sampler.dataset) / size_per_batch))

    def skip(self, num_batches: int) -> None:
        """Move on by this many batches, without loading any sample.

        Raises:
            ValueError: If the number is negative.
        """
        if num_batches < 0:
            raise ValueError(f'Cannot skip {num_batches} batches: time goes forward.')
        while num_batches > 0:
            if not self._pending:
                self._draw_chunk()
            count = min(num_batches, len(self._pending))
            for _ in range(count):
                self._pending.popleft()
            num_batches -= count

    def describe(self) -> dict[str, list[float]]:
        """By the name of each source: its share of samples, batch size, samples."""
        columns = self._names, self._shares, self._batch_sizes, self._sizes
        return {
            name: [float(share), int(batch_size), int(size)]
            for name, share, batch_size, size in zip(*columns)
        }

    def _set_sources(self, dataset: Any) -> None:
        self._plain = not isinstance(dataset, MultiTaskDataset)
        if self._plain:
            sources: tuple[Source, ...] = (Source('data', dataset),)
            tables = (sampling_table_of(dataset),)
        else:
            sources, tables = dataset.sources, dataset.sampling_tables
        for source, table in zip(sources, tables):
            if not len(table):
                raise ValueError(f'Source {source.name!r} has no samples.')
        self._names = [source.name for source in sources]
        ratios = np.array([source.ratio for source in sources], dtype=np.float64)
        self._shares = ratios / ratios.sum()
        self._batch_sizes = np.array([s.batch_size or self.batch_size for s in sources])
        self._sizes = np.array([len(table) for table in tables])
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._groups = np.concatenate([table.groups() for table in tables])
        self._cumulative = [
            np.cumsum(class_aware_weights(table)) if source.class_aware else None
            for source, table in zip(sources, tables)
        ]

    def _draw_chunk(self) -> None:
        """Draw ``CHUNK`` samples; those that fill a bucket become pending batches."""
        drawn = self._draw(np.random.default_rng([self.seed, self.rank, self._chunk]))
        self._chunk += 1
        indices, seeds, buckets = map(np.concatenate, zip(self._waiting, drawn))
        batches, leftover = [], []
        for bucket in np.unique(buckets):
            places = np.flatnonzero(buckets == bucket)
            size = self._batch_sizes[bucket // NUM_GROUPS]
            num_full = len(places) // size * size
            batches += list(places[:num_full].reshape(-1, size))
            leftover.append(places[num_full:])
        batches.sort(key=lambda places: places[-1])  # in the order of completion
        self._pending.extend((indices[places], seeds[places]) for places in batches)
        rest = np.sort(np.concatenate(leftover))
        self._waiting = (indices[rest], seeds[rest], buckets[rest])

    def _draw(
        self, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Concatenated indices, seeds and buckets of ``CHUNK`` draws, int64 each."""
        bounds = np.cumsum(self._shares)[:-1]
        sources = np.searchsorted(bounds, generator.random(CHUNK), side='right')
        place = generator.random(CHUNK)
        seeds = generator.integers(0, 2**63 - 1, CHUNK)
        indices = np.empty(CHUNK, dtype=np.int64)
        for source, cumulative in enumerate(self._cumulative):
            mine = sources == source
            if cumulative is None:
                local = (place[mine] * self._sizes[source]).astype(np.int64)
            else:
                local = np.searchsorted(
                    cumulative, place[mine] * cumulative[-1], side='right'
                )
            # a product rounded up to the end would be one too far
            local = np.minimum(local, self._sizes[source] - 1)
            indices[mine] = local + self._starts[source]
        return indices, seeds, sources * NUM_GROUPS + self._groups[indices]
