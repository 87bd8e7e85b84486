"""Configs that files of weights carry, as JSON: nothing in them is executed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from uninext.utils.files import FileError

CONFIG_KEY = 'config_json'
# A name of ours, or one of mmpretrain or mmdet; nothing that could be imported.
_TYPE_NAME = re.compile(r'((mmpretrain|mmdet)\.)?\w+', re.ASCII)


def carried_meta(config: Mapping[str, Any]) -> dict[str, str]:
    """Metadata of a file that tell the config it belongs to; tuples become lists."""
    if isinstance(config, Config):
        config = config.to_dict()
    return {CONFIG_KEY: json.dumps(config, default=repr)}


def carried_config(meta: Mapping[str, Any], source: str) -> dict[str, Any] | None:
    """Read the config, with a ``model``, out of the metadata of a file, if any.

    Raises:
        FileError: If it is not JSON, has no model, or one that could run code; it names
            ``source``.
    """
    if CONFIG_KEY not in meta:
        return None
    try:
        config = json.loads(meta[CONFIG_KEY])
        model = config['model']
        if not isinstance(model, dict):
            raise TypeError('a model that is no mapping')
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FileError(
            f'{source} carries a config without a model, or none that can be read '
            f'({error}). Give the config before it.'
        ) from error
    try:
        check_types(model)
    except ValueError as error:
        raise FileError(
            f'{source} carries a config that is not used. {error} If you trust it, '
            'give the config as a file before it.'
        ) from error
    return config


def check_types(value: Any) -> None:
    """Refuse types, anywhere in a config, that are no plain names of a registry.

    mmengine imports what a ``type`` with dots names, and calls it.

    Raises:
        ValueError: If a ``type`` is something else.
    """
    if isinstance(value, Mapping):
        kind = value.get('type')
        if isinstance(kind, str) and not _TYPE_NAME.fullmatch(kind):
            raise ValueError(
                f'The config asks for the type {kind!r}. Out of a file of weights only '
                'plain names are built (and mmpretrain.NAME, mmdet.NAME), so that it '
                'cannot run code of its choice.'
            )
        for part in value.values():
            check_types(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            check_types(part)
