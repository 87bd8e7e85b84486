from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from uninext.models.ops import class_aware_nms
from uninext.testing.pretend_device import DEVICE, OnDevice, PretendDevice


def kinds(device):
    return [wait.kind for wait in device.waits]


def test_nothing_is_done():
    with PretendDevice() as device:
        torch.zeros(3).sum().item()  # of the host
        torch.zeros(3, device=DEVICE)
    assert device.waits == [] and not device.by_place()


# ------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    'compute',
    [
        lambda x: x[1],
        lambda x: x[:, [2, 0]],
        lambda x: x[np.array([1, 0])],
        lambda x: x[x > 5],
        lambda x: (x > 5).nonzero(),
        lambda x: x.new_tensor([[1, 2]]) + x[:1, :2],
        lambda x: torch.tensor([1.5, 2], device=x.device),
        lambda x: torch.as_tensor(np.arange(3), device=x.device),
        lambda x: torch.asarray([1, 2], device=x.device),
        lambda x: torch.as_tensor(x, dtype=torch.float64),
        lambda x: torch.tensor(data=7, device=x.device),
        lambda x: x.masked_fill(x > 5, 0.0).add_(1),
        lambda x: torch.cat([x, x.new_full((1, 4), 2)]).softmax(1),
        lambda x: torch.add(x, 1, out=torch.empty_like(x)),
        lambda x: x.repeat_interleave(torch.tensor([1, 0, 2], device=x.device), 0),
        lambda x: nn.functional.interpolate(x[None, None], size=(5, 6)),
        lambda x: torch.meshgrid(x[0], x[1], indexing='ij')[1].contiguous(),
    ],
)
def test_values_are_those_of_the_cpu(compute):
    x = torch.arange(12.0).view(3, 4)
    expected = compute(x)
    with PretendDevice():
        result = compute(x.to(DEVICE))
        assert type(result) is OnDevice and result.device == DEVICE
        assert result.dtype == expected.dtype
        assert torch.equal(result.cpu(), expected)


def test_written_in_place():
    x = torch.zeros(3, 4)
    with PretendDevice():
        y = x.to(DEVICE)
        for z in (x, y):
            z[1, 1:3] = 1.0
            z[z > 0.5] = 2.0
            z[[0, 2]] = z.new_tensor([1.0, 2, 3, 4])
            z[2].mul_(3)  # a view
        assert torch.equal(y.cpu(), x)
        assert y.tolist() == x.tolist()


def test_gradients_are_those_of_the_cpu():
    x = torch.randn(5, 4)
    layers = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1))
    layers(x).sum().backward()
    expected = [parameter.grad for parameter in layers.parameters()]
    layers.zero_grad()
    with PretendDevice():
        layers.to(DEVICE)(x.to(DEVICE)).sum().backward()
        for parameter, gradient in zip(layers.parameters(), expected):
            torch.testing.assert_close(parameter.grad.cpu(), gradient)


def test_random_numbers_are_those_of_the_cpu():
    expected = torch.rand(3)
    torch.manual_seed(0)
    with PretendDevice():
        assert torch.equal(torch.rand(3, device=DEVICE).cpu(), expected)


# ------------------------------------------------------------------------------ mixing


@pytest.mark.parametrize(
    'mix',
    [
        lambda ours, host: ours + host,
        lambda ours, host: torch.cat([host, ours]),
        lambda ours, host: ours.mul_(host),
        lambda ours, host: host.add_(ours),
        lambda ours, host: host * ours[0],  # a number, but of the device
        lambda ours, host: host[ours.long()],
        lambda ours, host: ours.index_put_((ours.long(),), host),
        lambda ours, host: torch.where(host > 0, ours, ours),
        lambda ours, host: nn.functional.linear(ours, host[None]),
    ],
)
def test_a_tensor_of_the_host_is_refused(mix):
    with PretendDevice():
        ours, host = torch.ones(2, device=DEVICE), torch.ones(2)
        with pytest.raises(RuntimeError, match='2.* of the host meets'):
            mix(ours, host)


def test_numbers_of_the_host_are_taken():
    with PretendDevice() as device:
        ours = torch.ones(2, device=DEVICE)
        assert (ours * torch.tensor(3.0) + torch.tensor(1)).tolist() == [4, 4]
    assert kinds(device) == ['to the host']


