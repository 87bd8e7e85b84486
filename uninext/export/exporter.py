"""Write graphs, run what was written beside the network, keep it if they agree."""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from uninext.export.graphs import Graph, Inputs, graphs_of
from uninext.formats.json_file import read_json, write_json
from uninext.models.detectors import UNINEXT
from uninext.utils.files import FileError, sha256_of
from uninext.utils.tokenizer import package_model_dir
from uninext.version import __version__

TOLERANCE = 1e-4  # float32: of 1, or of the largest number of an output
FORMATS = {'onnx': '.onnx', 'torch_export': '.pt2'}
MANIFEST = 'export.json'
VOCABULARY = 'vocab.txt'
Run = Callable[[Inputs], Sequence[Tensor]]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how far it is from the network.

    Attributes:
        folder: Where.
        errors: Of each graph and output the largest error on any input: of 1, or of
            the largest number of the output.
        num_inputs: How many inputs each graph was tried with.
    """

    folder: Path
    errors: dict[str, dict[str, float]]
    num_inputs: int

    def lines(self) -> list[str]:
        """A line an output."""
        return [
            f'{graph}: {output} differs by {error:.1e}'
            for graph, outputs in self.errors.items()
            for output, error in outputs.items()
        ]


def export_model(
    model: UNINEXT,
    folder: str | Path,
    size_hw: tuple[int, int],
    format: str = 'onnx',
    made_from: Mapping[str, Any] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> ExportReport:
    """Write the graphs of a network, verified, its vocabulary and one JSON.

    Args:
        model: On the CPU; it is copied.
        folder: To be made; nothing of it is there unless all was verified.
        size_hw: Height and width of the padded images.
        format: 'onnx' or 'torch_export'.
        made_from: What the JSON says of the origin besides.
        tell: Called with a line for people after each graph.

    Raises:
        ValueError: If the format or size is unknown, a package is absent, or the
            vocabulary is not that of bert-base-uncased.
        FileError: If the folder is there already, or what was written differs from the
            network by more than ``TOLERANCE``.
    """
    folder = Path(folder)
    _check(model, folder, format)
    model = copy.deepcopy(model).eval().requires_grad_(False)
    for module in model.modules():
        if getattr(module, 'with_cp', False):
            module.with_cp = False
    graphs = graphs_of(model, size_hw)
    folder.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f'.{folder.name}-', dir=folder.parent))
    try:
        errors = {}
        for graph in graphs:
            path = written / f'{graph.name}{FORMATS[format]}'
            errors[graph.name] = export_graph(graph, path, format)
            tell(
                f'{graph.name}: verified, error {max(errors[graph.name].values()):.1e}'
            )
        shutil.copy(package_model_dir() / VOCABULARY, written)
        report = ExportReport(folder, errors, len(graphs[0].examples()))
        manifest = _manifest(model, graphs, report, written, size_hw, format)
        write_json(manifest | {'made_from': dict(made_from or {})}, written / MANIFEST)
        written.chmod(0o755)
        written.rename(folder)
    except BaseException:
        shutil.rmtree(written, ignore_errors=True)
        raise
    return report


def export_graph(graph: Graph, path: Path, format: str) -> dict[str, float]:
    """Write one graph and run the file beside the module; the errors by output.

    Raises:
        FileError: If they differ; the file is gone then.
    """
    examples = graph.examples()
    try:
        write, load = _IO[format]
        write(trace(graph, examples[0]), graph, path)
        errors = compare(graph, load(path, graph), examples)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    wrong = {k: v for k, v in errors.items() if not v <= TOLERANCE}
    if wrong:
        path.unlink()
        shown = ', '.join(f'{name} by {error:.1e}' for name, error in wrong.items())
        raise FileError(
            f'{path.name} was not kept: what it computes differs from the network, '
            f'{shown}; at most {TOLERANCE:.0e} is allowed. Try the other format of '
            f'{tuple(FORMATS)}, or another version of torch, onnx and onnxruntime.'
        )
    return errors


def json_of(folder: str | Path) -> dict[str, Any]:
    """What an exported folder says of itself.

    Raises:
        DatasetError: If it has no such file, or one that is damaged.
    """
    return read_json(Path(folder) / MANIFEST)


def trace(graph: Graph, example: Inputs) -> ExportedProgram:
    """Trace a graph with grid_sample in deformable attention: the rest is no graph."""
    dynamic = tuple(
        dict.fromkeys(dims, Dim.DYNAMIC) or None for dims in graph.inputs.values()
    )
    arguments = tuple(example[name] for name in graph.inputs)
    is_flat = len(arguments) > 3  # *inputs of one parameter
    shapes = (dynamic,) if is_flat else dynamic
    # With gradients enabled the network takes no path that depends on values.
    with _attention('pytorch'), torch.enable_grad():
        return torch.export.export(graph.module, arguments, dynamic_shapes=shapes)


def compare(graph: Graph, run: Run, examples: Sequence[Inputs]) -> dict[str, float]:
    """The largest error of each output, see :class:`ExportReport`; inf: no numbers."""
    errors = dict.fromkeys(graph.outputs, 0.0)
    for inputs in examples:
        with torch.no_grad():
            expected = graph.module(*inputs.values())
            found = run(inputs)
        for name, want, got in zip(graph.outputs, expected, found, strict=True):
            if want.shape != got.shape or not got.isfinite().all():
                errors[name] = float('inf')
                continue
            error = (want - got).abs().max() / want.abs().max().clamp(min=1)
            errors[name] = max(errors[name], float(error))
    return errors


@contextmanager
def _attention(backend: str) -> Iterator[None]:
    """Deformable attention by one of its backends."""
    name, before = 'UNINEXT_DEFORM_ATTN', os.environ.get('UNINEXT_DEFORM_ATTN')
    os.environ[name] = backend
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _write_onnx(program: ExportedProgram, graph: Graph, path: Path) -> None:
    names = dict(input_names=list(graph.inputs), output_names=list(graph.outputs))
    # Folding of constants takes minutes; the runtime folds them anyway.
    made = torch.onnx.export(
        program, (), dynamo=True, optimize=False, verbose=False, **names
    )
    made.save(path)


def _load_onnx(path: Path, graph: Graph) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])

    def run(inputs: Inputs) -> list[Tensor]:
        feed = {name: value.numpy() for name, value in inputs.items()}
        return [torch.from_numpy(np.asarray(x)) for x in session.run(None, feed)]

    return run


def _write_torch(program: ExportedProgram, graph: Graph, path: Path) -> None:
    torch.export.save(program, path)


def _load_torch(path: Path, graph: Graph) -> Run:
    module = torch.export.load(path).module()
    return lambda inputs: module(*inputs.values())


_IO = {
    'onnx': (_write_onnx, _load_onnx),
    'torch_export': (_write_torch, _load_torch),
}


def _check(model: UNINEXT, folder: Path, format: str) -> None:
    if format not in FORMATS:
        raise ValueError(f'format must be one of {tuple(FORMATS)}, got {format!r}.')
    needed = ('onnx', 'onnxscript', 'onnxruntime') if format == 'onnx' else ()
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    if absent:
        raise ValueError(
            f'The format onnx needs {", ".join(absent)}: pip install -r '
            'requirements/onnx.txt'
        )
    if folder.exists():
        raise FileError(
            f'{folder} is there already. Give another folder, or delete it.'
        )
    tokenizer = model.prompt_generator.tokenizer_name
    if tokenizer != 'uncased':
        raise ValueError(
            f"The export takes the tokenizer 'uncased' along, got {tokenizer!r}."
        )
    if model.device.type != 'cpu':
        raise ValueError(
            f'The export is made and verified on the CPU; the model is on '
            f'{str(model.device)!r}.'
        )


def _manifest(
    model: UNINEXT,
    graphs: Sequence[Graph],
    report: ExportReport,
    folder: Path,
    size_hw: tuple[int, int],
    format: str,
) -> dict[str, Any]:
    files = {g.name: folder / f'{g.name}{FORMATS[format]}' for g in graphs}
    return {
        'format': format,
        'uninext': __version__,
        'torch': torch.__version__,
        'size_hw': list(size_hw),
        'tolerance': TOLERANCE,
        'num_inputs': report.num_inputs,
        'vocabulary': VOCABULARY,
        'max_tokens': model.prompt_generator.max_tokens,
        'graphs': {
            g.name: {
                'file': files[g.name].name,
                'sha256': sha256_of(files[g.name]),
                'inputs': {k: {'dynamic': list(v)} for k, v in g.inputs.items()},
                'outputs': list(g.outputs),
                'errors': report.errors[g.name],
            }
            for g in graphs
        },
    }
