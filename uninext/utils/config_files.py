"""Read configs, whose Python is the user's: what fails in them is said of the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine import Config


def read_config_file(path: str | Path) -> Config:
    """Read a config file with all that it inherits from.

    Args:
        path: A ``.py`` file.

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
    """Write options into a config, in place.

    Args:
        cfg: The config.
        options: Values by dotted keys.

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
