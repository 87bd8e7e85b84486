"""What is written is run beside the network, or it is not kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from helpers import small_uninext as small
from uninext.export import TOLERANCE, Graph, export_model, read_folder
from uninext.export import exporter as exporting
from uninext.utils.files import FileError


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (2 * x,)


def doubled() -> Graph:
    return Graph(
        'doubled',
        Doubled(),
        {'x': (0,)},
        ('twice',),
        lambda rows, tokens: {'x': torch.randn(rows, 3)},
    )


CONFIG = dict(model=small.small_video_config(), inference_scale=(96, 64))


@pytest.fixture(scope='module')
def model():
    return small.build(CONFIG['model']).eval()


@pytest.fixture
def written(monkeypatch):
    """Called with a function, which is what runs of the file that is 'written'."""

    def reads_as(run):
        fake = exporting.FORMATS['torch_export']._replace(
            write=lambda program, graph, path: path.touch(),
            load=lambda path: lambda inputs: [run(inputs['x'])],
        )
        monkeypatch.setitem(exporting.FORMATS, 'torch_export', fake)
        monkeypatch.setattr(exporting, 'trace', lambda graph, example: None)

    return reads_as


def test_a_graph_is_verified_on_other_numbers_of_rows(tmp_path, written):
    graph, path, seen = doubled(), tmp_path / 'doubled.pt2', []
    written(lambda x: seen.append(len(x)) or 2 * x)
    errors = exporting.export_graph(graph, path, 'torch_export')
    assert errors == {'twice': 0.0} and path.is_file()
    assert len(seen) >= 8 and len(set(seen)) >= 4


@pytest.mark.parametrize(
    'wrong',
    [lambda x: 2 * x + 3 * TOLERANCE * max(1, x.abs().max()), lambda x: x * torch.nan]
    + [lambda x: 2 * x[:1].repeat(9, 1)],
    ids=['another', 'no numbers', 'another shape'],
)
def test_a_file_that_differs_is_not_kept(tmp_path, written, wrong):
    path = tmp_path / 'doubled.pt2'
    written(wrong)
    with pytest.raises(FileError, match='was not kept.*twice by'):
        exporting.export_graph(doubled(), path, 'torch_export')
    assert not path.exists()


def test_nothing_is_left_of_a_folder_that_failed(tmp_path, monkeypatch, model):
    def fails(graph, path, format):
        path.touch()
        raise FileError('as if it differed')

    monkeypatch.setattr(exporting, 'export_graph', fails)
    with pytest.raises(FileError, match='as if'):
        export_model(model, CONFIG, tmp_path / 'out', [(64, 64)], 'torch_export')
    assert not list(tmp_path.iterdir())


def test_the_folder_says_what_it_is(tmp_path, monkeypatch, model):
    def writes(graph, path, format):
        path.write_text(graph.name)
        return dict.fromkeys(graph.outputs, 1e-6)

    monkeypatch.setattr(exporting, 'export_graph', writes)
    out, told = tmp_path / 'out', []
    report = export_model(
        model,
        CONFIG,
        out,
        [(64, 96)],
        'torch_export',
        dict(category=0.4),
        {'config': 'c'},
        told.append,
    )
    said = read_folder(out)
    assert said['thresholds'] == dict(category=0.4)
    assert said['config']['inference_scale'] == [96, 64]
    assert said['made_from'] == {'config': 'c'} and said['sizes_hw'] == [[64, 96]]
    assert said['tolerance'] == TOLERANCE and said['num_inputs'] >= 8
    names = {'text', 'template'}
    names |= {f'{name}_64x96' for name in ('image', 'instances', 'masks')}
    assert set(said['graphs']) == set(report.errors) == names and len(told) == 5
    files = {graph['file'] for graph in said['graphs'].values()}
    assert {p.name for p in out.iterdir()} == files | {'export.json', 'vocab.txt'}
    with pytest.raises(FileError, match='there already'):
        export_model(model, CONFIG, out, [(64, 64)], 'torch_export')


def test_what_cannot_be_exported_is_said(tmp_path, model):
    with pytest.raises(ValueError, match="got 'tflite'"):
        export_model(model, CONFIG, tmp_path / 'out', [(64, 64)], 'tflite')
    with pytest.raises(ValueError, match='32 pixels or more, got 64 x 24'):
        export_model(model, CONFIG, tmp_path / 'out', [(64, 24)], 'torch_export')
    assert not list(tmp_path.iterdir())
