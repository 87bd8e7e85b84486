"""``uninext test``: the metrics of a checkpoint."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from uninext.cli.common import (
    add_run_arguments,
    add_speed_options,
    build_runner,
    load_config,
    parse_options,
    prepare_process,
    run_tool,
    speed_of,
)

DESCRIPTION = 'Evaluate a checkpoint on the test set of a config.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of testing; they are mmdet's."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='save predictions to this .pkl file')
    parser.add_argument(
        '--show', action='store_true', help='show images of predictions in a window'
    )
    parser.add_argument(
        '--show-dir', help='save images of predictions in work_dir/TIME/SHOW_DIR'
    )
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds a window stays (--show)'
    )
    add_run_arguments(parser)
    add_speed_options(parser)


def run(args: argparse.Namespace) -> None:
    """Test as the arguments say."""
    prepare_process(args)
    _check(args)
    from uninext.utils.config_files import change_config

    cfg = load_config(args)
    cfg.load_from, cfg.resume = args.checkpoint, False
    change_config(cfg, {f'model.test_cfg.{k}': v for k, v in speed_of(args).items()})
    # What a training may take over in part must be whole to be measured.
    cfg.load_allow = parse_options(args.cfg_options).get('load_allow', [])
    if args.show or args.show_dir:
        from mmdet.engine.hooks.utils import trigger_visualization_hook

        cfg = trigger_visualization_hook(cfg, args)
    runner = build_runner(cfg)
    runner.prepare_testing()
    if args.out:
        from mmdet.evaluation import DumpDetResults

        dump = DumpDetResults(out_file_path=args.out)
        runner.test_loop.evaluator.metrics.append(dump)
    runner.test()


def _check(args: argparse.Namespace) -> None:
    path = args.checkpoint
    if '://' not in path and not Path(path).is_file():
        raise ValueError(f'There is no checkpoint {path!r}.')
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise ValueError(f'--out takes the name of a .pkl file, got {args.out!r}.')


main = partial(run_tool, DESCRIPTION, add_arguments, run)  # the script
