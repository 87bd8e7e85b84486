"""What a file leaves out because a package brings it, and a run that starts from it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.engine_toy import ToyNet
from uninext.checkpoint.io import save_file
from uninext.checkpoint.packaged_parts import (
    PackagedPart,
    digest_of,
    packaged_parts_of,
    packaged_parts_text,
)
from uninext.registry import MODELS
from uninext.utils.files import FileError


class Reader(nn.Module):
    """A part of a network that a package brings."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(2, 2)

    def init_weights(self) -> None:
        with torch.no_grad():
            self.encoder.weight.fill_(3)
            self.encoder.bias.fill_(4)


@MODELS.register_module()
class ToyNetWithReader(ToyNet):
    """The toy network that reads besides."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader()

    def init_weights(self) -> None:
        """Nothing, so that only loading can fetch the part."""


@pytest.fixture
def part() -> PackagedPart:
    reader = Reader()
    reader.init_weights()
    return PackagedPart(
        'reader.encoder', 'reader', 'a-package', digest_of(reader.encoder)
    )


@pytest.fixture
def weights(part, tmp_path) -> str:
    """A published file of half precision without the part."""
    state = ToyNet().half().state_dict()
    meta = {'left_out': packaged_parts_text([part])}
    save_file({'state_dict': state, 'meta': meta}, tmp_path / 'net.safetensors')
    return str(tmp_path / 'net.safetensors')


def test_which_keys_are_of_a_part(part):
    assert part.has('reader.encoder.weight')
    assert not part.has('reader.encoder2.weight')
    assert part.is_in(ToyNetWithReader())
    assert not part.is_in(ToyNet())


def test_the_digest_sees_every_bit_and_shape():
    net = nn.Linear(2, 3)
    before = digest_of(net)
    assert digest_of(net) == before
    with torch.no_grad():
        net.bias[0] = torch.nextafter(net.bias[0], torch.tensor(9.0))
    assert digest_of(net) != before
    one, two = nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)
    nn.init.ones_(one.weight)
    nn.init.ones_(two.weight)
    assert digest_of(one) != digest_of(two)


@pytest.mark.parametrize('text', ['no', '[{"a": 1}]', '[3]', '7'])
def test_metadata_of_another_version(text):
    with pytest.raises(FileError, match='Update uninext'):
        packaged_parts_of({'meta': {'left_out': text}})


@pytest.mark.parametrize('content', [{}, {'meta': {}}, {'meta': None}])
def test_most_files_leave_nothing_out(content):
    assert packaged_parts_of(content) == []


@pytest.mark.parametrize('start', ['test', 'train'])
def test_a_run_starts_from_a_published_file(make_runner, weights, start):
    runner = make_runner(model=dict(type='ToyNetWithReader'), load_from=weights)
    if start == 'train':
        runner.prepare_training()
    runner.load_or_resume()
    assert (runner.model.reader.encoder.weight == 3).all()
    assert runner.model.backbone.weight.dtype == torch.float32


def test_a_run_whose_network_has_no_such_part(make_runner, weights):
    with pytest.raises(FileError, match=r'reader\.encoder\.\*'):
        make_runner(load_from=weights).load_or_resume()
    make_runner(load_from=weights, load_allow=['^reader']).load_or_resume()
