"""Publish a model: a checkpoint of a training becomes a file that is enough to use it.

Afterwards ``UninextInferencer('file.safetensors')`` works.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from uninext.checkpoint import load_weights, read_meta
from uninext.checkpoint.carried_config import carried_meta, check_types
from uninext.checkpoint.io import SAFETENSORS
from uninext.checkpoint.publish import PublishReport, publish_weights
from uninext.model_zoo import build_uninext, configs_root
from uninext.utils.files import sha256_of
from uninext.utils.inference_scale import InferenceScale


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
        FileError: If the source cannot be read, does not fit the config, or the target
            cannot be written.
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
    meta = {**_config_meta(config), 'source_sha256': sha256_of(source)}
    if 'iter' in (source_meta := read_meta(source)):
        meta['iter'] = source_meta['iter']
    if figures is not None:
        meta['figures'] = json.dumps(figures)
    return publish_weights(model, target, meta)


def _config_meta(config: Config) -> dict[str, str]:
    """How a loader finds the config again: by its name, or as it is."""
    path = Path(config.filename).resolve() if config.filename else None
    if path is not None and path.is_relative_to(configs_root().resolve()):
        return {'config': path.relative_to(configs_root().resolve()).as_posix()}
    check_types(config.model)
    scale = InferenceScale(config).to_config()
    carried = Config(dict(model=config.model, inference_scale=scale))
    return {'config': path.name if path else 'none', **carried_meta(carried)}
