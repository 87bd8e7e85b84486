"""The learning rates of configs/_base_/schedules/adamw_step.py, on names like ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
SCHEDULE = ROOT / 'configs/_base_/schedules/adamw_step.py'


class Named(nn.Module):
    """Modules under given names, one linear layer each."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        for name in names:
            parent = self
            *path, last = name.split('.')
            for part in path:
                if not hasattr(parent, part):
                    parent.add_module(part, nn.Module())
                parent = getattr(parent, part)
            parent.add_module(last, nn.LayerNorm(2))


RATES = {
    'backbone.layer1.bn': 2e-5,
    'prompt_generator.text_encoder.layer.0': 1e-5,
    'encoder.layers.0.self_attn.sampling_offsets': 2e-5,
    'decoder.layers.0.cross_attn.sampling_offsets': 2e-5,
    'encoder.layers.0.self_attn.value_proj': 2e-4,
    'fusion_neck.prompt_norm': 2e-4,
    'bbox_head.reg_branches.0': 2e-4,
}


def test_every_parameter_has_its_rate_and_the_same_decay():
    cfg = Config.fromfile(SCHEDULE)
    model = Named(*RATES)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(p): name for name, p in model.named_parameters()}
    seen = set()
    for group in wrapper.param_groups:
        for parameter in group['params']:
            if id(parameter) in names:
                module = names[id(parameter)].rpartition('.')[0]
                assert group['lr'] == pytest.approx(RATES[module]), module
                assert group['weight_decay'] == 0.05
                seen.add(module)
    assert seen == set(RATES)
    assert wrapper.clip_grad_kwargs == dict(max_norm=0.1, norm_type=2)


def test_runtime_and_schedule_can_be_inherited_together(tmp_path):
    leaf = tmp_path / 'leaf.py'
    runtime = ROOT / 'configs/_base_/default_runtime.py'
    leaf.write_text(f'_base_ = [{str(runtime)!r}, {str(SCHEDULE)!r}]\n')
    cfg = Config.fromfile(leaf)
    assert cfg.runner_type == 'UninextRunner'
    assert cfg.train_cfg.type == 'ResumableIterTrainLoop'
    from uninext.registry import HOOKS, LOG_PROCESSORS, LOOPS, VISUALIZERS

    for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
        assert HOOKS.get(hook.type) is not None, hook
    assert LOOPS.get(cfg.train_cfg.type) is not None
    assert LOG_PROCESSORS.get(cfg.log_processor.type) is not None
    assert VISUALIZERS.get(cfg.visualizer.type) is not None
