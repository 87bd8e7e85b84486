"""Tell whether features that were kept still are what the weights would give."""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import nn


def weights_stamp(*modules: nn.Module) -> Hashable:
    """Something that changes with the weights, the precision and inference mode.

    Compare with ``==``. Changes through ``.data`` are not seen. Weights made under
    ``torch.inference_mode()`` do not count their changes: with one of them every stamp
    differs from all others, so what is compared by it is computed each time anew.
    Without weights all stamps are equal.
    """
    parameters = [p for module in modules for p in module.parameters()]
    if any(p.is_inference() for p in parameters):
        return object()
    if not parameters:  # of files
        return ()
    device_type = parameters[0].device.type
    return (
        torch.is_autocast_enabled(device_type)
        and torch.get_autocast_dtype(device_type),
        torch.is_inference_mode_enabled(),
        *((p.data_ptr(), p._version) for p in parameters),
    )
