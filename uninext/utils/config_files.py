"""Read configs, whose Python is the user's: what fails in them is said of the file."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine import Config

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
