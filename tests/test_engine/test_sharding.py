"""Trainings of several processes are in test_tools/test_dist_train.py."""

from __future__ import annotations

import re

import pytest
from mmengine.config import Config
from torch import nn

from uninext.engine.sharding import shard
from uninext.registry import MODELS
from uninext.utils.without_draws import without_draws


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"'decoder' names no module of Sequential"):
        shard(nn.Sequential(nn.Linear(2, 2)), ['0', 'decoder'], 'cpu')


@pytest.mark.parametrize(
    'name', ['stage1_pretrain_vit-h', 'stage2_image_vit-h', 'stage3_video_vit-h']
)
def test_blocks_of_the_config_are_there(name):
    blocks = Config.fromfile('configs/_base_/schedules/sharded_vit-h.py').sharded
    with without_draws():
        model = MODELS.build(Config.fromfile(f'configs/uninext/{name}.py').model)
    modules = dict(model.named_modules())
    found = [[n for n in modules if re.fullmatch(block, n)] for block in blocks]
    assert len(found[0]) == 32 * (2 if name.startswith('stage3') else 1)
    assert len(found[1]) == 12
    sizes = {n: sum(p.numel() for p in m.parameters()) for n, m in modules.items()}
    shared_out = sum(sizes[n] for names in found for n in names)
    assert shared_out > 0.9 * sizes['']
