"""Reading of result files: a path enters, a value or an error for people leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Args:
        path: Of the file.

    Returns:
        What it holds.

    Raises:
        ValueError: If it does not exist or is no JSON.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str, path: str | Path) -> Any:
    """Read JSON from text that was found in ``path``.

    Args:
        text: The text.
        path: Named in the error.

    Returns:
        What it holds.

    Raises:
        ValueError: If it is no JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is not a JSON file: {error}.') from None


def read_text(path: str | Path) -> str:
    """Read a text file.

    Args:
        path: Of the file.

    Returns:
        Its text.

    Raises:
        ValueError: If it does not exist or is not text.
    """
    try:
        return Path(path).read_text(encoding='utf-8-sig')
    except FileNotFoundError:
        raise ValueError(f'{path} does not exist. Check the path.') from None
    except IsADirectoryError:
        raise ValueError(f'{path} is a folder; expected a file.') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not a text file: {error}.') from None


def is_list_of(value: Any, *keys: str) -> bool:
    """Whether a value is a list of dicts that all have the keys.

    Args:
        value: What a JSON file held.
        *keys: That every dict must have.

    Returns:
        True for an empty list too.
    """
    return isinstance(value, list) and all(
        isinstance(item, dict) and all(key in item for key in keys) for item in value
    )
