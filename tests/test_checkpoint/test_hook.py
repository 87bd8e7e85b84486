"""What a checkpoint of a training holds besides weights."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

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
