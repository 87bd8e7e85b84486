"""``uninext train --dry-run``: what training would draw, without training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.datasets import MultiTaskDataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of dry runs."""
    group = parser.add_argument_group('dry run')
    group.add_argument(
        '--dry-run',
        action='store_true',
        help='do not train: read the data, and print how often each source is drawn',
    )
    for name, default, what in (
        ('--dry-run-ranks', 1, 'processes to simulate'),
        ('--dry-run-batches', 2000, 'batches of each process; default %(default)s'),
    ):
        group.add_argument(name, type=int, default=default, metavar='N', help=what)
    group.add_argument(
        '--dry-run-images',
        type=Path,
        metavar='DIR',
        help='save 2 samples of each source, drawn',
    )


def dry_run(cfg: Config, args: argparse.Namespace) -> None:
    """Read the data, probe it, draw from it, print the table, save images.

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
    from uninext.analysis import training_draws as draws

    dataset = draws.build_dataset(cfg)
    check_sizes(dataset)
    samplers = [draws.build_sampler(cfg, dataset, r) for r in range(args.dry_run_ranks)]
    mixture = draws.simulate(dataset, samplers, args.dry_run_batches)
    print(f'\n{args.dry_run_ranks} ranks x {args.dry_run_batches} batches')
    print(mixture.table())
    if args.dry_run_images is not None:
        sampler = draws.build_sampler(cfg, dataset, 0)
        drawn = draws.first_draws(dataset, sampler, args.dry_run_batches)
        draws.save_samples(dataset, drawn, args.dry_run_images)


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
