"""``uninext train --data``: its arguments, and what people read of a fine-tuning."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from uninext.cli import dry_run
from uninext.cli.common import load_config

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.apis.calibration import Calibrated
    from uninext.engine import UninextRunner
    from uninext.fine_tuning import FineTuning, OwnPart

EPILOG = """\
your own data:
  uninext train --data my_coco.json --images DIR --from uninext_tiny
  uninext train --data names.json expressions.json --images DIR --from WEIGHTS.pth
  uninext train --data my_videos.json --images DIR --from WEIGHTS.pth --freeze backbone
The config of the run is printed and is WORK_DIR/config.py. docs/tutorials has more.
"""
LINE = '-' * 72
MOST_CALIBRATED = 200  # held-out images that the score threshold is found by
Train = Callable[['Config', argparse.Namespace], 'UninextRunner']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of fine-tuning."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    group = parser.add_argument_group(
        'your own data', 'without a config, or with that of the model to start from'
    )
    group.add_argument(
        '--data',
        nargs='+',
        metavar='JSON',
        help='annotations in the format of COCO (with "expressions": [...]) or of '
        'YouTube-VIS; one file of categories and one of expressions may be mixed; or a '
        'folder with annotations and images',
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
        help='annotations to evaluate on; a part of --data is held out if absent',
    )
    group.add_argument(
        '--val-images', nargs='+', default=[], metavar='DIR', help='of --val-data'
    )
    group.add_argument(
        '--val-fraction',
        type=float,
        default=0.15,
        metavar='SHARE',
        help='share of images or videos that is held out; default 0.15',
    )
    group.add_argument(
        '--val-expressions',
        type=int,
        metavar='N',
        help='evaluate images by the first N expressions; default all',
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
        help='do not evaluate the start model for comparison',
    )


def check(args: argparse.Namespace) -> None:
    """Refuse what does not go together.

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
        '--val-expressions': args.val_expressions is not None,
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
    """Prepare, evaluate, train, evaluate again, and say what to do next."""
    plan = prepare(args)
    args.config = str(plan.work_dir / 'config.py')
    cfg = load_config(args)
    apply_options(cfg, args)
    if args.dry_run:
        dry_run.dry_run(cfg, args)
        print(f'\nNothing was trained. Go on: uninext train {args.config}')
        return
    before = _evaluated_before(args, plan, cfg)
    print(f'\n[2/3] Training: {cfg.train_cfg.max_iters} iterations')
    runner = train(cfg, args)
    after: Mapping[str, float] = {}
    if plan.is_evaluated:
        from uninext.fine_tuning.report import evaluate

        print('\n[3/3] The fine-tuned model on what was held out')
        after = evaluate(runner)
    _report(plan, before, after, runner, args.device)


def prepare(args: argparse.Namespace) -> FineTuning:
    """Read the data, find the model, write ``WORK_DIR/config.py`` and print it."""
    from uninext import fine_tuning
    from uninext.fine_tuning.work_dir import CONFIG, DATA, begin_run, check_run_folder

    numbers = ('iters', 'batch_size', 'lr', 'val_expressions')
    fine_tuning.check_numbers(**{name: getattr(args, name) for name in numbers})
    work_dir = Path(args.work_dir or _default_work_dir(args))
    inputs = [*args.data, *args.val_data, *filter(None, [args.start, args.config])]
    check_run_folder(work_dir, inputs, args.overwrite)
    start = fine_tuning.find_start(args.start, args.config)
    parts = fine_tuning.read_own_data(
        args.data,
        args.images,
        args.val_data,
        args.val_images,
        split_dir=work_dir / DATA,
        val_fraction=args.val_fraction,
    )
    for part in parts:
        _tell_of(part, bool(args.val_data))
    plan = fine_tuning.FineTuning(
        start=start,
        parts=parts,
        work_dir=work_dir,
        num_iters=args.iters or fine_tuning.default_iters(parts, args.batch_size),
        batch_size=args.batch_size,
        lr=args.lr,
        freeze=args.freeze,
        val_expressions=args.val_expressions,
    )
    _tell_of_start(plan)
    text = fine_tuning.config_text(plan)
    removed = begin_run(work_dir, text)
    if removed:
        print(f'\nRemoved: {", ".join(p.name for p in removed)} of the run before')
    print(f'\n{work_dir / CONFIG}:\n{LINE}\n{text.rstrip()}\n{LINE}')
    return plan


def _default_work_dir(args: argparse.Namespace) -> Path:
    return Path('work_dirs') / f'fine_tune_{Path(args.data[0]).stem}'


def _tell_of(part: OwnPart, is_given: bool) -> None:
    train, val = part.train, part.val
    print(f'{train.kind.source} to learn from: {train.summary()}')
    for note in train.notes:
        print(f'  note: {note}')
    how = 'given' if is_given else 'held out'
    print(f'{val.kind.source} to evaluate on ({how}): {val.summary()}')
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
        what = 'evaluated by boxes alone' if plan.is_evaluated else 'not evaluated'
        print(f'  not all objects to evaluate on have masks: {what}')


