"""What a checkpoint of a training holds besides weights."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from uninext.checkpoint import read_meta
from uninext.checkpoint.carried_config import carried_config
from uninext.checkpoint.hook import from_plain, to_plain


def test_plain_values_survive(tmp_path):
    logs = {'loss': HistoryBuffer([1.0, 2.0], [1, 3]), 'n': np.float64(2), 't': (1, 2)}
    plain = to_plain({**logs, 'c': Counter([5, 5])})
    torch.save(plain, tmp_path / 'x.pth')
    loaded = from_plain(torch.load(tmp_path / 'x.pth', weights_only=True))
    assert loaded['loss'].mean() == logs['loss'].mean()
    assert loaded['n'] == 2
    assert loaded['t'] == (1, 2)
    assert loaded['c'].total() == 2
    assert type(loaded['n']) is float


def test_a_checkpoint_of_a_training_carries_its_config(make_runner, tmp_path):
    runner = make_runner()
    runner.train()
    meta = read_meta(tmp_path / 'iter_20.pth')
    found = carried_config(meta, 'iter_20.pth')
    assert found == json.loads(json.dumps(runner.cfg.to_dict()))
