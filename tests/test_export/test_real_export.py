"""Files are written and run for real: ``make export-check``, some minutes."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor, nn

from helpers import small_uninext as small
from helpers.exported import ASKED, SIZE_HW, assert_same, export_small, frames
from uninext.apis import UninextInferencer
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


@pytest.mark.parametrize('format', FORMATS)
def test_files_give_what_the_network_gives(tmp_path, format):
    cfg = small.small_video_config()
    model = small.build(cfg).eval()
    exported = UninextInferencer(
        export_small(model, cfg.to_dict(), tmp_path / 'out', format)
    )
    network = UninextInferencer(model, scale=SIZE_HW)
    for given in (dict(batch_size=2), dict(as_video=True)):
        found, expected = (
            find(frames(3), **ASKED, **given) for find in (exported, network)
        )
        assert_same(found, expected)
