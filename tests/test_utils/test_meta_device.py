from __future__ import annotations

import torch

from uninext.utils.meta_device import without_numbers


def test_outside_nothing_changes() -> None:
    with without_numbers():
        pass
    assert torch.zeros(1).device.type == torch.linspace(0, 1, 2).device.type == 'cpu'


def test_layers_have_shapes_but_no_numbers() -> None:
    with without_numbers():
        layer = torch.nn.Linear(10**6, 10**6)
    assert layer.weight.is_meta and layer.weight.shape == (10**6, 10**6)


def test_linspace_can_be_read() -> None:
    with without_numbers():
        assert torch.linspace(0, 1, 3).tolist() == [0, 0.5, 1]
        assert torch.linspace(0, 1, 3, device='meta').is_meta
