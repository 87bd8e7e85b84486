"""``torchvision://resnet50`` in a config, on a machine without torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmengine
from mmengine.runner import checkpoint as mmengine_checkpoint

SCHEME = 'torchvision://'


@mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes=SCHEME, force=True)
def load_torchvision_weights(filename: str, map_location: Any = None) -> Any:
    """Load the state dict of ``torchvision://NAME``, ImageNet weights.

    mmengine imports torchvision to look the address up, though a table of addresses
    lies in mmengine itself; this reads the table.

    Raises:
        ValueError: If the table has no such name.
        OSError: If the file cannot be fetched.
    """
    table = Path(mmengine.__file__).parent / 'hub' / 'torchvision_0.12.json'
    addresses = mmengine.load(table, file_format='json')
    name = filename.removeprefix(SCHEME)
    if name not in addresses:
        raise ValueError(
            f'{filename!r} is unknown. Names: {", ".join(sorted(addresses))}. Or give '
            'the path or address of a file as init_cfg.checkpoint.'
        )
    return mmengine_checkpoint.load_from_http(addresses[name], map_location)
