"""Models by name: the config and the weights of what people call a model.

A name of ``MODEL_ZOO``, the path or the name of a config, a config, or a file of
weights that knows its config; ``publish_model`` writes such a file.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from uninext.assets import asset_path
from uninext.checkpoint import load_weights, local_file, read_meta
from uninext.checkpoint.carried_config import carried_config, carried_meta, check_types
from uninext.checkpoint.io import SAFETENSORS
from uninext.checkpoint.publish import PublishReport, publish_weights
from uninext.checkpoint.thresholds import THRESHOLDS_KEY
from uninext.registry import MODELS
from uninext.utils.config_files import (
    close_to,
    config_path,
    configs_root,
    known_configs,
    read_config_file,
)
from uninext.utils.error_origin import is_for_users
from uninext.utils.files import FileError, sha256_of
from uninext.utils.inference_scale import InferenceScale

CHECKPOINT_SUFFIXES = {'.pth', '.pt', '.ckpt', SAFETENSORS}


@dataclass(frozen=True)
class Learned:
    """What a model was trained on.

    Attributes:
        model: Its name.
        categories: All of them, in the singular.
        words: Others that its names and expressions were made of.
    """

    model: str
    categories: tuple[str, ...]
    words: frozenset[str]

    def remark(self, names: Sequence[str]) -> str | None:
        """A line about names and expressions that were never learned; None: all were.

        One with a category's word counts as learned, in whatever form it is; so does
        one of words of attributes and places alone.
        """
        unlearned = [name for name in names if not self._is_learned(name)]
        if not unlearned:
            return None
        shown = ', '.join(map(reprlib.repr, unlearned))
        return (
            f'{self.model} never learned {shown}: it was trained on generated images '
            f'of {", ".join(self.categories)} alone; what it finds of anything else '
            'means nothing. Other models: docs/model_zoo.md.'
        )

    def _is_learned(self, name: str) -> bool:
        words = re.findall(r'[^\W\d_]+', name.lower())
        forms = {w.removesuffix(end) for w in words for end in ('', 's', 'es')}
        return not forms.isdisjoint(self.categories) or self.words.issuperset(words)


@dataclass(frozen=True)
class NamedModel:
    """A model that comes with the package.

    Attributes:
        config: Name of its config; see :func:`config_path`.
        checkpoint: Its weights.
        summary: What it is, in a line.
        learned: What it was trained on; None: anything.
    """

    config: str
    checkpoint: Path
    summary: str
    learned: Learned | None = None


# Of uninext.shapes: attributes, places, motions; and words that say nothing more.
_WORDS_OF_SHAPES = frozenset(
    re.findall(
        r'\w+',
        """
        red green blue yellow purple white plain striped dotted small large
        left right of above below leftmost rightmost topmost bottommost
        moves up down stands still turns around itself becomes larger smaller
        a an the and in is on that only one object objects shape shapes
        """,
    )
)
MODEL_ZOO = {
    'uninext_tiny': NamedModel(
        config='uninext/stage3_video_shapes.py',
        checkpoint=asset_path('uninext_tiny.safetensors'),
        summary='MobileNetV2, 128 channels, MiniLM; all ten tasks, on generated shapes',
        learned=Learned(
            'uninext_tiny',
            ('circle', 'square', 'triangle', 'star', 'ring', 'cross'),
            _WORDS_OF_SHAPES,
        ),
    ),
}
DEFAULT_MODEL = 'uninext_tiny'
DETECTORS = ('UNINEXT', 'UNINEXTVideo')


def resolve_model(
    model: str | Path | Config | None = None, checkpoint: str | Path | None = None
) -> tuple[Config, Path]:
    """Find the config and the weights that somebody means.

    Args:
        model: A name of ``MODEL_ZOO``; the path or name of a config; a config; a file
            of weights that tells its config, as published files and our training
            checkpoints do. None: ``checkpoint`` if given, else ``DEFAULT_MODEL``.
        checkpoint: Weights: a path, or an ``https://`` address that is fetched once. In
            place of those of a named model; must be given with a config.

    Returns:
        A config with a ``model``, and a file that is there.

    Raises:
        ValueError: If nothing is meant by it; it says what may be passed.
        FileError: If there is no such file, or it tells no config.
    """
    if isinstance(model, Config):
        _check_kind(model, DETECTORS)
        return model, _weights(checkpoint)
    if model is None:
        model, checkpoint = (checkpoint or DEFAULT_MODEL), None
    if str(model) in MODEL_ZOO:
        named = MODEL_ZOO[str(model)]
        config = Config.fromfile(config_path(named.config))
        return config, _weights(checkpoint or _brought_along(str(model), named))
    if Path(model).suffix in CHECKPOINT_SUFFIXES:
        if checkpoint is not None:
            raise ValueError(
                f'Two files of weights, {model} and {checkpoint}: give one, and if it '
                'does not tell its config, that before it.'
            )
        path = local_file(model)
        return config_of_checkpoint(path), path
    config = read_config_file(_config_file(model))
    _check_kind(config, DETECTORS)
    return config, _weights(checkpoint)


def config_of_checkpoint(path: str | Path) -> Config:
    """Read which config a file of weights belongs to; nothing in it is executed.

    Its metadata have the name of a config of this project as ``config``, which is
    given whole; or a config as ``config_json``, as training checkpoints have it, of
    which ``model`` and ``inference_scale`` are given.

    Raises:
        FileError: If the file cannot be read, tells no config, or one that is not
            known here.
    """
    meta = read_meta(path)
    carried, name = carried_config(meta, str(path)), meta.get('config')
    if carried is not None:
        scale = InferenceScale(carried).to_config()
        return Config(dict(model=carried['model'], inference_scale=scale))
    if not name:
        raise FileError(
            f'{path} does not tell which config it belongs to. Give the config before '
            f'it: UninextInferencer("CONFIG.py", "{path}").'
        )
    try:
        return Config.fromfile(config_path(name))
    except ValueError as error:
        raise FileError(
            f'{path} belongs to the config {name!r}, which is not here. Give the path '
            f'of that config before it. ({error})'
        ) from error


def publish_model(
    source: str | Path,
    config: str | Path | Config,
    target: str | Path,
    metrics: Mapping[str, Any] | None = None,
) -> PublishReport:
    """Write the weights of a checkpoint as a small file that is enough to use them.

    Args:
        source: Checkpoint, of a training or published.
        config: That it was trained with. One of this project is noted by its name; of
            another one the ``model`` goes into the metadata.
        target: ``.safetensors`` file to write, whole or not at all.
        metrics: What was measured with it, for the metadata; anything JSON knows.

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
    if THRESHOLDS_KEY in source_meta:
        meta[THRESHOLDS_KEY] = source_meta[THRESHOLDS_KEY]
    if metrics is not None:
        meta['metrics'] = json.dumps(metrics)
    return publish_weights(model, target, meta)


