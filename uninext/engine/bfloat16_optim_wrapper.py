"""Mixed precision in bfloat16, on GPUs and CPUs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from uninext.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Forward pass and losses in bfloat16 where torch holds it safe; weights stay.

    bfloat16 has the range of float32, so no loss is scaled, and CPUs can do it:
    mmengine's ``AmpOptimWrapper`` (float16 with scaling) needs a GPU.
    """

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Wrap the forward pass and the losses, on the device of the weights."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            yield
