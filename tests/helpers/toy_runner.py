"""A runner of the toy, in a folder of the test."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine import Config

from helpers import engine_toy  # noqa: F401  (registers the toy)
from uninext.engine import UninextRunner

TOY = Path(__file__).with_name('toy_config.py')
_numbers = itertools.count()


@pytest.fixture
def make_runner(tmp_path: Path) -> Callable[..., UninextRunner]:
    """Build a toy runner; options override the config's entries."""

    def make(**options: object) -> UninextRunner:
        cfg = Config.fromfile(TOY)
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = f'toy{next(_numbers)}'  # loggers are global by name
        cfg.merge_from_dict(options)
        return UninextRunner.from_cfg(cfg)

    return make
