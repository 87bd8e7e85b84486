"""Score thresholds that a file of weights carries, of each kind of prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uninext.checkpoint.io import STATE_KEYS, load_file, save_file, state_dict_of
from uninext.utils.defaults import DEFAULT_THRESHOLDS
from uninext.utils.files import FileError

THRESHOLDS_KEY = 'score_thresholds_json'


def carried_thresholds(meta: Mapping[str, Any], source: str) -> dict[str, float]:
    """Read the thresholds out of the metadata of a file; empty if it has none.

    Raises:
        FileError: If they are not 0..1 by kind of prompt; it names ``source``.
    """
    if THRESHOLDS_KEY not in meta:
        return {}
    try:
        found = json.loads(meta[THRESHOLDS_KEY])
        thresholds = {kind: float(value) for kind, value in found.items()}
        is_right = all(
            kind in DEFAULT_THRESHOLDS and 0 <= value <= 1
            for kind, value in thresholds.items()
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        is_right = False
    if not is_right:
        raise FileError(
            f'{source} carries thresholds that cannot be used: '
            f'{meta[THRESHOLDS_KEY]!r:.80}; expected 0..1 for some of '
            f'{", ".join(DEFAULT_THRESHOLDS)}. Find them again: uninext calibrate.'
        )
    return thresholds


def store_thresholds(
    source: str | Path, target: str | Path, thresholds: Mapping[str, float]
) -> None:
    """Write a file of weights again, with thresholds besides all that it holds.

    Args:
        source: The file.
        target: To write, whole or not at all; may be the same.
        thresholds: By kind of prompt; those of other kinds stay as they are.

    Raises:
        ValueError: If the two have other suffixes.
        FileError: If a file cannot be read or written.
    """
    source, target = Path(source), Path(target)
    if source.suffix != target.suffix:
        raise ValueError(
            f'{target} must end in {source.suffix}, as {source} does, whose content it '
            'has.'
        )
    content = load_file(source)
    if not any(key in content for key in STATE_KEYS):
        content = {'state_dict': state_dict_of(content, str(source))}
    meta = dict(content.get('meta') or {})
    stored = {**carried_thresholds(meta, str(source)), **thresholds}
    meta[THRESHOLDS_KEY] = json.dumps(stored)
    save_file({**content, 'meta': meta}, target)
