"""Tell whether features that were kept still are what the weights would give.

Shared by the prompt generators, which keep what they encoded.
"""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import nn


def weights_stamp(*modules: nn.Module) -> Hashable:
    """Something that changes with the weights, the precision and inference mode.

    Changes through ``.data`` are not seen. Weights made under
    ``torch.inference_mode()`` do not count their changes: with one of them every stamp
    differs from all others, so what is compared by it is computed each time anew.

    Args:
        modules: Whose parameters are meant; the first has at least one.

    Returns:
        A value to be compared with ``==`` to an earlier one of the same modules.
    """
    parameters = [p for module in modules for p in module.parameters()]
    if any(p.is_inference() for p in parameters):
        return object()
    device_type = parameters[0].device.type
    return (
        torch.is_autocast_enabled(device_type)
        and torch.get_autocast_dtype(device_type),
        torch.is_inference_mode_enabled(),
        *((p.data_ptr(), p._version) for p in parameters),
    )
