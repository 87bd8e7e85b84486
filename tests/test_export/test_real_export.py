"""Files are written and run for real: ``make export-check``, a minute."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor, nn

from uninext.export import FORMATS, Graph
from uninext.export import exporter as exporting

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif('EXPORT_CHECK' not in os.environ, reason='make export-check'),
]


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (2 * x,)


@pytest.mark.parametrize('format', FORMATS)
def test_a_file_takes_any_number_of_rows(tmp_path, format):
    def draw(rows, tokens):
        return {'x': torch.randn(rows, 3)}

    graph = Graph('doubled', Doubled(), {'x': (0,)}, ('twice',), draw)
    path = tmp_path / f'doubled{FORMATS[format]}'
    assert exporting.export_graph(graph, path, format) == {'twice': 0.0}
    assert path.is_file()