def tell_unlearned(
    network: nn.Module, model: Any, checkpoint: str | Path | None
) -> None:
    """Have a network that was built tell what it is asked for and never learned.

    Args:
        network: Of :func:`build_uninext`; nothing is known of other weights than those
            of a named model, and nothing told.
        model: As of :func:`resolve_model`.
        checkpoint: The same.
    """
    name = DEFAULT_MODEL if model is None else str(model)
    if checkpoint is None and name in MODEL_ZOO:
        network.prompt_generator.learned = MODEL_ZOO[name].learned


def build_uninext(config: Mapping[str, Any], *kinds: str) -> nn.Module:
    """Build the network of a config with random weights.

    Raises:
        ValueError: If it is none of ``kinds`` (default: ``DETECTORS``), or asks for
            parts that are not here.
    """
    _check_kind(config, kinds or DETECTORS)
    init_default_scope('uninext')
    try:
        return MODELS.build(config.model)
    except (KeyError, TypeError) as error:  # a type or an argument that is not there
        if not is_for_users(error):
            raise
        raise ValueError(
            f'The network cannot be built: {error.args[0] if error.args else error}. '
            'If the config came out of a file of weights that another version of '
            'uninext wrote, give a config of this version before it.'
        ) from error


def _check_kind(config: Mapping[str, Any], kinds: Sequence[str]) -> None:
    kind = (config.get('model') or {}).get('type')
    if kind not in kinds:
        raise ValueError(
            f'The model {" or ".join(kinds)} is needed here; the config has {kind!r}. '
            'Take a config of configs/uninext, or one that inherits from it: '
            'stage3_video.py for images and videos, stage2_image.py for images.'
        )


def _weights(checkpoint: str | Path | None) -> Path:
    if checkpoint is None:
        raise ValueError(
            'A config without weights finds nothing: pass checkpoint="WEIGHTS.pth", or '
            f'a model that brings its own: {", ".join(map(repr, MODEL_ZOO))}. '
            'docs/model_zoo.md says where weights are.'
        )
    return local_file(checkpoint)


def _brought_along(name: str, named: NamedModel) -> Path:
    if not named.checkpoint.is_file():
        raise FileError(
            f'The weights of {name!r} are not in this installation: there is no '
            f'{named.checkpoint}. Install uninext again, from a whole checkout or '
            'wheel; or pass checkpoint= with weights of '
            f'{named.config}.'
        )
    return named.checkpoint


def _config_file(model: str | Path) -> Path:
    path = Path(model).expanduser()
    if path.is_file():
        if path.suffix != '.py':
            raise ValueError(
                f'{path} is neither a config (.py) nor a file of weights '
                f'({", ".join(sorted(CHECKPOINT_SUFFIXES))}).'
            )
        return path
    try:
        return config_path(model)
    except ValueError:
        known = [*MODEL_ZOO, *known_configs()]
        close = close_to(str(model).removesuffix('.py'), known)
        raise ValueError(
            f'There is no model {str(model)!r}.{close} Models by name: '
            f'{", ".join(MODEL_ZOO)}. Else pass the path of a config (CONFIG.py) and '
            'checkpoint="WEIGHTS", a file of weights that tells its config, a folder '
            'with the export.json of uninext export, a Config, or a model that was '
            'built.'
        ) from None


def _config_meta(config: Config) -> dict[str, str]:
    """How a loader finds the config again: by its name, or as it is."""
    path = Path(config.filename).resolve() if config.filename else None
    root = configs_root().resolve()
    if path is not None and path.is_relative_to(root):
        return {'config': path.relative_to(root).as_posix()}
    check_types(config.model)
    scale = InferenceScale(config).to_config()
    carried = Config(dict(model=config.model, inference_scale=scale))
    return {'config': path.name if path else 'none', **carried_meta(carried)}
