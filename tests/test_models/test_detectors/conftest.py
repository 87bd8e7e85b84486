"""A network of 0.3 M parameters beside the word embeddings, one for the session."""

from __future__ import annotations

import copy

import pytest
import torch

from helpers.small_uninext import build, small_config
from uninext.models.detectors import UNINEXT


@pytest.fixture(scope='session')
def _session_model() -> UNINEXT:
    torch.manual_seed(0)
    return build(small_config())


@pytest.fixture
def model(_session_model) -> UNINEXT:
    """Own weights, in training mode."""
    return copy.deepcopy(_session_model).train()


@pytest.fixture
def eval_model(_session_model) -> UNINEXT:
    """Shared: not to be changed."""
    return _session_model.eval()
