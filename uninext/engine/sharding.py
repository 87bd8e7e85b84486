"""Weights, gradients and optimizer states shared out among processes (FSDP).

Each process holds its part of every parameter; a block of the network is put together
when it runs. What is saved and loaded is whole all the same: checkpoints of sharded and
of other runs are alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed.tensor as parts
from mmengine.dist import get_world_size, is_main_process
from torch import Tensor, nn
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh
from torch.optim import Optimizer


def shard(model: nn.Module, blocks: Sequence[str], device_type: str) -> None:
    """Share out the parameters of a model, in place, among all processes.

    Every process has the same weights before. The model runs by being called; its parts
    outside of the blocks are whole from the beginning of a call on.

    Args:
        model: On its device.
        blocks: Regular expressions of whole module names. Each of these modules is put
            together alone, for its own forward and backward pass.
        device_type: Of the model.

    Raises:
        ValueError: If an expression names no module.
        ImportError: Before torch 2.6.
    """
    if not hasattr(fsdp, 'fully_shard'):
        raise ImportError(
            'sharded=[...] needs torch 2.6 or a later one; this is '
            f'{torch.__version__}.'
        )
    modules = dict(model.named_modules())
    found = {p: [n for n in modules if n and re.fullmatch(p, n)] for p in blocks}
    for pattern, names in found.items():
        if not names:
            raise ValueError(
                f'sharded: {pattern!r} names no module of {type(model).__name__}; '
                r"expected regular expressions such as r'backbone\.layers\.\d+'."
            )
    mesh = init_device_mesh(device_type, (get_world_size(),))
    for name in dict.fromkeys(name for names in found.values() for name in names):
        fsdp.fully_shard(modules[name], mesh=mesh)
    fsdp.fully_shard(model, mesh=mesh)
    model.register_state_dict_post_hook(_gather)
    model.register_load_state_dict_pre_hook(_share_out)


def shard_optimizer(optimizer: Optimizer) -> None:
    """Have the states of an optimizer of sharded parameters saved and loaded whole."""
    optimizer.register_state_dict_post_hook(_gather_states)
    optimizer.register_load_state_dict_pre_hook(_share_out_states)


def _whole(tensor: Any) -> Any:
    """Put a tensor together; all processes take part, the main one gets numbers."""
    if not isinstance(tensor, parts.DTensor):
        return tensor
    whole = tensor.full_tensor()
    return whole if is_main_process() else torch.empty_like(whole, device='meta')


def _gather(module: nn.Module, state: dict, prefix: str, metadata: dict) -> None:
    for key in state:
        state[key] = _whole(state[key])


def _share_out(
    module: nn.Module, state: dict, prefix: str, metadata: dict, *_: Any
) -> None:
    own = dict(module.named_parameters())
    for key in state.keys() & own.keys():
        state[key] = _like(state[key], own[key])


def _gather_states(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    states = {
        number: {key: _whole(value) for key, value in values.items()}
        for number, values in state['state'].items()
    }
    return {**state, 'state': states}


def _share_out_states(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    numbers = [i for group in state['param_groups'] for i in group['params']]
    parameters = [p for group in optimizer.param_groups for p in group['params']]
    states = dict(state['state'])
    for number, parameter in zip(numbers, parameters):
        if number in states:
            states[number] = {
                key: _like(value, parameter) for key, value in states[number].items()
            }
    return {**state, 'state': states}


def _like(tensor: Any, parameter: Tensor) -> Any:
    """This process's part of a whole tensor, if the parameter is shared out."""
    is_whole = isinstance(tensor, Tensor) and tensor.shape == parameter.shape
    if not isinstance(parameter, parts.DTensor) or not is_whole:
        return tensor
    mesh, places = parameter.device_mesh, parameter.placements
    tensor = tensor.to(parameter.device)
    return parts.distribute_tensor(tensor, mesh, places, src_data_rank=None)