def _evaluated_before(
    args: argparse.Namespace, plan: FineTuning, cfg: Config
) -> Mapping[str, float]:
    """Metrics of the start model; none where they are not asked for."""
    if args.no_baseline or not plan.is_evaluated:
        return {}
    from uninext.fine_tuning import report
    from uninext.fine_tuning.work_dir import PREDICTIONS, START
    from uninext.utils.files import FileError

    print('\n[1/3] The start model on what was held out (--no-baseline: skip)')
    folder = plan.work_dir / START
    try:
        runner = report.start_runner(cfg, folder)
        metrics = report.evaluate(runner)
        report.draw_held_out(plan, runner, folder / PREDICTIONS)
        return metrics
    except FileError as error:
        raise ValueError(
            f'The start model cannot be evaluated: {error}\n'
            '--no-baseline trains without.'
        ) from error


def _report(
    plan: FineTuning,
    before: Mapping[str, float],
    after: Mapping[str, float],
    runner: UninextRunner,
    device: str,
) -> None:
    """Print metrics side by side, keep them, draw, and say what to type next."""
    from uninext.fine_tuning import report
    from uninext.fine_tuning.page import write_page
    from uninext.fine_tuning.work_dir import CONFIG, METRICS, PAGE
    from uninext.formats.json_file import write_json

    folder = plan.work_dir
    checkpoint = folder / f'iter_{plan.num_iters}.pth'
    threshold = _calibrated(plan, checkpoint, device)
    metrics = ''
    if after:
        metrics = report.metrics_table(before, after)
        print(f'\n{metrics}')
        write_json({'before': before, 'after': after}, folder / METRICS)
        print(f'All metrics: {folder / METRICS}')
    if threshold:
        print(threshold.text)
    sheets = _drawn(plan, runner, threshold)
    commands = [report.predict_command(plan, checkpoint)]
    if plan.is_evaluated:
        commands.append(f'uninext test {folder / CONFIG} {checkpoint}')
    write_page(
        folder / PAGE,
        f'Fine-tuning of {plan.start.weights.name}',
        {
            'Metrics of what was held out': metrics,
            'Score threshold': threshold.text if threshold else '',
            'Next': '\n'.join(commands),
        },
        {
            'Ground truth and predictions of what was held out': sheets,
            'Losses': _curves(folder),
        },
    )
    print(f'Metrics, images before and after, curves: {folder / PAGE}')
    print('\nNext:')
    for command in commands:
        print(f'  {command}')


class _Threshold(NamedTuple):
    """Of categories: what it is, and what it was found by."""

    value: float
    text: str


def _calibrated(plan: FineTuning, checkpoint: Path, device: str) -> _Threshold | None:
    """Find the threshold of the best F1 on held-out images, and store it."""
    held_out = [p.val for p in plan.parts if p.val.kind.source == 'categories']
    if not held_out:
        return None
    from uninext.apis import UninextInferencer
    from uninext.apis.calibration import calibrate
    from uninext.apis.labelled_images import read_labelled_images
    from uninext.checkpoint.thresholds import store_thresholds
    from uninext.fine_tuning.work_dir import CONFIG

    (val,) = held_out
    images = read_labelled_images(val.ann_file, val.images)[:MOST_CALIBRATED]
    find = UninextInferencer(plan.work_dir / CONFIG, checkpoint, device)
    row = calibrate(find, images)['category']
    if row.threshold is None:  # nothing was found
        return None
    store_thresholds(checkpoint, checkpoint, {'category': row.threshold})
    return _Threshold(row.threshold, threshold_text(row, len(images)))


def threshold_text(row: Calibrated, num_images: int) -> str:
    """What a threshold comes to, for people."""
    from uninext.utils.defaults import SCORE_THRESHOLD

    best, usual = (row.scores.f1(t) for t in (row.threshold, SCORE_THRESHOLD))
    halves = f', {row.held_out:.3f} at the threshold of the other half'
    return (
        f'Score threshold {row.threshold:.3f}, stored with the weights: F1 of '
        f'{num_images} held-out images is {best:.3f}'
        f'{"" if math.isnan(row.held_out) else halves}; at {SCORE_THRESHOLD:g} it is '
        f'{usual:.3f}'
    )


def _drawn(
    plan: FineTuning, runner: UninextRunner, threshold: _Threshold | None
) -> list[tuple[str, Path]]:
    """Captions and contact sheets, before and after."""
    from uninext.fine_tuning.report import SHEET, draw_held_out
    from uninext.fine_tuning.work_dir import PREDICTIONS, START
    from uninext.utils.defaults import SCORE_THRESHOLD

    value = threshold.value if threshold else SCORE_THRESHOLD
    folder = plan.work_dir
    before = folder / START / PREDICTIONS / SHEET
    after = plan.is_evaluated and draw_held_out(
        plan, runner, folder / PREDICTIONS, value
    )
    sheets = [('before', before), (f'after, scores of {value:.2f} and more', after)]
    return [(caption, path) for caption, path in sheets if path and path.is_file()]


def _curves(folder: Path) -> list[tuple[str, Path]]:
    """Caption and file of the curves; none of a run too short to have logged."""
    from uninext.analysis.curves import draw_curves
    from uninext.analysis.run_logs import LOG, read_run
    from uninext.fine_tuning.work_dir import CURVES

    if not any(folder.glob(f'*/{LOG}')):
        return []
    return [('by iteration', draw_curves([read_run(folder)], folder / CURVES))]
