"""What the package brings along: weights of named models, with how they were made.

``uninext_tiny.safetensors`` is what ``UninextInferencer()`` answers with.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ['asset_path']


def asset_path(name: str) -> Path:
    """The path that a file of this folder has, whether it is there or not.

    Args:
        name: Such as ``'uninext_tiny.safetensors'``.
    """
    return Path(__file__).parent / name
