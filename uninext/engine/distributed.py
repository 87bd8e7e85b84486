"""Processes without a GPU: the group that mmengine's launchers cannot make.

mmengine's launchers call ``torch.cuda.set_device``, which a CPU build of torch lacks;
where a group exists already they leave it alone.
"""

from __future__ import annotations

import os
import subprocess

import torch
import torch.distributed


def has_accelerator() -> bool:
    """Tell whether processes of a distributed run own a GPU (or NPU, ...) each."""
    from mmengine.device import get_device

    return get_device() not in ('cpu', 'mps')


def init_cpu_group(launcher: str) -> None:
    """Join the processes of torchrun (``'pytorch'``) or ``'slurm'`` in a gloo group.

    Raises:
        ValueError: If the launcher is another one, or its variables are not set.
    """
    if launcher == 'slurm':
        _export_slurm_variables()
    elif launcher != 'pytorch':
        raise ValueError(
            f'launcher={launcher!r} has no way to run without GPUs; expected '
            "'pytorch' (tools/dist_train.sh) or 'slurm'."
        )
    absent = [
        name
        for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
        if name not in os.environ
    ]
    if absent:
        raise ValueError(
            f'--launcher {launcher} needs the variables {absent}, which torchrun or '
            'srun sets. Start with tools/dist_train.sh CONFIG PROCESSES, or leave '
            '--launcher out to run one process.'
        )
    os.environ.setdefault('LOCAL_RANK', '0')
    torch.distributed.init_process_group('gloo')


def _export_slurm_variables() -> None:
    """Translate srun's variables to those that torch reads."""
    try:
        os.environ['RANK'] = os.environ['SLURM_PROCID']
        os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
        os.environ['LOCAL_RANK'] = os.environ.get('SLURM_LOCALID', '0')
    except KeyError as error:
        raise ValueError(
            f'--launcher slurm needs {error}, which srun sets. Start with '
            'tools/slurm_train.sh.'
        ) from error
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        nodes = os.environ.get('SLURM_NODELIST', '')
        names = subprocess.run(
            ['scontrol', 'show', 'hostnames', nodes],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        os.environ['MASTER_ADDR'] = names[0]
