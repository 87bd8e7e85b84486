"""``uninext train --data``: fine-tune a model on data of your own.

Annotation files and a model enter; a config, checkpoints and a table of figures before
and after leave.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli import dry_run
from uninext.cli.common import load_config

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.fine_tuning.data import OwnPart
    from uninext.fine_tuning.plan import FineTuning, StartModel

EPILOG = """\
your own data:
  uninext train --data my_coco.json --images DIR --from uninext_tiny
  uninext train --data names.json sentences.json --images DIR --from WEIGHTS.pth
  uninext train --data my_videos.json --images DIR --from WEIGHTS.pth --freeze backbone
The config of the run is printed and is WORK_DIR/config.py. docs/tutorials has more.
"""
LINE = '-' * 72
Train = Callable[['Config', argparse.Namespace], Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of fine-tuning.

    Args:
        parser: The parser to add to.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    group = parser.add_argument_group(
        'your own data', 'without a config, or with that of the model to start from'
    )
    group.add_argument(
        '--data',
        nargs='+',
        metavar='JSON',
        help='annotations in the format of COCO (with "expressions": sentences) or of '
        'YouTube-VIS; one file of names and one of sentences may be mixed; or a folder '
        'with annotations and pictures',
    )
    group.add_argument(
        '--images',
        nargs='+',
        default=[],
        metavar='DIR',
        help='folder that file names start from; looked for beside the file if absent',
    )
    group.add_argument(
        '--val-data',
        nargs='+',
        default=[],
        metavar='JSON',
        help='annotations to judge by; a part of --data is held out if absent',
    )
    group.add_argument(
        '--val-images', nargs='+', default=[], metavar='DIR', help='of --val-data'
    )
    group.add_argument(
        '--val-fraction',
        type=float,
        default=0.15,
        metavar='SHARE',
        help='share of pictures or videos that is held out; default 0.15',
    )
    group.add_argument(
        '--from',
        dest='start',
        metavar='MODEL',
        help='what to start from: a name (uninext_tiny, the default) or weights',
    )
    group.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a run that is in the work_dir: config, data and checkpoints',
    )
    _add_schedule_arguments(group)


def _add_schedule_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--iters', type=int, metavar='N', help='iterations; default by size of the data'
    )
    group.add_argument(
        '--batch-size', type=int, default=2, metavar='N', help='default 2'
    )
    group.add_argument(
        '--lr', type=float, help='learning rate; default that of the model'
    )
    group.add_argument(
        '--freeze',
        choices=['none', 'backbone', 'all-but-heads'],
        default='none',
        help='what learns nothing and costs no memory: the image and text backbones; '
        'or all but the heads, where prompts are projected',
    )
    group.add_argument(
        '--no-baseline',
        action='store_true',
        help='do not judge the start model for comparison',
    )


def check(args: argparse.Namespace) -> None:
    """Refuse what does not go together.

    Args:
        args: Parsed arguments of ``uninext train``.

    Raises:
        ValueError: If there is neither a config nor data, or options of data without
            data.
    """
    if args.data is None and args.config is None:
        raise ValueError(
            'Nothing to train. Give a config (uninext train CONFIG.py), or data of '
            'your own (uninext train --data my_coco.json --images DIR).'
        )
    given = {
        '--images': args.images,
        '--val-data': args.val_data,
        '--val-images': args.val_images,
        '--from': args.start,
        '--iters': args.iters is not None,
        '--lr': args.lr is not None,
        '--freeze': args.freeze != 'none',
        '--no-baseline': args.no_baseline,
        '--overwrite': args.overwrite,
    }
    alone = [option for option, value in given.items() if value]
    if args.data is None and alone:
        raise ValueError(
            f'{", ".join(alone)} belong to --data. With a config alone, change the '
            'config, or use --cfg-options.'
        )
    if args.data is not None and args.launcher != 'none':
        raise ValueError(
            '--data prepares and trains in one process. For several, prepare with '
            '--dry-run, then: tools/dist_train.sh WORK_DIR/config.py GPUS'
        )


def run(
    args: argparse.Namespace, apply_options: Callable[..., None], train: Train
) -> None:
    """Prepare, judge, train, judge again, and say what to do next.

    Args:
        args: Parsed arguments of ``uninext train``.
        apply_options: Writes options of training into a config.
        train: Trains a config and returns the runner.
    """
    plan = prepare(args)
    args.config = str(plan.work_dir / 'config.py')
    cfg = load_config(args)
    apply_options(cfg, args)
    if args.dry_run:
        dry_run.dry_run(cfg, args)
        print(f'\nNothing was trained. Go on: uninext train {args.config}')
        return
    before = _judged_before(args, plan, cfg)
    print(f'\n[2/3] Training: {cfg.train_cfg.max_iters} iterations')
    runner = train(cfg, args)
    after: Mapping[str, float] = {}
    if plan.is_judged:
        print('\n[3/3] The fine-tuned model on what was held out')
        from uninext.fine_tuning.short_training import judge_trained

        after = judge_trained(runner)
    _report(plan, before, after)


def prepare(args: argparse.Namespace) -> FineTuning:
    """Read the data, find the model, write and print the config.

    Args:
        args: Parsed arguments of ``uninext train``, with ``data``.

    Returns:
        What is going to be done; ``WORK_DIR/config.py`` is written.

    Raises:
        ValueError: If something cannot be used.
    """
    from uninext.utils.optional_imports import import_mmdet_quietly

    import_mmdet_quietly()
    from uninext.fine_tuning import data
    from uninext.fine_tuning import plan as planning
    from uninext.fine_tuning import work_dir as run_folder

    planning.check_numbers(iters=args.iters, batch_size=args.batch_size, lr=args.lr)
    work_dir = Path(args.work_dir or _default_work_dir(args))
    inputs = [*args.data, *args.val_data, *filter(None, [args.start, args.config])]
    run_folder.check_run_folder(work_dir, inputs, args.overwrite)
    start = planning.find_start(args.start, args.config)
    parts = data.read_own_data(
        args.data,
        args.images,
        args.val_data,
        args.val_images,
        split_dir=work_dir / run_folder.DATA,
        val_fraction=args.val_fraction,
    )
    for part in parts:
        _tell_of(part, bool(args.val_data))
    plan = _plan(args, start, parts, work_dir)
    _tell_of_start(plan)
    text = planning.config_text(plan)
    removed = run_folder.begin_run(work_dir, text)
    if removed:
        print(f'\nRemoved: {", ".join(p.name for p in removed)} of the run before')
    path = work_dir / run_folder.CONFIG
    print(f'\n{path}:\n{LINE}\n{text.rstrip()}\n{LINE}')
    return plan


def _plan(
    args: argparse.Namespace, start: StartModel, parts: list[OwnPart], work_dir: Path
) -> FineTuning:
    from uninext.fine_tuning.plan import FineTuning, default_iters

    iters = args.iters
    if iters is None:
        iters = default_iters(parts, args.batch_size)
    return FineTuning(
        start=start,
        parts=parts,
        work_dir=work_dir,
        num_iters=iters,
        batch_size=args.batch_size,
        lr=args.lr,
        freeze=args.freeze,
    )


def _default_work_dir(args: argparse.Namespace) -> Path:
    return Path('work_dirs') / f'fine_tune_{Path(args.data[0]).stem}'


def _tell_of(part: OwnPart, is_given: bool) -> None:
    train, val = part.train, part.val
    print(f'{train.kind.source} to learn from: {train.summary()}')
    for note in train.notes:
        print(f'  note: {note}')
    how = 'given' if is_given else 'held out'
    print(f'{val.kind.source} to judge by ({how}): {val.summary()}')
    for note in val.notes:
        print(f'  note: {note}')


def _tell_of_start(plan: FineTuning) -> None:
    start = plan.start
    print(
        f'Starting from {start.weights} ({start.config.model.type} of '
        f'{start.config_file.name}); freeze: {plan.freeze}'
    )
    lacking = sum(
        len(p.train.content['annotations']) - p.train.num_masks for p in plan.parts
    )
    if plan.learns_masks_from_boxes:
        print(
            f'  {lacking} objects to learn from have no mask: masks are learned from '
            'boxes and colours as well (BoxInst)'
        )
    if not all(part.val.has_all_masks for part in plan.parts):
        what = 'judged by boxes alone' if plan.is_judged else 'not judged'
        print(f'  not all objects to judge by have masks: {what}')


def _judged_before(
    args: argparse.Namespace, plan: FineTuning, cfg: Config
) -> dict[str, float]:
    """Figures of the start model; none where they are not asked for."""
    if args.no_baseline or not plan.is_judged:
        return {}
    from uninext.fine_tuning.short_training import judge_start
    from uninext.utils.files import FileError

    print('\n[1/3] The start model on what was held out (--no-baseline: skip)')
    try:
        return judge_start(cfg, plan.work_dir / 'start')
    except FileError as error:
        raise ValueError(
            f'The start model cannot be judged: {error}\n--no-baseline trains without.'
        ) from error


def _report(
    plan: FineTuning, before: Mapping[str, float], after: Mapping[str, float]
) -> None:
    """Print the figures side by side, keep them, and say what to type next."""
    from uninext.fine_tuning.plan import figures_table, write_config

    if after:
        print(f'\n{figures_table(before, after)}')
        figures = json.dumps({'before': before, 'after': after}, indent=1)
        path = plan.work_dir / 'figures.json'
        write_config(figures, path)
        print(f'All figures: {path}')
    checkpoint = plan.work_dir / f'iter_{plan.num_iters}.pth'
    config = plan.work_dir / 'config.py'
    print('\nNext:')
    print(f'  {predict_command(plan, checkpoint)}')
    if plan.is_judged:
        print(f'  uninext test {config} {checkpoint}')


def predict_command(plan: FineTuning, checkpoint: Path) -> str:
    """The command that asks the new model for what it has learned.

    Args:
        plan: What was done.
        checkpoint: Weights of the new model.
    """
    from uninext.fine_tuning.plan import near_path

    val = plan.parts[0].val
    record = val.content[val.kind.scenes][0]
    files = record.get('file_names') or [record['file_name']]
    source = Path(near_path(val.images)) / files[0]
    asked = ['--categories', ', '.join(val.names)]
    if val.kind.has_sentences:
        asked = ['--expression', record['expressions'][0]]
    if val.kind.scenes == 'videos':
        source = source.parent
        asked.append('--as-video')
    command = ['uninext', 'predict', str(source), '--model', str(checkpoint), *asked]
    return shlex.join(command)
