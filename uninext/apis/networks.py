"""The network that a user means: by name, config or checkpoint, or as exported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from torch import nn

from uninext.apis.devices import usable_device
from uninext.checkpoint import load_weights, read_meta
from uninext.checkpoint.thresholds import carried_thresholds
from uninext.model_zoo import build_uninext, resolve_model, tell_unlearned
from uninext.models.detectors import PromptedDetector
from uninext.models.speed_options import SpeedOptions, given_speed
from uninext.utils.files import sha256_of
from uninext.utils.without_draws import without_draws

VIDEO = 'UNINEXTVideo'


class OpenedNetwork(NamedTuple):
    """A network that is ready to be asked.

    Attributes:
        network: In evaluation mode, on its device.
        config: That tells at which size it looks at images; None of one that was built.
        thresholds: That came with the weights, by kind of prompt; may be empty.
    """

    network: PromptedDetector
    config: Mapping[str, Any] | None
    thresholds: dict[str, float]


def open_network(
    model: str | Path | Config | nn.Module | None = None,
    checkpoint: str | Path | None = None,
    device: str = 'auto',
    precision: str | None = None,
    num_queries: int | None = None,
    compile: bool | None = None,
    for_videos: bool = False,
) -> OpenedNetwork:
    """Build a network and load its weights, or open one that was exported.

    Arguments are those of :class:`uninext.apis.UninextInferencer`; ``for_videos``
    refuses models of images.

    Raises:
        ValueError: If no model is meant by it, or there is no such device or option.
        FileError: If weights or an exported folder cannot be read or do not fit.
    """
    speed = given_speed(precision, num_queries, compile)
    if is_exported(model):
        return _exported(model, checkpoint, device, speed, for_videos)
    is_built = isinstance(model, nn.Module)
    if device != 'auto' or not is_built:  # before seconds are spent on the model
        device = usable_device(device)
        SpeedOptions(**speed).check(device)
    config, network, thresholds = None, model, {}
    if not is_built:
        config, weights = resolve_model(model, checkpoint)
        with without_draws():  # all weights are loaded
            network = build_uninext(config, *([VIDEO] if for_videos else []))
        tell_unlearned(network, model, checkpoint)
        checkpoint = weights
    if not isinstance(network, PromptedDetector):
        raise ValueError(
            f'The model UNINEXT or UNINEXTVideo is needed, got '
            f'{type(network).__name__}. Take a config of configs/uninext.'
        )
    if checkpoint is not None:
        load_weights(network, checkpoint)
        thresholds = carried_thresholds(read_meta(checkpoint), str(checkpoint))
    network = network.eval() if device == 'auto' else network.to(device).eval()
    if speed:
        network.set_speed(**speed)
    return OpenedNetwork(network, config, thresholds)


def is_exported(model: Any) -> bool:
    """Whether a model is given as a folder that ``uninext export`` wrote."""
    if not isinstance(model, (str, Path)) or not Path(model).is_dir():
        return False
    from uninext.export import MANIFEST  # needed by few

    return (Path(model) / MANIFEST).is_file()


def stored_thresholds(
    model: str | Path | None = None, checkpoint: str | Path | None = None
) -> dict[str, float]:
    """The thresholds that came with a model, which is not built.

    Arguments are those of :func:`model_stamp`.

    Returns:
        Kind of prompt -> 0..1, of kinds that were calibrated.

    Raises:
        ValueError: If no model is meant by it.
        FileError: If it cannot be read.
    """
    if is_exported(model):
        from uninext.export import read_folder

        return read_folder(model)['thresholds']
    _, weights = resolve_model(model, checkpoint)
    return carried_thresholds(read_meta(weights), str(weights))


def model_stamp(
    model: str | Path | None = None, checkpoint: str | Path | None = None
) -> str:
    """A checksum of a model's config and weights, which no other model has.

    Args:
        model: A name, config, checkpoint or exported folder.
        checkpoint: Weights of a config.
    """
    if is_exported(model):
        from uninext.export import MANIFEST  # it has the checksums of all files

        return sha256_of(Path(model) / MANIFEST)
    config, weights = resolve_model(model, checkpoint)
    text = json.dumps(config.to_dict(), sort_keys=True, default=str)
    return hashlib.sha256(f'{text}{sha256_of(weights)}'.encode()).hexdigest()


def _exported(
    folder: str | Path,
    checkpoint: str | Path | None,
    device: str,
    speed: Mapping[str, Any],
    for_videos: bool,
) -> OpenedNetwork:
    """Open a folder of ``uninext export``."""
    from uninext.export import ExportedUNINEXT

    if checkpoint is not None:
        raise ValueError(
            f'{folder} is an exported model, which has its weights. Leave '
            f'{checkpoint} out, or give its config in place of the folder.'
        )
    if device != 'auto' and torch.device(usable_device(device)).type != 'cpu':
        raise ValueError(
            f"An exported model runs on the CPU, got device={device!r}. Pass 'cpu' or "
            "'auto', or the checkpoint that it was made from."
        )
    network = ExportedUNINEXT(folder)
    if speed:
        network.set_speed(**speed)
    if for_videos and not network.can_track:
        raise ValueError(
            f'{folder} was exported from a model of images, and a {VIDEO} is needed '
            'here. Export one of stage 3.'
        )
    tell_unlearned(network, network.about['made_from'].get('named') or folder, None)
    return OpenedNetwork(network, network.about['config'], network.about['thresholds'])
