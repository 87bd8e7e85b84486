"""Several datasets, each under a name, as one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch

from uninext.datasets.sampling_table import SamplingTable
from uninext.registry import DATASETS

MAX_TRIES = 100


class SampleDraw(NamedTuple):
    """A sample as the batch sampler draws it.

    Attributes:
        index: In the concatenation of the sources.
        seed: Of everything random that happens to this sample, 0 <= seed < 2**63.
    """

    index: int
    seed: int


@dataclass(frozen=True)
class Source:
    """One dataset of a :class:`MultiTaskDataset`.

    Attributes:
        name: Unique; samples carry it as meta ``source``.
        dataset: Samples, with ``prepare_data`` as mmengine's ``BaseDataset``.
        ratio: Share of this source among the samples drawn, relative to the others.
        batch_size: Samples in a batch of this source; None: the dataloader's.
        class_aware: Draw rare classes more often
            (:func:`uninext.datasets.samplers.class_aware_weights`) instead of all
            samples equally.
    """

    name: str
    dataset: Any
    ratio: float = 1.0
    batch_size: int | None = None
    class_aware: bool = False


@DATASETS.register_module()
class MultiTaskDataset:
    """Concatenation of named datasets, drawn from by ``MultiTaskBatchSampler``.

    A sample that augmentation or a broken file leaves without objects is drawn anew
    from the same source, among the samples that may share a batch with it (the
    published code draws from any source).

    Args:
        sources: Fields of :class:`Source` each; ``dataset`` may be a config.

    Raises:
        ValueError: If there is no source, a name repeats, a field is unknown or
            missing, or a ratio or batch size is not positive.

    Example:
        >>> dict(type='MultiTaskDataset', sources=[
        ...     dict(name='coco', dataset=coco_train, ratio=2.0, batch_size=2),
        ...     dict(name='refcoco', dataset=refcoco_train, batch_size=4),
        ... ])  # doctest: +SKIP
    """

    def __init__(self, sources: Sequence[dict]) -> None:
        _check_sources(sources)
        self.sources = tuple(
            Source(**{**cfg, 'dataset': _built(cfg['dataset'])}) for cfg in sources
        )
        self._starts = np.cumsum([0, *self.source_sizes])

    def full_init(self) -> None:
        """Initialise the sources (those with ``lazy_init``)."""
        for source in self.sources:
            if hasattr(source.dataset, 'full_init'):
                source.dataset.full_init()

    @property
    def metainfo(self) -> dict:
        """Meta information of the first source."""
        return self.sources[0].dataset.metainfo

    @property
    def source_sizes(self) -> tuple[int, ...]:
        """Number of samples of each source."""
        return tuple(len(source.dataset) for source in self.sources)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def locate(self, index: int) -> tuple[int, int]:
        """Position of the source and index within it, of a concatenated index.

        Raises:
            IndexError: If the index is not in [0, len).
        """
        if not 0 <= index < len(self):
            raise IndexError(f'Sample {index} of {len(self)} does not exist.')
        source = int(np.searchsorted(self._starts, index, side='right')) - 1
        return source, int(index - self._starts[source])

    @cached_property
    def sampling_tables(self) -> tuple[SamplingTable, ...]:
        """What the sampler knows of the samples, for each source."""
        return tuple(sampling_table_of(source.dataset) for source in self.sources)

    def __getitem__(self, draw: SampleDraw | int) -> dict:
        """Load a sample.

        Args:
            draw: With a :class:`SampleDraw` the result depends on nothing else: random
                states are seeded for this sample and restored after it. With an int,
                they are used as they are.

        Raises:
            RuntimeError: If ``MAX_TRIES`` draws of this source gave no sample.
        """
        if not isinstance(draw, SampleDraw):
            return self._fetch(int(draw))
        with seeded(draw.seed):
            return self._fetch(draw.index)

    def _fetch(self, index: int) -> dict:
        position, local = self.locate(index)
        source = self.sources[position]
        alike = None
        for _ in range(MAX_TRIES):
            sample = source.dataset.prepare_data(local)
            if sample is not None:
                sample['data_samples'].set_metainfo({'source': source.name})
                return sample
            if alike is None:
                groups = self.sampling_tables[position].groups()
                alike = np.flatnonzero(groups == groups[local])
            local = int(alike[np.random.randint(len(alike))])
        raise RuntimeError(
            f'Source {source.name!r} gave no usable sample in {MAX_TRIES} draws: no '
            'object is left after its pipeline, or its images cannot be read (see '
            'warnings above). Check its annotations and its crop sizes.'
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed ``random``, numpy and torch (CPU) inside; restore their states after."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed([seed & 0xFFFFFFFF, seed >> 32])
        torch.default_generator.manual_seed(seed)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def sampling_table_of(dataset: Any) -> SamplingTable:
    """The table of a dataset of ours, or one collected from another's samples."""
    if hasattr(dataset, 'sampling_table'):
        return dataset.sampling_table()
    return SamplingTable.from_infos(
        dataset.get_data_info(i) for i in range(len(dataset))
    )


def _built(dataset: Any) -> Any:
    return DATASETS.build(dataset) if isinstance(dataset, dict) else dataset


def _check_sources(sources: Sequence[dict]) -> None:
    if not sources:
        raise ValueError('MultiTaskDataset needs at least one source, got none.')
    known = set(Source.__dataclass_fields__)
    for i, cfg in enumerate(sources):
        if 'name' not in cfg or 'dataset' not in cfg:
            raise ValueError(
                f'Source {i} needs a name and a dataset, got the fields {sorted(cfg)}.'
            )
        unknown = set(cfg) - known
        if unknown:
            raise ValueError(
                f'Source {cfg["name"]!r} has the unknown fields {sorted(unknown)}; '
                f'known are {sorted(known)}.'
            )
        ratio, batch_size = cfg.get('ratio', 1.0), cfg.get('batch_size')
        if not (ratio > 0 and np.isfinite(ratio)):
            raise ValueError(
                f'Source {cfg["name"]!r} has the ratio {ratio}; expected more than 0. '
                'Remove the source if it should not be drawn.'
            )
        if batch_size is not None and (
            not isinstance(batch_size, int) or batch_size < 1
        ):
            raise ValueError(
                f'Source {cfg["name"]!r} has the batch_size {batch_size!r}; expected '
                'a positive integer.'
            )
    names = [cfg['name'] for cfg in sources]
    if len(set(names)) < len(names):
        raise ValueError(f'Names of sources must be unique, got {names}.')
