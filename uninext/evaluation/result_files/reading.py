"""Checks of what result files hold; errors name file and record."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from uninext.formats.json_file import is_finite
from uninext.formats.rle import to_rle


def list_of_records(
    value: Any, keys: Sequence[str], path: Any, what: str
) -> list[dict]:
    """Check that a value of a JSON file is a list of records.

    Args:
        value: What the file held.
        keys: That every record must have.
        path: Of the file.
        what: What the list is to be, for the error.

    Raises:
        ValueError: If it is no list of objects, or a record lacks a key.
    """
    expected = f'expected {what}: a list of objects with {", ".join(keys)}'
    if not isinstance(value, list):
        raise ValueError(f'{path} holds {_kind(value)}; {expected}.')
    for index, record in enumerate(value):
        if not isinstance(record, dict):
            raise ValueError(f'{path}, record {index} is {_kind(record)}; {expected}.')
        missing = [key for key in keys if key not in record]
        if missing:
            names = ' and no '.join(map(repr, missing))
            raise ValueError(f'{path}, record {index} has no {names}; {expected}.')
    return value


def unique(values: Iterable[Any], what: str, path: Any) -> set[Any]:
    """Collect ids.

    Raises:
        ValueError: If one is neither a number nor a text, or comes twice.
    """
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if not isinstance(value, (int, str)) or isinstance(value, bool):
            raise ValueError(f'{path}: {what} {index} has the id {value!r}.')
        if value in seen:
            raise ValueError(f'{path}: {what} {index} has the id {value!r} again.')
        seen.add(value)
    return seen


def check_known(value: Any, known: Container[Any], what: str, place: str) -> None:
    """Refuse an id that the ground truth does not have.

    Raises:
        ValueError: If it is not known.
    """
    if isinstance(value, (dict, list)) or value not in known:
        raise ValueError(
            f'{place} is of {what} {value!r}, which the ground truth does not have: '
            'the files belong to different sets, or count ids in another way.'
        )


def finite(value: Any, what: str, place: str) -> float:
    """Check a number.

    Raises:
        ValueError: If it is null, text, NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f'{place}: {what} must be a number, got {value!r:.60}.')
    if not is_finite(value):
        raise ValueError(f'{place}: {what} must be finite, got {value!r:.60}.')
    return value


def box_xywh(value: Any, place: str, what: str = 'bbox') -> list[float]:
    """Check a box.

    Returns:
        Four finite numbers x, y, width, height; no side is negative.

    Raises:
        ValueError: If it is anything else.
    """
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(
            f'{place}: {what} must be four numbers x, y, width, height, got '
            f'{value!r:.60}.'
        )
    for number in value:
        finite(number, what, place)
    if value[2] < 0 or value[3] < 0:
        raise ValueError(
            f'{place}: {what} must be x, y, width, height, got {value}, of negative '
            'size.'
        )
    return value


def mask_rle(
    segmentation: Any, size_hw: tuple[int, int], place: str, polygons: bool = False
) -> dict[str, Any]:
    """Check a mask.

    Args:
        segmentation: Of a JSON file.
        size_hw: Of the image, in pixels.
        place: File and record, for the error.
        polygons: Whether polygons are taken too; results are RLE alone.

    Returns:
        A run-length code that fills the image.

    Raises:
        ValueError: If it is anything else.
    """
    is_rle = (
        isinstance(segmentation, dict) and {'size', 'counts'} <= segmentation.keys()
    )
    if not is_rle and not (polygons and _are_polygons(segmentation)):
        expected = 'an RLE {size, counts}' + (' or polygons' if polygons else '')
        raise ValueError(
            f'{place}: the mask must be {expected}, got {_kind(segmentation)}.'
        )
    try:
        return to_rle(segmentation, *size_hw)
    except (ValueError, TypeError) as error:
        raise ValueError(f'{place}: {error}') from None


def _are_polygons(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(
            isinstance(polygon, list)
            and len(polygon) >= 6  # pycocotools takes four numbers for a box
            and len(polygon) % 2 == 0
            and all(map(is_finite, polygon))
            for polygon in value
        )
    )


def _kind(value: Any) -> str:
    names = {dict: 'an object', list: 'a list', str: 'a text', type(None): 'null'}
    return names.get(type(value), f'{value!r:.40}')
