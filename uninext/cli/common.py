"""What the commands share: options, reading a config, errors for people.

Nothing heavy is imported at the top, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.utils.error_origin import is_for_users, message_of

if TYPE_CHECKING:
    from mmengine import Config

    from uninext.engine import UninextRunner

EXIT_BUG = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
EXIT_BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended
_TRACEBACK_VARIABLE = 'UNINEXT_TRACEBACK'
_BUG = (
    'This is a bug, of uninext or of a module of yours that the config imports.\n'
    'Please report it with the lines above, the command, and what `uninext info` '
    'prints (docs/faq.md).'
)


class UserError(SystemExit):
    """The end of the process after a message for the user; ``code`` is the status."""


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
    """Add the options that name a trained model and where it runs.

    Args:
        parser: The parser, or a group of it, to add to.
    """
    parser.add_argument(
        '--model',
        metavar='NAME|CONFIG|CHECKPOINT',
        help='name of a model, config file, or checkpoint that knows its config; '
        'default: the model that comes along',
    )
    parser.add_argument('--checkpoint', metavar='FILE', help='weights for a config')
    parser.add_argument(
        '--device', default='auto', help="'cpu', 'cuda', ...; default %(default)s"
    )


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
    """Read the config file and apply the options of the command line.

    Args:
        args: Parsed arguments with ``config`` and those of :func:`add_run_arguments`.

    Returns:
        The config, with ``work_dir`` and ``launcher`` set.

    Raises:
        ValueError: If there is no such file, it cannot be read, or an option is not
            ``KEY=VALUE`` or does not fit.
    """
    from uninext.utils.config_files import change_config, read_config_file

    if not Path(args.config).is_file():
        raise ValueError(
            f'There is no config {args.config!r}. Configs to start from are in '
            'configs/uninext/; see docs/configuration.md.'
        )
    cfg = read_config_file(args.config)
    cfg.launcher = args.launcher
    change_config(cfg, parse_options(args.cfg_options))
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    cfg.setdefault('runner_type', 'UninextRunner')
    return cfg


def read_config(name: str | Path) -> Config:
    """Read a config by its path, or by its name among those of this project.

    Raises:
        ValueError: If there is none, it says which ones are close; or it cannot be
            read.
    """
    from uninext.utils.config_files import read_config_file

    if Path(name).is_file():
        return read_config_file(name)
    from uninext.utils.optional_imports import import_mmdet_quietly

    import_mmdet_quietly()
    from uninext.model_zoo import config_path

    return read_config_file(config_path(name))


def parse_options(options: list[str] | None) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` texts as mmengine does.

    Args:
        options: Texts, or None.

    Returns:
        Values by dotted key.

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
    """Build the runner that the config names.

    Args:
        cfg: A whole config.

    Returns:
        The runner.
    """
    from uninext.registry import RUNNERS
    from uninext.utils.optional_imports import import_mmdet_quietly

    import_mmdet_quietly()
    return RUNNERS.build(cfg)


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Print errors that the user can mend as a message, and exit with status 2.

    Which ones those are: :func:`uninext.utils.error_origin.is_for_users`; others pass
    as they are. ``UNINEXT_TRACEBACK=1`` in the environment keeps the traceback.
    """
    try:
        yield
    except Exception as error:
        is_pipe = isinstance(error, BrokenPipeError)  # see run_command
        if os.environ.get(_TRACEBACK_VARIABLE) or is_pipe or not is_for_users(error):
            raise
        _tell(
            f'\nerror: {message_of(error)}\n'
            f'({_TRACEBACK_VARIABLE}=1 shows where in the code.)'
        )
        raise UserError(EXIT_USER_ERROR) from None


@contextlib.contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Print warnings to the user as a line on stderr, without a place in the code."""

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, UserWarning):
            print(f'warning: {message}', file=sys.stderr)
        else:
            shown_before(message, category, *place)

    with warnings.catch_warnings():  # brings back what was there, filters too
        shown_before, warnings.showwarning = warnings.showwarning, show
        warnings.simplefilter('default', UserWarning)
        yield


def run_tool(
    description: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], int | None],
    argv: list[str] | None = None,
) -> int:
    """Parse ``argv`` and run one command: the body of the scripts in ``tools/``.

    Args:
        description: First lines of ``--help``, as they are; examples may follow.
        add_arguments: Adds the command's arguments.
        run: Runs the command; None is 0.
        argv: Arguments; by default those of the process.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
    try:
        return run_command(run, args)
    except UserError as error:
        return int(error.code or 0)


def run_command(
    run: Callable[[argparse.Namespace], int | None], args: argparse.Namespace
) -> int:
    """Run a command; say in words how it ended, if it did not end well.

    Silent if its reader goes away (``uninext ... | head``). A bug shows its traceback,
    and where to report it.

    Args:
        run: Runs the command; None is 0.
        args: Its arguments.

    Returns:
        The exit status: 0, ``EXIT_BUG``, ``EXIT_INTERRUPTED`` after Ctrl-C.

    Raises:
        UserError: With ``EXIT_USER_ERROR``; see :func:`user_errors`.
    """
    try:
        with user_errors():
            status = run(args) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt as stop:
        _tell(f'\n{stop.args[0] if stop.args else "interrupted"}')
        return EXIT_INTERRUPTED
    except Exception:
        if os.environ.get(_TRACEBACK_VARIABLE):
            raise
        traceback.print_exc()
        _tell(f'\n{_BUG}')
        return EXIT_BUG
    return status


def _tell(text: str) -> None:
    """Print to the standard error, once however many processes there are."""
    if os.environ.get('RANK', '0') == '0':
        print(text, file=sys.stderr)
