"""``uninext train --dry-run``: what training would draw, without training.

A config enters; a table of drawn and expected shares leaves, and pictures if asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from mmengine import Config

    from uninext.datasets import MultiTaskDataset, SampleDraw

DEFAULT_BATCHES = 2000
PICTURES_PER_SOURCE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of dry runs."""
    group = parser.add_argument_group('dry run')
    group.add_argument(
        '--dry-run',
        action='store_true',
        help='do not train: read the data, and print how often each source is drawn',
    )
    group.add_argument(
        '--dry-run-ranks',
        type=int,
        default=1,
        metavar='N',
        help='processes to simulate',
    )
    group.add_argument(
        '--dry-run-batches',
        type=int,
        default=DEFAULT_BATCHES,
        metavar='N',
        help=f'batches of each process; default {DEFAULT_BATCHES}',
    )
    group.add_argument(
        '--dry-run-pictures',
        type=Path,
        metavar='DIR',
        help=f'save {PICTURES_PER_SOURCE} samples of each source, drawn',
    )


@dataclass(frozen=True)
class Mixture:
    """What was drawn of S sources.

    Attributes:
        names: Of the sources.
        ratios: (S,) of the config.
        batch_sizes: (S,).
        sizes: (S,) samples that the sources have.
        samples: (S,) samples drawn.
        batches: (S,) batches drawn.
    """

    names: list[str]
    ratios: np.ndarray
    batch_sizes: np.ndarray
    sizes: np.ndarray
    samples: np.ndarray
    batches: np.ndarray

    def table(self) -> str:
        """The shares as text, a line for each source."""
        columns = (
            _share(self.samples),
            _share(self.ratios),
            _share(self.batches),
            _share(self.ratios / self.batch_sizes),
        )
        width = max(6, *map(len, self.names))
        lines = [
            f'{"source":<{width}}  {"has":>9}  {"ratio":>6}  {"batch":>5}  '
            f'{"samples":>8}  {"expected":>8}  {"batches":>8}  {"expected":>8}'
        ]
        for i, name in enumerate(self.names):
            shares = '  '.join(f'{column[i]:8.2%}' for column in columns)
            lines.append(
                f'{name:<{width}}  {self.sizes[i]:9d}  {self.ratios[i]:6.3g}  '
                f'{self.batch_sizes[i]:5d}  {shares}'
            )
        of_samples = abs(columns[0] - columns[1]).max()
        of_batches = abs(columns[2] - columns[3]).max()
        lines.append(
            f'{self.samples.sum()} samples in {self.batches.sum()} batches; shares '
            f'differ from what is expected by {of_samples:.2%} (samples) and '
            f'{of_batches:.2%} (batches) at most.'
        )
        return '\n'.join(lines)


def dry_run(cfg: Config, args: argparse.Namespace) -> None:
    """Read the data, probe it, draw from it, print the table, save pictures.

    Args:
        cfg: The config of a training.
        args: Parsed arguments of :func:`add_arguments`.

    Raises:
        ValueError: If a number is not positive, or the training set is not a
            ``MultiTaskDataset``.
        DatasetError: If all images that were probed have another size than is stated.
    """
    if min(args.dry_run_ranks, args.dry_run_batches) < 1:
        raise ValueError(
            f'--dry-run-ranks {args.dry_run_ranks} --dry-run-batches '
            f'{args.dry_run_batches}: both must be at least 1.'
        )
    dataset = build_dataset(cfg)
    check_sizes(dataset)
    samplers = [build_sampler(cfg, dataset, r) for r in range(args.dry_run_ranks)]
    mixture = simulate(dataset, samplers, args.dry_run_batches)
    print(f'\n{args.dry_run_ranks} ranks x {args.dry_run_batches} batches')
    print(mixture.table())
    if args.dry_run_pictures is not None:
        sampler = build_sampler(cfg, dataset, 0)
        draws = first_draws(dataset, sampler, args.dry_run_batches)
        save_pictures(dataset, draws, args.dry_run_pictures)


def check_sizes(dataset: MultiTaskDataset) -> None:
    """Compare sizes of some images of each source with what annotations state.

    Training draws another sample in the place of such an image, and warns.

    Raises:
        DatasetError: If all that were probed of a source differ.
    """
    from uninext.datasets import DatasetError
    from uninext.fine_tuning.checks import other_sizes_text, probe_sizes

    for source in dataset.sources:
        other_size, count = probe_sizes(source.dataset)
        if not other_size:
            continue
        text = other_sizes_text(other_size, f'the annotations of {source.name!r}')
        if len(other_size) == count:
            raise DatasetError(text)
        print(f'note: of {count} images that were probed, {text}')


def simulate(
    dataset: MultiTaskDataset, samplers: list[Any], num_batches: int
) -> Mixture:
    """Count what the samplers of all ranks draw.

    Args:
        dataset: Of the training.
        samplers: A ``MultiTaskBatchSampler`` for each rank.
        num_batches: Of each rank.
    """
    import numpy as np

    num_sources = len(dataset.sources)
    samples = np.zeros(num_sources, dtype=np.int64)
    batches = np.zeros(num_sources, dtype=np.int64)
    for sampler in samplers:
        for _, batch in zip(range(num_batches), sampler):
            source, _ = dataset.locate(batch[0].index)
            samples[source] += len(batch)
            batches[source] += 1
    default = samplers[0].batch_size
    return Mixture(
        names=[source.name for source in dataset.sources],
        ratios=np.array([source.ratio for source in dataset.sources]),
        batch_sizes=np.array([s.batch_size or default for s in dataset.sources]),
        sizes=np.array(dataset.source_sizes),
        samples=samples,
        batches=batches,
    )


def first_draws(
    dataset: MultiTaskDataset,
    sampler: Any,
    num_batches: int,
    number: int = PICTURES_PER_SOURCE,
    sources: Sequence[str] | None = None,
) -> dict[str, list[SampleDraw]]:
    """The first draws of each source among the batches of a rank.

    Args:
        dataset: Of the training.
        sampler: A ``MultiTaskBatchSampler``.
        num_batches: That are looked through.
        number: Of draws wanted of a source.
        sources: Names of those that are wanted; None: all.

    Returns:
        Source -> draws, fewer where the batches hold no more.
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


def save_pictures(
    dataset: MultiTaskDataset, draws: Mapping[str, list[SampleDraw]], folder: Path
) -> list[Path]:
    """Load samples and save them as ``<source>_<number>.jpg``.

    Args:
        dataset: Of the training.
        draws: Of each source.
        folder: Is made if absent.

    Returns:
        The files.
    """
    import mmcv

    from uninext.visualization import draw_sample

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for source, of_source in draws.items():
        for number, draw in enumerate(of_source):
            picture = draw_sample(dataset[draw])
            files.append(folder / f'{source}_{number}.jpg')
            mmcv.imwrite(picture[..., ::-1], str(files[-1]))
            print(files[-1])
        if not of_source:
            print(f'{source}: not drawn in so many batches; look through more.')
    return files


def build_dataset(cfg: Config) -> MultiTaskDataset:
    """Build the training set of a config.

    Raises:
        ValueError: If it is no ``MultiTaskDataset``.
    """
    from uninext.utils.optional_imports import import_mmdet_quietly

    import_mmdet_quietly()
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


def _share(numbers: np.ndarray) -> np.ndarray:
    return numbers / numbers.sum()