def test_numpy_is_refused():
    with PretendDevice(), pytest.raises(RuntimeError, match='numpy'):
        torch.ones(2, device=DEVICE).numpy()


def test_a_tensor_without_values_is_refused():
    values = torch.ones(2, device='meta')  # made outside
    with PretendDevice(), pytest.raises(RuntimeError, match='has no values'):
        values + 1


def test_a_change_of_shape_in_place_is_refused():
    with PretendDevice(), pytest.raises(NotImplementedError, match='in place'):
        torch.ones(2, device=DEVICE).unsqueeze_(0)


def test_outside_it_is_refused():
    with PretendDevice():
        ours = torch.ones(2, device=DEVICE)
    with pytest.raises(RuntimeError, match='outside of it'):
        ours + 1


# ------------------------------------------------------------------------------- waits


@pytest.mark.parametrize(
    ('act', 'expected'),
    [
        (lambda x, i: x + 1, []),
        (lambda x, i: x.sum(), []),
        (lambda x, i: x[i], []),
        (lambda x, i: x.to(torch.float64), []),
        (lambda x, i: x.to(DEVICE), []),
        (lambda x, i: x.masked_fill_(x > 0, 1.0), []),
        (lambda x, i: x.__setitem__(0, 1.0), []),
        (lambda x, i: x.__setitem__(x > 0, 1.0), []),
        (lambda x, i: x.copy_(x + 1), []),
        (lambda x, i: torch.ones(3).to(DEVICE, non_blocking=True), []),
        (lambda x, i: x.copy_(torch.ones(3), non_blocking=True), []),
        (lambda x, i: x.repeat_interleave(2), []),
        (lambda x, i: x.repeat_interleave(i, output_size=3), []),
        (lambda x, i: float(x[0]), ['read']),
        (lambda x, i: int(i[0]), ['read']),
        (lambda x, i: bool((x > 0).any()), ['read']),
        (lambda x, i: torch.equal(x, x), ['read']),
        (lambda x, i: x.tolist(), ['to the host']),
        (lambda x, i: x.cpu(), ['to the host']),
        (lambda x, i: torch.zeros(3).copy_(x), ['to the host']),
        (lambda x, i: torch.ones(3).to(DEVICE), ['to the device']),
        (lambda x, i: x.copy_(torch.ones(3)), ['to the device']),
        (lambda x, i: x.new_tensor([1.0]), ['to the device']),
        (lambda x, i: torch.tensor([1.0], device=DEVICE), ['to the device']),
        (lambda x, i: x[[0, 1]], ['to the device']),
        (lambda x, i: x[torch.tensor([0])], ['to the device']),
        (lambda x, i: x[x > 0], ['size']),
        (lambda x, i: x.__setitem__(x > 0, x + 1), ['size']),
        (lambda x, i: x.nonzero(), ['size']),
        (lambda x, i: x.unique(), ['size']),
        (lambda x, i: x.masked_select(x > 0), ['size']),
        (lambda x, i: x.repeat_interleave(i), ['size']),
    ],
)
def test_what_waits(act, expected):
    with PretendDevice() as device:
        x = torch.ones(3, device=DEVICE)
        i = torch.ones(3, device=DEVICE, dtype=torch.int64)
        act(x, i)
        assert kinds(device) == expected


def test_a_wait_has_a_place():
    with PretendDevice() as device:
        boxes = torch.rand(3, 4, device=DEVICE).sort(1)[0]
        labels = torch.zeros(3, device=DEVICE, dtype=torch.int64)
        class_aware_nms(boxes, boxes[:, 0], labels, 0.5)
        float(boxes[0, 0])
    assert device.waits[-1].place == 'outside of uninext'
    assert device.by_place()['models.ops.nms.class_aware_nms'] > 0
    assert all(wait.line > 0 for wait in device.waits[:-1])


# --------------------------------------------------------------------------- afterwards


def test_all_is_as_before():
    before = (torch.autocast, torch.is_autocast_enabled)
    with PretendDevice():
        assert not torch.is_autocast_enabled('meta')
        with torch.autocast('meta', enabled=False):
            pass
    assert (torch.autocast, torch.is_autocast_enabled) == before
