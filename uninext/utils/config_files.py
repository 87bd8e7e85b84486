"""Find and read configs, which are Python of the user: its errors name the file."""

from __future__ import annotations

import copy
import difflib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine import Config

import uninext

_NUM_CLOSE = 3  # names that may have been meant
# Of a config, what a test needs; the rest is most of it, and slow to write to a log.
_TEST_KEYS = (
    *('model', 'test_dataloader', 'test_evaluator', 'test_cfg', 'default_scope'),
    *('env_cfg', 'default_hooks', 'custom_hooks', 'visualizer', 'log_processor'),
    *('log_level', 'randomness'),
)


def read_config_file(path: str | Path) -> Config:
    """Read a ``.py`` file with all that it inherits from.

    Raises:
        ValueError: If its Python fails, a file that it inherits from is absent, or what
            it imports cannot be imported.
    """
    try:
        return Config.fromfile(path)
    except Exception as error:  # whatever Python may raise: the file is code
        raise ValueError(
            f'The config {path} cannot be read. {type(error).__name__}: {error}'
        ) from error


def change_config(cfg: Config, options: Mapping[str, Any]) -> None:
    """Write options, values by dotted keys, into a config, in place.

    Raises:
        ValueError: If a key leads through what is no dictionary, or over the end of a
            list.
    """
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'--cfg-options {" ".join(options)} cannot be set in {cfg.filename}. '
            f'{error.args[0] if error.args else error}'
        ) from error


def test_config(cfg: Config, work_dir: str | Path) -> Config:
    """A copy of what a test needs of a config, with its log in a folder of its own."""
    part = Config(copy.deepcopy({k: cfg[k] for k in _TEST_KEYS if k in cfg}))
    folder = Path(work_dir).resolve()
    part.work_dir = str(work_dir)
    part.experiment_name = f'{folder}_{time.time_ns()}'.replace('/', '_')
    if part.get('visualizer') is not None:
        part.visualizer.name = str(work_dir)  # one of that name would be taken over
    return part


def configs_root() -> Path:
    """The folder ``configs`` of the checkout, or the one that a wheel brings along."""
    package = Path(uninext.__file__).resolve().parent
    if (package.parent / 'setup.cfg').is_file():
        return package.parent / 'configs'
    return package / '.mim' / 'configs'


def config_path(name: str | Path) -> Path:
    """Find a config of this project, in the checkout or in the wheel, by its name.

    Args:
        name: Its path below ``configs/`` (``'uninext/stage2_image.py'``), or the file's
            name; ``.py`` and a leading ``configs/`` may be there or not.

    Raises:
        ValueError: If there is none; it says which ones are close.
    """
    wanted = Path(name).as_posix().removeprefix('./').removeprefix('configs/')
    wanted = wanted.removesuffix('.py')
    known = known_configs()
    if wanted in known:
        return known[wanted]
    named = [key for key in known if key.rsplit('/', 1)[-1] == wanted]
    if len(named) == 1:
        return known[named[0]]
    raise ValueError(
        f'There is no config {str(name)!r}, neither as a file nor among those of '
        f'{configs_root()}.{close_to(wanted, known)} Give the path of a config file.'
    )


def known_configs() -> dict[str, Path]:
    """Those that are no bases, by their path below the folder of configs."""
    root = configs_root()
    paths = {p.relative_to(root).with_suffix(''): p for p in sorted(root.rglob('*.py'))}
    return {k.as_posix(): p for k, p in paths.items() if '_base_' not in k.parts}


def close_to(wanted: str, known: Iterable[str]) -> str:
    """A sentence that names what may have been meant; empty if nothing is close."""
    stems = {key: key for key in known}
    stems |= {key.rsplit('/', 1)[-1]: key for key in known}
    close = difflib.get_close_matches(wanted, stems, n=_NUM_CLOSE)
    names = list(dict.fromkeys(stems[key] for key in close))
    return f' Did you mean {" or ".join(map(repr, names))}?' if names else ''
