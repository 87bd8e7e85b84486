"""``torchvision://`` is looked up in mmengine's table, torchvision or not."""

from __future__ import annotations

import pytest
from mmengine.runner import checkpoint as mmengine_checkpoint

from uninext.models.backbones import load_torchvision_weights


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r'resnet5.*is unknown.*resnet50'):
        load_torchvision_weights('torchvision://resnet5')


def test_config_scheme_reaches_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        mmengine_checkpoint,
        'load_from_http',
        lambda address, map_location: asked.append((address, map_location)) or {},
    )
    loader = mmengine_checkpoint.CheckpointLoader
    loader.load_checkpoint('torchvision://resnet50', 'cpu')
    ((address, map_location),) = asked
    assert address.startswith('https://') and '/resnet50-' in address
    assert map_location == 'cpu'
