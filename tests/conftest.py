"""Fixtures of the whole suite: one scope, one seed, folders of published results."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

import uninext.registry  # noqa: F401  (before mmdet, whatever test comes first)

SHARED = Path(__file__).resolve().parents[2] / 'shared'

torch.set_num_threads(1)
pytest.register_assert_rewrite('helpers')  # asserts in there tell their values


@pytest.fixture(autouse=True)
def _seed_and_scope() -> None:
    """Every test starts from seed 0 in the scope ``uninext``."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    init_default_scope('uninext')


@pytest.fixture(scope='session')
def folder_finder() -> Callable[..., Path]:
    """The function behind the folders below, for its own test."""
    return find_folder


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Real data with published results: ``$UNINEXT_TEST_DATA``, or skip."""
    marks = ('coco_eval/expected.json', 'otb/expected.json')
    return find_folder('UNINEXT_TEST_DATA', SHARED / 'data', marks)


@pytest.fixture(scope='session')
def parity_dir() -> Path:
    """Numbers of the published implementation: ``$UNINEXT_TEST_PARITY``, or skip."""
    marks = ('official_r50_stage1.tsv', 'forward_r50_stage2.npz')
    return find_folder('UNINEXT_TEST_PARITY', SHARED / 'parity', marks)


def find_folder(variable: str, default: Path, marks: tuple[str, ...]) -> Path:
    """Find a folder that is not part of the repository.

    Args:
        variable: Of the environment; names the folder.
        default: The folder if the variable is not set.
        marks: Files by which the folder is known: another one of the same name is not
            taken for it.

    Returns:
        The folder. The test is skipped if the default is not there or is another's;
        it fails if a folder that the variable names is.
    """
    named = os.environ.get(variable)
    folder = Path(named) if named else default
    absent = [mark for mark in marks if not (folder / mark).is_file()]
    if absent and named:
        pytest.fail(f'{variable} is {folder}, which has no {" and no ".join(absent)}')
    if absent:
        pytest.skip(f'{folder} is not there or has no {absent[0]}; set {variable}')
    return folder
