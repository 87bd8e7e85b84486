"""Write graphs, run what was written beside the network, keep it if they agree."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from uninext.export.folder import MANIFEST, VOCABULARY, about_files, carried
from uninext.export.graph_files import FORMATS, Run, check_packages
from uninext.export.graphs import Graph, Inputs, graphs_of
from uninext.formats.json_file import write_json
from uninext.models.detectors import UNINEXT
from uninext.models.ops.ms_deform_attn import BACKEND_VARIABLE
from uninext.utils.environment import environment
from uninext.utils.files import FileError
from uninext.utils.tokenizer import package_model_dir

if TYPE_CHECKING:
    from torch.export import ExportedProgram

TOLERANCE = 1e-4  # float32: of 1, or of the largest number of an output


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
    config: Mapping[str, Any],
    folder: str | Path,
    sizes_hw: Sequence[tuple[int, int]],
    format: str = 'onnx',
    thresholds: Mapping[str, float] | None = None,
    made_from: Mapping[str, Any] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> ExportReport:
    """Write the graphs of a network, verified, its vocabulary and one JSON.

    Args:
        model: On the CPU; it is copied.
        config: That it was built of: ``model``, and ``inference_scale`` where it tells.
        folder: To be made; nothing of it is there unless all was verified.
        sizes_hw: Height and width of padded images, one or several.
        format: One of ``FORMATS``.
        thresholds: Of the checkpoint, by kind of prompt.
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
    model.speed = replace(model.speed, precision='float32', compile=False)
    for module in model.modules():
        if getattr(module, 'with_cp', False):
            module.with_cp = False
    graphs, suffix = graphs_of(model, sizes_hw), FORMATS[format].suffix
    folder.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f'.{folder.name}-', dir=folder.parent))
    try:
        errors = {}
        for graph in graphs:
            path = written / f'{graph.name}{suffix}'
            errors[graph.name] = export_graph(graph, path, format)
            tell(
                f'{graph.name}: verified, error {max(errors[graph.name].values()):.1e}'
            )
        shutil.copy(package_model_dir() / VOCABULARY, written)
        report = ExportReport(folder, errors, len(graphs[0].examples()))
        generator = model.prompt_generator
        said = about_files(graphs, written, suffix, len(generator.tokenizer))
        for name, of_graph in errors.items():
            said['graphs'][name]['errors'] = of_graph
        said |= {
            'format': format,
            'torch': torch.__version__,
            'sizes_hw': [list(size) for size in dict.fromkeys(sizes_hw)],
            'tolerance': TOLERANCE,
            'num_inputs': report.num_inputs,
            'max_tokens': generator.max_tokens,
            'thresholds': dict(thresholds or {}),
            'config': carried(config),
            'made_from': dict(made_from or {}),
        }
        write_json(said, written / MANIFEST)
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
        FORMATS[format].write(trace(graph, examples[0]), graph, path)
        errors = compare(graph, FORMATS[format].load(path), examples)
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


def trace(graph: Graph, example: Inputs) -> ExportedProgram:
    """Trace a graph with grid_sample in deformable attention: the rest is no graph."""
    from torch.export import Dim, export

    dynamic = tuple(
        dict.fromkeys(dims, Dim.DYNAMIC) or None for dims in graph.inputs.values()
    )
    arguments = tuple(example[name] for name in graph.inputs)
    is_flat = len(arguments) > 3  # *inputs of one parameter
    shapes = (dynamic,) if is_flat else dynamic
    # With gradients enabled the network takes no path that depends on values.
    with environment(BACKEND_VARIABLE, 'pytorch'), torch.enable_grad():
        return export(graph.module, arguments, dynamic_shapes=shapes)


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


def _check(model: UNINEXT, folder: Path, format: str) -> None:
    check_packages(format, to_write=True)
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
