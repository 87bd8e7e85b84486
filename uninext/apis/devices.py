"""Devices by name: the one a user asks for, if it is here."""

from __future__ import annotations

import torch

from uninext.engine import has_accelerator


def usable_device(name: str | torch.device = 'auto') -> str:
    """Find the device that is meant; it can hold numbers.

    Args:
        name: 'cpu', 'cuda', 'cuda:1', ... as PyTorch names them; 'auto' takes the
            accelerator if there is one.

    Raises:
        ValueError: If there is no such device here; it says which there are.
    """
    if name == 'auto':
        return 'cuda' if has_accelerator() else 'cpu'
    try:
        torch.zeros(1, device=torch.device(name)).item()
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).strip().split('\n')[0]
        raise ValueError(
            f'The device {str(name)!r} cannot be used: there are '
            f'{", ".join(devices_here())} here, or auto. (torch says: {reason})'
        ) from error
    return str(name)


def devices_here() -> list[str]:
    """Names of the devices of this machine; of GPUs, what they are called besides."""
    found = ['cpu']
    if torch.cuda.is_available():
        found += [
            f'cuda:{i} ({torch.cuda.get_device_name(i)})'
            for i in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append('mps')
    return found
