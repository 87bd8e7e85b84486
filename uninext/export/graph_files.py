"""Graphs as files: ONNX and ``torch.export``, written and made to run again."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from uninext.utils.files import FileError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from uninext.export.graphs import Graph

Run = Callable[[Mapping[str, Tensor]], Sequence[Tensor]]


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: Of its files.
        write: Writes a program, with the names of a graph, to a path.
        load: Makes a file run: inputs by name, in their order, to outputs.
        packages: Those that writing needs besides torch.
        runtime: That which running needs besides torch.
    """

    suffix: str
    write: Callable[[ExportedProgram, Graph, Path], None]
    load: Callable[[Path], Run]
    packages: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()


def check_packages(format: str, to_write: bool = False) -> None:
    """Refuse a format whose packages are not installed.

    Args:
        format: One of ``FORMATS``.
        to_write: Files are written, not only run.

    Raises:
        ValueError: If it is no format, or a package is absent; it says how to get it.
    """
    if format not in FORMATS:
        raise ValueError(f'format must be one of {tuple(FORMATS)}, got {format!r}.')
    found = FORMATS[format]
    needed = found.packages if to_write else found.runtime
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    if absent:
        raise ValueError(
            f'The format {format!r} needs {", ".join(absent)}: pip install '
            f'{" ".join(absent)} (or the extra onnx: pip install "uninext[onnx]").'
        )


def _write_onnx(program: ExportedProgram, graph: Graph, path: Path) -> None:
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)  # 'torchvision is absent'
    names = dict(input_names=list(graph.inputs), output_names=list(graph.outputs))
    # Folding of constants takes minutes; the runtime folds them anyway.
    made = torch.onnx.export(
        program, (), dynamo=True, optimize=False, verbose=False, **names
    )
    made.save(path)


def _load_onnx(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # what constants fold to is told at 2
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # ONNX Runtime has a class of its own for each cause
        raise FileError(
            f'{path} cannot be run by ONNX Runtime {onnxruntime.__version__}: '
            f'{str(error).strip()[:300]}. Install the version of requirements/onnx.txt '
            'or a newer one, or export the model again here.'
        ) from error

    def run(inputs: Mapping[str, Tensor]) -> list[Tensor]:
        feed = {k: np.ascontiguousarray(v.numpy()) for k, v in inputs.items()}
        return [torch.from_numpy(np.asarray(x)) for x in session.run(None, feed)]

    return run


def _write_torch(program: ExportedProgram, graph: Graph, path: Path) -> None:
    torch.export.save(program, path)


def _load_torch(path: Path) -> Run:
    import torch.export

    try:
        module = torch.export.load(path).module()
    except Exception as error:  # of its archive, its schema, its operators
        raise FileError(
            f'{path} cannot be run by torch {torch.__version__}: '
            f'{str(error).strip()[:300]}. Export the model again here.'
        ) from error
    return lambda inputs: module(*inputs.values())


FORMATS = {
    'onnx': Format(
        '.onnx',
        _write_onnx,
        _load_onnx,
        packages=('onnx', 'onnxscript', 'onnxruntime'),
        runtime=('onnxruntime',),
    ),
    'torch_export': Format('.pt2', _write_torch, _load_torch),
}
