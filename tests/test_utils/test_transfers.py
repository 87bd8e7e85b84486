from __future__ import annotations

import pytest
import torch

from uninext.models.data_preprocessors import UninextDataPreprocessor
from uninext.testing.pretend_device import DEVICE, PretendDevice
from uninext.utils.transfers import download, tensor_on, upload

CPU = torch.device('cpu')


def test_nothing():
    assert download([]) == []
    assert tensor_on(CPU, []).shape == (0,)


def test_up_without_a_wait():
    with PretendDevice() as device:
        numbers = tensor_on(DEVICE, [[1, 2]])
        half = tensor_on(DEVICE, 0.5, torch.float64)
        more = upload(torch.ones(2), DEVICE)
        assert {x.device for x in (numbers, half, more)} == {DEVICE}
        assert (numbers.dtype, half.dtype) == (torch.int64, torch.float64)
        assert device.waits == []
        assert numbers.tolist() == [[1, 2]] and half.tolist() == 0.5


def test_on_the_cpu_nothing_is_copied():
    x = torch.ones(2)
    assert upload(x, CPU) is x


def test_down_by_one_wait():
    given = [
        torch.rand(2, 3),
        torch.zeros(0, 4),
        torch.tensor([True, False]),
        torch.tensor(2**24),
    ]
    with PretendDevice() as device:
        ours = [upload(tensor, DEVICE) for tensor in given]
        found = download(ours)
        assert [wait.kind for wait in device.waits] == ['to the host']
    for ours, theirs in zip(found, given, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs.float())


@pytest.mark.parametrize(('name', 'expected'), [('cuda', True), ('mps', False)])
def test_mps_gets_copies_that_are_waited_for(name, expected):
    """It would read memory that is given to something else by then."""
    asked = []

    class Copied(torch.Tensor):
        def to(self, device, non_blocking):
            asked.append((device.type, non_blocking))
            return self

    upload(torch.ones(2).as_subclass(Copied), torch.device(name))
    assert asked == [(name, expected)]
    preprocessor = UninextDataPreprocessor()
    preprocessor._device = torch.device(name)
    assert preprocessor._non_blocking == expected
