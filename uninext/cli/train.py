"""``uninext train``: train a config, or fine-tune on data of your own.

``fine_tune`` writes a config first; ``dry_run`` trains nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uninext.cli import dry_run, fine_tune
from uninext.cli.common import (
    add_run_arguments,
    build_runner,
    load_config,
    prepare_process,
    run_tool,
)

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.engine import UninextRunner

DESCRIPTION = 'Train a model, or fine-tune one on your own data.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of training; they are mmdet's."""
    parser.add_argument(
        'config',
        nargs='?',
        help='config file; with --data, that of the model to start from',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision (bfloat16)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue a run: from CHECKPOINT, or from the newest in work_dir',
    )
    parser.add_argument(
        '--replay',
        metavar='FOLDER',
        help='repeat the iteration that was not finite and left FOLDER',
    )
    add_run_arguments(parser)
    fine_tune.add_arguments(parser)
    dry_run.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Train as the arguments say."""
    prepare_process(args)
    fine_tune.check(args)
    if args.replay is not None and (args.data or args.resume or args.dry_run):
        raise ValueError(
            '--replay repeats what was: it takes no --data, --resume or --dry-run.'
        )
    if args.data is not None:
        fine_tune.run(args, apply_train_options, train)
        return
    cfg = load_config(args)
    apply_train_options(cfg, args)
    if args.replay is not None:
        replay(cfg, args)
        return
    (dry_run.dry_run if args.dry_run else train)(cfg, args)


def replay(cfg: Config, args: argparse.Namespace) -> None:
    """Repeat what led to one step, without clipping: its error names parameters then.

    Raises:
        NonFiniteGradient: If it comes out as before.
        ValueError: If the folder holds no such iteration, or one of another number of
            processes.
    """
    folder = Path(args.replay)
    files = folder / 'state.pth', folder / 'rank_0.json'
    if not all(file.is_file() for file in files):
        raise ValueError(
            f'--replay: {folder} does not hold {files[0].name} and {files[1].name}; '
            'expected a folder nonfinite_iter_<n> of a training that stopped.'
        )
    found = json.loads(files[1].read_text())
    size = int(os.environ.get('WORLD_SIZE', '1'))
    if found['world_size'] != size:
        raise ValueError(
            f'--replay: {folder} is of {found["world_size"]} processes, not of {size}: '
            f'tools/dist_train.sh CONFIG {found["world_size"]} --replay {folder}'
        )
    cfg.resume, cfg.load_from = True, str(files[0])
    cfg.work_dir = str(folder / 'replay')
    cfg.train_cfg.max_iters = found['last_iteration'] + 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint = dict(
        type='SafeCheckpointHook', interval=-1, by_epoch=False, save_last=False
    )
    cfg.optim_wrapper.clip_grad = None
    train(cfg, args)
    print(f'Iteration {found["last_iteration"] + 1} came out finite this time.')


def train(cfg: Config, args: argparse.Namespace) -> UninextRunner:
    """Train; what ends it early is in the log file, with its traceback.

    Raises:
        KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGUSR1; says how to go on.
    """
    from uninext.utils.screen import file_only

    runner = build_runner(cfg)
    runner.prepare_training()
    try:
        runner.train()
    except KeyboardInterrupt as stop:
        stop.args = (how_to_go_on(cfg.work_dir, args),)
        raise
    except Exception:  # the screen gets what the error is worth; see run_command
        with file_only(runner.logger):
            runner.logger.warning('The training ended early.', exc_info=True)
        raise
    return runner


def how_to_go_on(work_dir: str, args: argparse.Namespace) -> str:
    """What is saved of an interrupted training, and the command to resume it."""
    from uninext.checkpoint import find_loadable

    saved, _ = find_loadable(work_dir)
    if saved is None:
        return 'interrupted; nothing was saved yet'
    command = ['uninext', 'train', args.config]
    if args.launcher != 'none':
        size = os.environ.get('WORLD_SIZE', 'N')
        command = ['tools/dist_train.sh', args.config, size]
    command += ['--amp'] * args.amp
    if args.work_dir and not args.data:  # what was prepared from data has its folder
        command += ['--work-dir', args.work_dir]
    if args.cfg_options:
        command += ['--cfg-options', *args.cfg_options]
    if args.device != 'auto':
        command += ['--device', args.device]
    return f'interrupted; {saved} is saved. Go on: {shlex.join([*command, "--resume"])}'


def apply_train_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write ``--amp`` and ``--resume`` into the config.

    Raises:
        ValueError: If the checkpoint to resume from is absent.
    """
    if args.amp:
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    if args.resume == 'auto':
        cfg.resume = 'auto'
    elif args.resume is not None:
        cfg.resume = True
        cfg.load_from = args.resume
    load_from = cfg.get('load_from')
    if load_from and '://' not in load_from and not Path(load_from).is_file():
        option = '--resume' if args.resume == load_from else 'load_from'
        raise ValueError(f'{option}: there is no checkpoint {load_from!r}.')


main = partial(run_tool, DESCRIPTION, add_arguments, run)  # the script
