"""What the commands share: options, reading a config, errors for people.

Nothing heavy is imported at the top, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.utils.defaults import PRECISIONS
from uninext.utils.error_origin import is_for_users, message_of

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.engine import UninextRunner

EXIT_BUG = 1
EXIT_USER_ERROR = 2
EXIT_INCOMPLETE = 3  # a part of the sources could not be used
EXIT_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
EXIT_BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended
SPEED_OPTIONS = ('precision', 'num_queries', 'compile')
_TRACEBACK_VARIABLE = 'UNINEXT_TRACEBACK'
_HINT = f'({_TRACEBACK_VARIABLE}=1 shows where in the code.)'
_BUG = (
    'This is a bug, of uninext or of a module of yours that the config imports.\n'
    'Please report it with the lines above, the command, and what `uninext info` '
    'prints (docs/faq.md).'
)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share; they are mmdet's."""
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints; default work_dirs/CONFIG'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        metavar='KEY=VALUE',
        help='override entries of the config, e.g. train_cfg.max_iters=100 '
        'train_dataloader.num_workers=0; lists as key="[a,b]"',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes are started; tools/dist_*.sh set it',
    )
    parser.add_argument(
        '--device',
        choices=['auto', 'cpu'],
        default='auto',
        help='cpu: leave GPUs alone',
    )
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS
    )


def add_model_options(parser: argparse._ActionsContainer) -> None:
    """Add the options that name a trained model and where it runs."""
    parser.add_argument(
        '--model',
        metavar='NAME|CONFIG|CHECKPOINT|FOLDER',
        help='name of a model, config file, checkpoint that knows its config, or '
        'folder of uninext export; default: the model that comes along',
    )
    parser.add_argument('--checkpoint', metavar='FILE', help='weights for a config')
    parser.add_argument(
        '--device', default='auto', help="'cpu', 'cuda', ...; default %(default)s"
    )
    add_speed_options(parser)


def add_speed_options(parser: argparse._ActionsContainer) -> None:
    """Add the options that trade exactness for speed; absent: as the config says."""
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        help='number type of the network; bf16 is faster on GPUs and on new CPUs, '
        'results differ a little (docs/inference.md); default: float32',
    )
    parser.add_argument(
        '--num-queries',
        type=int,
        metavar='N',
        help='fewer queries of the decoder: faster, for images with few instances',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        default=None,
        help='compile encoder and decoder (torch.compile): pays on GPUs, in long runs',
    )


def speed_of(args: argparse.Namespace) -> dict[str, Any]:
    """What was given of :func:`add_speed_options`, as the inferencer takes it."""
    given = {name: getattr(args, name) for name in SPEED_OPTIONS}
    return {name: value for name, value in given.items() if value is not None}


def names_of(options: Sequence[str] | None) -> tuple[str, ...] | None:
    """Category names of an option that may be repeated, ``--categories 'a, b'``.

    Raises:
        ValueError: If it was given without a name.
    """
    if options is None:
        return None
    from uninext.structures import parse_categories

    return parse_categories(','.join(options))


def prepare_process(args: argparse.Namespace) -> None:
    """Set what has to be set before torch is imported."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.device == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = '-1'


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the options of :func:`add_run_arguments`.

    Raises:
        ValueError: See :func:`read_config`.
    """
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    cfg.setdefault('runner_type', 'UninextRunner')
    return cfg


def read_config(name: str | Path, options: list[str] | None = None) -> Config:
    """Read a config by its path, or by its name among those of this project.

    Args:
        name: Path or name.
        options: ``KEY=VALUE`` texts, to be changed in it.

    Raises:
        ValueError: If there is none, it says which ones are close; if it cannot be
            read; if an option is not ``KEY=VALUE`` or does not fit.
    """
    from uninext.utils.config_files import change_config, config_path, read_config_file

    cfg = read_config_file(name if Path(name).is_file() else config_path(name))
    change_config(cfg, parse_options(options))
    return cfg


def parse_options(options: list[str] | None) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` texts as mmengine does: values by dotted key.

    Raises:
        ValueError: If a text has no ``=``.
    """
    from mmengine import DictAction

    wrong = [option for option in options or [] if '=' not in option]
    if wrong:
        raise ValueError(f'--cfg-options takes KEY=VALUE, got {wrong}.')
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='+', action=DictAction, default={})
    return parser.parse_args(['--options', *options] if options else []).options


def build_runner(cfg: Config) -> UninextRunner:
    """Build the runner that a whole config names."""
    from uninext.registry import RUNNERS

    return RUNNERS.build(cfg)


Run = Callable[[argparse.Namespace], 'int | None']  # None is 0


def run_tool(
    description: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Run,
    argv: list[str] | None = None,
) -> int:
    """Parse ``argv`` and run one command: the body of the scripts in ``tools/``.

    ``description`` is shown by ``--help`` as it is, examples and all. Returns the
    exit status of :func:`run_command`.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return run_command(run, parser.parse_args(argv))


def run_command(run: Run, args: argparse.Namespace) -> int:
    """Run a command; say in words how it ended, if it did not end well.

    What the user can mend is a message (:func:`uninext.utils.error_origin.is_for_users`
    tells); a bug shows its traceback, and where to report it. Silent if its reader goes
    away (``uninext ... | head``). ``UNINEXT_TRACEBACK=1`` lets every error through.

    Returns:
        The exit status: that of the command, or one of those above.
    """
    try:
        status = run(args) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt as stop:
        if os.environ.get('RANK', '0') == '0':  # it is the same in all processes
            _tell(f'\n{stop.args[0] if stop.args else "interrupted"}')
        return getattr(stop, 'exit_status', EXIT_INTERRUPTED)
    except Exception as error:
        if os.environ.get(_TRACEBACK_VARIABLE):
            raise
        if is_for_users(error):
            _tell(f'\nerror: {message_of(error)}\n{_HINT}')
            return EXIT_USER_ERROR
        traceback.print_exc()
        _tell(f'\n{_BUG}')
        return EXIT_BUG
    return status


def _tell(text: str) -> None:
    """Print to the standard error.

    What fails before processes have found each other fails in all of them: the first
    tells it. After that each tells its own, since an image may be damaged for one
    alone; what several have to say is told once.
    """
    rank = os.environ.get('RANK', '0')
    distributed = sys.modules.get('torch.distributed')
    if distributed is not None and distributed.is_initialized():
        with contextlib.suppress(RuntimeError):  # the process that keeps it has gone
            store = distributed.distributed_c10d._get_default_store()
            if store.add(f'uninext/told/{text}', 1) > 1:
                return
    elif rank != '0':
        return
    if rank != '0':
        text = f'\n[process {rank}] {text.strip()}'
    print(text, file=sys.stderr)
