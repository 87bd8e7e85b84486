"""The switch ``randomness.deterministic``: one seed, one network, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers import golden_losses
from uninext.engine import UninextRunner

NUM_ITERS = 3


@pytest.fixture(autouse=True)
def _switched_back() -> Iterator[None]:
    """The switch is one of the whole process."""
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


def trained(data: Path, work_dir: Path, num_workers: int) -> dict[str, torch.Tensor]:
    """Weights and states of the optimizer after some iterations of stage 3."""
    cfg = golden_losses.config_of('stage3_video', data, work_dir)
    cfg.train_cfg.max_iters = NUM_ITERS
    cfg.train_dataloader.num_workers = num_workers
    cfg.randomness.deterministic = True
    runner = UninextRunner.from_cfg(cfg)
    runner.train()
    assert torch.are_deterministic_algorithms_enabled()
    state = dict(runner.model.state_dict())
    for i, moments in runner.optim_wrapper.optimizer.state_dict()['state'].items():
        state.update({f'{name} of {i}': value for name, value in moments.items()})
    return state


def test_two_runs_are_one_with_and_without_workers(tmp_path):
    golden_losses.make_data(tmp_path)
    first, second = (trained(tmp_path, tmp_path / str(n), n) for n in (0, 2))
    assert first.keys() == second.keys()
    assert any(name.startswith('exp_avg_sq of') for name in first)
    assert [k for k, v in first.items() if not torch.equal(v, second[k])] == []
