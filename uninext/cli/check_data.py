"""``uninext check-data``: all that is wrong with data sets, before training stops."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from uninext.cli.common import EXIT_USER_ERROR, read_config

if TYPE_CHECKING:
    from uninext.datasets.problems import Problems

DESCRIPTION = 'Look for all problems of annotation files and their images at once.'
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is to be checked."""
    parser.add_argument(
        'data',
        metavar='CONFIG|FILE',
        help='a config, all of whose data sets are checked; or an annotation file '
        '(.json) of images in the layout of COCO, or of videos in that of YouTube-VIS',
    )
    parser.add_argument(
        '--images',
        metavar='DIR',
        help='of a FILE: what its file names start from; default: no image is opened',
    )
    parser.add_argument(
        '--no-images',
        action='store_true',
        help='of a CONFIG: do not look at the image files, which takes minutes for '
        'hundreds of thousands',
    )


def run(args: argparse.Namespace) -> int | None:
    """Check, and print what was found; not 0 if there is any problem."""
    is_file = args.data.endswith('.json')
    found = _of_file(args) if is_file else _of_config(args)
    num_sets = num_wrong = 0
    for title, problems in found:
        num_sets += 1
        num_wrong += bool(problems.counts)
        print(title if problems.counts else f'{title}: nothing wrong')
        for line in problems.lines():
            print(f'  {line}')
    if not num_sets:
        raise ValueError(f'{args.data} has no data set with an annotation file.')
    if num_wrong:
        print(f'\n{num_wrong} of {num_sets} sets have problems.')
    return EXIT_USER_ERROR if num_wrong else None


def _of_file(args: argparse.Namespace) -> Iterator[tuple[str, Problems]]:
    from uninext.datasets.problems import (
        find_image_problems,
        find_problems,
        image_files,
    )
    from uninext.formats.coco import read_annotations

    content = read_annotations(args.data)
    problems = find_problems(content, args.data)
    if args.images is not None:
        find_image_problems(image_files(content, args.images), problems)
    yield args.data, problems


def _of_config(args: argparse.Namespace) -> Iterator[tuple[str, Problems]]:
    from uninext.datasets.problems import problems_of_set

    cfg, seen = read_config(args.data), set()
    for loader in _LOADERS:
        for settings in _sets(cfg.get(loader) or {}):
            known = {k: v for k, v in settings.items() if k != 'pipeline'}
            if repr(known) not in seen:
                seen.add(repr(known))
                yield problems_of_set(known, with_images=not args.no_images)


def _sets(cfg: Any) -> Iterator[dict[str, Any]]:
    """The configs of data sets, wherever they are nested in a data loader's."""
    if isinstance(cfg, dict) and 'ann_file' in cfg and 'type' in cfg:
        yield cfg
    elif isinstance(cfg, dict):
        for value in cfg.values():
            yield from _sets(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from _sets(value)
