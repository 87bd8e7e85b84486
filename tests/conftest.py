"""Fixtures of the whole suite: one scope, one seed, the shared folder."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

import uninext.registry  # noqa: F401  (before mmdet, whatever test comes first)

SHARED = Path(__file__).resolve().parents[2] / 'shared'

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed_and_scope() -> None:
    """Every test starts from seed 0 in the scope ``uninext``."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    init_default_scope('uninext')


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """The folder of measured numbers and real data; skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f'{SHARED} is absent: it exists in development only')
    return SHARED
