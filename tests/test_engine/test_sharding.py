"""Trainings of several processes are in test_tools/test_dist_train.py."""

from __future__ import annotations

import copy
import multiprocessing
import os
import re
import traceback
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from torch import nn
from torch.distributed.tensor import DTensor
from torch.optim import AdamW

from uninext.engine.sharding import shard, shard_optimizer
from uninext.registry import MODELS
from uninext.utils.without_draws import without_draws


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"'decoder' names no module of Sequential"):
        shard(nn.Sequential(nn.Linear(2, 2)), ['0', 'decoder'], 'cpu')


def test_an_older_torch_is_told(monkeypatch):
    monkeypatch.delattr('torch.distributed.fsdp.fully_shard')
    with pytest.raises(ImportError, match=r'needs torch 2\.6 .* this is \d'):
        shard(nn.Linear(2, 2), [], 'cpu')


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


class SmallViT(nn.Module):
    """A step as that of stage 3: with gradient, and once more without."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MODELS.build(
            dict(
                type='UninextViT', embed_dims=32, num_layers=3, num_heads=4,
                window_size=4, window_blocks=(0, 1), drop_path_rate=0.0, with_cp=True,
            )
        )  # fmt: skip

    def forward(self, images):
        loss = sum(level.square().mean() for level in self.backbone(images))
        with torch.no_grad():
            self.backbone(images.flip(0))
        return loss


def _compare_as(rank: int, file: Path) -> None:
    try:
        torch.set_num_threads(1)
        address = f'file://{file}'
        dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
        torch.manual_seed(0)
        parts = SmallViT()
        whole = copy.deepcopy(parts)
        shard(parts, [r'backbone\.layers\.\d+'], 'cpu')
        torch.manual_seed(rank)
        images = torch.randn(2, 3, 64, 64)
        for model in (parts, whole):
            model(images).backward()
        shares = 0
        for ours, expected in zip(parts.parameters(), whole.parameters()):
            assert (ours.grad is None) == (expected.grad is None)
            if expected.grad is not None:
                dist.all_reduce(expected.grad)
                whole_grad = ours.grad.full_tensor()
                torch.testing.assert_close(whole_grad, expected.grad / 2)
                shares += ours.to_local().numel() < ours.numel()
                expected.grad /= 2
        assert shares > 30
        _compare_saved(parts, whole, rank)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _compare_saved(parts: nn.Module, whole: nn.Module, rank: int) -> None:
    """What is saved of parts is whole in the main process, and loads into parts."""
    of_parts, of_whole = (AdamW(model.parameters()) for model in (parts, whole))
    shard_optimizer(of_parts)
    for optimizer in (of_parts, of_whole):
        optimizer.step()
    expected = of_whole.state_dict()
    for _ in range(2):  # as stepped, and as loaded
        found = of_parts.state_dict()
        assert found['param_groups'] == expected['param_groups']
        assert found['state'].keys() == expected['state'].keys()
        for number, values in expected['state'].items():
            for key, value in values.items():
                other = found['state'][number][key]
                assert other.shape == value.shape
                if rank == 0:
                    torch.testing.assert_close(other, value)
                else:
                    assert key == 'step' or other.device.type == 'meta'
        of_parts.load_state_dict(expected)
    assert any(isinstance(v['exp_avg'], DTensor) for v in of_parts.state.values())
    found, expected = parts.state_dict(), whole.state_dict()
    assert found.keys() == expected.keys()
    for key in expected if rank == 0 else ():
        torch.testing.assert_close(found[key], expected[key])


@pytest.mark.slow
def test_gradients_are_those_of_whole_copies(tmp_path):
    """Of a ViT that computes its layers twice, and runs twice in a step."""
    fork = multiprocessing.get_context('fork')
    args = [(rank, tmp_path / 'group') for rank in range(2)]
    ranks = [fork.Process(target=_compare_as, args=each) for each in args]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(timeout=100)
    assert [process.exitcode for process in ranks] == [0, 0]
