"""Samples as bytes that can be read straight from a file; no code is run by reading.

A sample is JSON, and for a video the arrays of its ``VideoAnnotation`` behind it, each
at a multiple of 8 bytes. They are read without being copied.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np

from uninext.datasets.video_annotation import VideoAnnotation

_ALIGNMENT = 8
_ARRAYS = [f.name for f in fields(VideoAnnotation) if 'ndarray' in str(f.type)]
_VALUES = [f.name for f in fields(VideoAnnotation) if f.name not in _ARRAYS]


class EncodingError(TypeError):
    """A sample holds what JSON does not give back as it was."""


def encode_sample(sample: dict[str, Any]) -> bytes:
    """Encode a sample; its length is a multiple of 8 bytes.

    Raises:
        EncodingError: If :func:`decode_sample` would not give it back.
    """
    head, arrays = dict(sample), []
    video = head.pop('video', None)
    if video is not None:
        given = {name: getattr(video, name) for name in _ARRAYS}
        arrays = [
            (k, np.ascontiguousarray(a)) for k, a in given.items() if a is not None
        ]
        head['video'] = {name: getattr(video, name) for name in _VALUES}
        head['video']['evaluation'] = list(video.evaluation)
        head['arrays'] = [[name, a.dtype.str, list(a.shape)] for name, a in arrays]
    plain = head
    if (columns := _columns(head.get('instances'))) is not None:
        head = {**head, 'instances': columns}  # each key is written once
    try:
        text = json.dumps(head, separators=(',', ':'))
    except (TypeError, ValueError) as error:
        raise EncodingError(f'cannot be written as JSON: {error}') from None
    if _with_rows(json.loads(text)) != plain:
        raise EncodingError(
            'has tuples, NaN or keys that are no texts, which JSON changes'
        )
    parts = [len(text).to_bytes(_ALIGNMENT, 'little'), _padded(text.encode('ascii'))]
    return b''.join([*parts, *(_padded(array.tobytes()) for _, array in arrays)])


def decode_sample(data: np.ndarray) -> dict[str, Any]:
    """The sample of (bytes,) uint8; arrays are read-only views of them."""
    start = _ALIGNMENT
    end = start + int.from_bytes(data[:start].tobytes(), 'little')
    sample = _with_rows(json.loads(data[start:end].tobytes()))
    if 'video' in sample:
        values = dict.fromkeys(_ARRAYS) | sample['video']
        for name, dtype, shape in sample.pop('arrays'):
            start = end + -end % _ALIGNMENT
            end = start + int(np.prod(shape)) * np.dtype(dtype).itemsize
            array = data[start:end].view(np.ndarray).view(dtype).reshape(shape)
            array.flags.writeable = False
            values[name] = array
        sample['video'] = VideoAnnotation(**values)
    return sample


def _columns(instances: Any) -> dict[str, list] | None:
    """Values by key, of dictionaries that have the same keys in the same order."""
    if not instances or not all(isinstance(i, dict) for i in instances):
        return None
    keys = list(instances[0])
    if not keys or any(list(instance) != keys for instance in instances):
        return None
    return {key: [instance[key] for instance in instances] for key in keys}


def _with_rows(sample: dict[str, Any]) -> dict[str, Any]:
    """Undo :func:`_columns`; the sample itself is changed."""
    if isinstance(columns := sample.get('instances'), dict):
        rows = zip(*columns.values())
        sample['instances'] = [dict(zip(columns, row)) for row in rows]
    return sample


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)
