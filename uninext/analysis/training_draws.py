"""What a training draws: shares of its sources, and samples as the network gets them.

Nothing is trained; draws are seeded as the training's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.datasets import MultiTaskDataset, SampleDraw

SAMPLES_PER_SOURCE = 2


@dataclass(frozen=True)
class Mixture:
    """What was drawn of S sources.

    Attributes:
        dataset: With the sources.
        batch_sizes: (S,).
        samples: (S,) samples drawn.
        batches: (S,) batches drawn.
    """

    dataset: MultiTaskDataset
    batch_sizes: np.ndarray
    samples: np.ndarray
    batches: np.ndarray

    @property
    def ratios(self) -> np.ndarray:
        """(S,) of the config."""
        return np.array([source.ratio for source in self.dataset.sources])

    def table(self) -> str:
        """The shares as text, a line for each source."""
        numbers = (self.samples, self.ratios, self.batches)
        columns = [n / n.sum() for n in (*numbers, self.ratios / self.batch_sizes)]
        names = [source.name for source in self.dataset.sources]
        width = max(6, *map(len, names))
        lines = [
            f'{"source":<{width}}  {"has":>9}  {"ratio":>6}  {"batch":>5}  '
            f'{"samples":>8}  {"expected":>8}  {"batches":>8}  {"expected":>8}'
        ]
        for i, name in enumerate(names):
            shares = '  '.join(f'{column[i]:8.2%}' for column in columns)
            size, ratio = self.dataset.source_sizes[i], self.ratios[i]
            lines.append(
                f'{name:<{width}}  {size:9d}  {ratio:6.3g}  {self.batch_sizes[i]:5d}  '
                f'{shares}'
            )
        of_samples = abs(columns[0] - columns[1]).max()
        of_batches = abs(columns[2] - columns[3]).max()
        lines.append(
            f'{self.samples.sum()} samples in {self.batches.sum()} batches; shares '
            f'differ from what is expected by {of_samples:.2%} (samples) and '
            f'{of_batches:.2%} (batches) at most.'
        )
        return '\n'.join(lines)


def simulate(
    dataset: MultiTaskDataset, samplers: list[Any], num_batches: int
) -> Mixture:
    """Count what the batch samplers of all ranks draw in so many batches each."""
    samples, batches = np.zeros((2, len(dataset.sources)), dtype=np.int64)
    for sampler in samplers:
        for _, batch in zip(range(num_batches), sampler):
            source, _ = dataset.locate(batch[0].index)
            samples[source] += len(batch)
            batches[source] += 1
    default = samplers[0].batch_size
    sizes = np.array([source.batch_size or default for source in dataset.sources])
    return Mixture(dataset, sizes, samples, batches)


def first_draws(
    dataset: MultiTaskDataset,
    sampler: Any,
    num_batches: int,
    number: int = SAMPLES_PER_SOURCE,
    sources: Sequence[str] | None = None,
) -> dict[str, list[SampleDraw]]:
    """The first draws of each source among the batches of a rank.

    Args:
        dataset: Of the training.
        sampler: A ``MultiTaskBatchSampler``.
        num_batches: That are looked through.
        number: Of draws wanted of a source; fewer where the batches hold no more.
        sources: Names of those that are wanted; None: all.
    """
    names = [source.name for source in dataset.sources]
    draws = {name: [] for name in (names if sources is None else sources)}
    for _, batch in zip(range(num_batches), sampler):
        name = names[dataset.locate(batch[0].index)[0]]
        if name in draws:
            draws[name] += batch[: number - len(draws[name])]
        if all(len(found) == number for found in draws.values()):
            break
    return draws


def save_samples(
    dataset: MultiTaskDataset, draws: Mapping[str, list[SampleDraw]], folder: Path
) -> list[Path]:
    """Load samples, save them as ``<source>_<number>.jpg``, and return the files."""
    import mmcv

    from uninext.visualization import draw_sample

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for source, of_source in draws.items():
        for number, draw in enumerate(of_source):
            image = draw_sample(dataset[draw])
            files.append(folder / f'{source}_{number}.jpg')
            mmcv.imwrite(image[..., ::-1], str(files[-1]))
            print(files[-1])
        if not of_source:
            print(f'{source}: not drawn in so many batches; look through more.')
    return files


def build_dataset(cfg: Config) -> MultiTaskDataset:
    """Build the training set of a config, which must be a ``MultiTaskDataset``."""
    from mmengine.registry import init_default_scope

    from uninext.registry import DATASETS

    init_default_scope(cfg.get('default_scope', 'uninext'))
    from uninext.datasets import MultiTaskDataset

    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if not isinstance(dataset, MultiTaskDataset):
        raise ValueError(
            'Sources and their samples are shown of a mixture, but the training set '
            f'is a {type(dataset).__name__}; expected a MultiTaskDataset.'
        )
    dataset.full_init()
    return dataset


def build_sampler(cfg: Config, dataset: MultiTaskDataset, rank: int) -> Any:
    """Build the batch sampler of a rank, seeded as the training's."""
    from uninext.registry import DATA_SAMPLERS

    seed = cfg.get('randomness', {}).get('seed') or 0
    return DATA_SAMPLERS.build(
        cfg.train_dataloader.batch_sampler,
        default_args=dict(
            sampler=SimpleNamespace(dataset=dataset, seed=seed, rank=rank),
            batch_size=cfg.train_dataloader.batch_size,
        ),
    )
