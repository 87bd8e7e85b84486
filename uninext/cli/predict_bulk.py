"""``uninext predict --shards``, ``--engine``: many sources, results in shards."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import EXIT_INCOMPLETE, EXIT_INTERRUPTED, speed_of
from uninext.cli.predict_plan import DEFAULT_OUT
from uninext.cli.predict_prompts import given_prompts, given_thresholds
from uninext.cli.predict_report import NUM_NAMED, Problems

if TYPE_CHECKING:
    from uninext.apis.bulk import BulkReport, Question

# Compared with uninext.apis.bulk by tests: --help may import nothing heavy.
SHARDS = ('parquet', 'coco')
ENGINES = ('local', 'ray')
SHARD_SIZE = 1000
# Options of one run over few sources.
_OTHERS = {'save': None, 'fps': None, 'limit': None, 'show': False}
_OTHERS |= {'overwrite': False, 'strict': False, 'prompts': None}


def add_bulk(group: Any) -> None:
    """Add the options of bulk prediction."""
    group.add_argument(
        '--shards',
        choices=SHARDS,
        help='write results as shards into --out: tables of Parquet, or label sets of '
        'COCO; what is there is not done again; default with --engine: parquet',
    )
    group.add_argument(
        '--engine',
        choices=ENGINES,
        help='who does it: this process, or workers of Ray; default with --shards: '
        'local',
    )
    group.add_argument(
        '--workers',
        type=int,
        metavar='N',
        help="of Ray; default: the cluster's GPUs, else its CPUs",
    )
    group.add_argument(
        '--address',
        help='of a cluster of Ray; default: the one that Ray finds, else this machine',
    )
    group.add_argument(
        '--shard-size',
        type=int,
        metavar='N',
        help=f'images of a shard, a video is one; default {SHARD_SIZE}',
    )
    group.add_argument(
        '--column',
        metavar='NAME',
        help='of the images in Parquet files: paths, or contents of files; default: '
        'image, bytes, path or file_name',
    )


def is_bulk(args: argparse.Namespace) -> bool:
    """Whether shards are wanted.

    Raises:
        ValueError: If options do not go together.
    """
    wanted = args.shards is not None or args.engine is not None
    given = [name for name in ('workers', 'address') if getattr(args, name) is not None]
    if given and args.engine != 'ray':
        raise ValueError(f'--{given[0]} is of --engine ray. Add it.')
    for name in ('shard_size', 'column'):
        if getattr(args, name) is not None and not wanted:
            raise ValueError(f'{_option(name)} is of bulk prediction. Add --shards.')
    if not wanted:
        return False
    given = [name for name, empty in _OTHERS.items() if getattr(args, name) != empty]
    if given:
        raise ValueError(
            f'{_option(given[0])} does not go with --shards or --engine, which do '
            'whole sources, and write shards alone. Leave it out.'
        )
    for name in ('workers', 'shard_size'):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ValueError(f'{_option(name)} must be at least 1, got {value}.')
    return True


def _option(name: str) -> str:
    return f'--{name.replace("_", "-")}'


def run_bulk(args: argparse.Namespace) -> int:
    """Predict in bulk as the arguments say.

    Returns:
        0; 3 if a part of the sources could not be used; 130 after Ctrl-C.
    """
    from uninext.apis.bulk import BulkReport, predict_in_bulk

    report = BulkReport(args.out or Path(DEFAULT_OUT))
    is_stopped = False
    with Problems(ends_with_job=False, is_strict=False) as problems:
        question = _question(args)
        try:
            predict_in_bulk(
                args.source,
                report.folder,
                question,
                shard_size=args.shard_size or SHARD_SIZE,
                column=args.column,
                engine=args.engine or 'local',
                num_workers=args.workers,
                address=args.address,
                progress=False if args.quiet else None,
                report=report,
            )
        except KeyboardInterrupt:
            is_stopped = True
    if not args.quiet:
        print('\n'.join([*_lines(report, is_stopped), *problems.lines()]))
    if is_stopped:
        return EXIT_INTERRUPTED
    is_whole = not (report.errors or report.not_done or problems.messages)
    return 0 if is_whole else EXIT_INCOMPLETE


def _question(args: argparse.Namespace) -> Question:
    from uninext.apis import UninextInferencer
    from uninext.apis.bulk import Question
    from uninext.apis.networks import model_stamp

    options = speed_of(args)
    if args.scale is not None:
        options['scale'] = tuple(args.scale)
    make_find = partial(
        UninextInferencer, args.model, args.checkpoint, args.device, **options
    )
    return Question(
        make_find,
        dict(
            given_prompts(args),
            score_thr=given_thresholds(args),
            max_objects=args.max_objects,
        ),
        dict(options, model=model_stamp(args.model, args.checkpoint)),
        layout=args.shards or 'parquet',
        as_video=args.as_video,
        keep_lost=args.keep_lost,
        init_score_thr=args.init_score_thr,
        batch_size=args.batch_size,
    )


def _lines(report: BulkReport, is_stopped: bool) -> list[str]:
    """What was done, for people."""
    lines = []
    if is_stopped:
        lines.append('stopped; shards are kept, and the same command goes on')
    if report.num_written:
        counts = [f'{n} x {name}' for name, n in report.found.most_common()]
        found = ', '.join(counts) or 'nothing'
        lines.append(f'found in {report.num_images} images and frames: {found}')
    lines += _named('could not be used', report.errors)
    lines += _named('not done, workers died: run again', report.not_done)
    before = f', {report.num_before} were there' if report.num_before else ''
    lines.append(f'{report.num_written} shards written to {report.folder}{before}')
    return lines


def _named(what: str, messages: list[str]) -> list[str]:
    """How many there are, and the first of them."""
    if not messages:
        return []
    more = len(messages) - NUM_NAMED
    rest = [f'  and {more} more'] if more > 0 else []
    shown = [f'  {message}' for message in messages[:NUM_NAMED]]
    return [f'{len(messages)} {what}:', *shown, *rest]
