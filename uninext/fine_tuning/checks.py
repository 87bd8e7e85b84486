"""Check annotations of users: what is wrong is an error, what is odd is a note.

Contents of files are in COCO's layout or that of YouTube-VIS. Errors and notes name
what they are about.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from uninext.datasets.image_files import NUM_PROBED_IMAGES
from uninext.fine_tuning.splits import keep_scenes, kind_of_scenes, scene_of
from uninext.formats.coco import valid_segmentation
from uninext.formats.errors import DatasetError
from uninext.utils.image_files import turned_size_wh

_BORDER = 1.0  # pixels that a box may reach over the border before it is told
_MAX_NAMED = 12


def without_lost_annotations(content: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Leave out annotations of images, or videos, that the file does not list.

    A note names them; it is empty if there are none.
    """
    kind = kind_of_scenes(content)
    owner, known = f'{kind[:-1]}_id', {record['id'] for record in content[kind]}
    lost = [
        f'{_name_of(a, position)} ({owner} {a[owner]})'
        for position, a in enumerate(content['annotations'])
        if a[owner] not in known
    ]
    if not lost:
        return content, ''
    kept = [a for a in content['annotations'] if a[owner] in known]
    note = (
        f'{len(lost)} annotations are left out, the file lists no such {kind[:-1]}: '
        f'{listed(lost)}'
    )
    return {**content, 'annotations': kept}, note


def without_lost_files(
    content: dict[str, Any], folder: Path, path: Path
) -> tuple[dict[str, Any], list[str]]:
    """Leave out scenes whose image files are absent or damaged; compare sizes.

    Returns:
        The rest, and notes that name what is left out.

    Raises:
        ValueError: If ``folder`` has none of the files.
        DatasetError: If an image has another size than its record says.
    """
    records = content[kind_of_scenes(content)]
    absent: dict[str, str] = {}  # scene -> a file of it
    damaged: dict[str, str] = {}
    other_size: dict[str, str] = {}  # file -> in words
    for record in records:
        for name in files_of(record):
            if not (folder / name).is_file():
                absent.setdefault(scene_of(record), name)
            elif (size := image_size(folder / name)) is None:
                damaged.setdefault(scene_of(record), name)
            elif size != (stated := (record['width'], record['height'])):
                other_size[name] = f'{_size_text(size)}, not {_size_text(stated)}'
    scenes = {scene_of(record) for record in records}
    if len(absent) == len(scenes):
        raise ValueError(
            f'{folder} has none of the images of {path}: there is no '
            f'{folder / next(iter(absent.values()))}. Give the folder that their '
            'file_name starts from: --images DIR.'
        )
    if other_size:
        raise DatasetError(other_sizes_text(other_size, str(path)))
    notes = [
        f'{len(lost)} of {len(scenes)} {kind_of_scenes(content)} are left out, {why}: '
        f'{listed(list(lost.values()))}'
        for lost, why in (
            (absent, f'files are not in {folder}'),
            (damaged, f'files in {folder} are damaged, or no images'),
        )
        if lost
    ]
    lost = absent.keys() | damaged.keys()
    return (keep_scenes(content, scenes - lost) if lost else content), notes


def image_size(path: str | Path) -> tuple[int, int] | None:
    """(width, height) of an image as it is loaded: turned as its EXIF says.

    Returns:
        The size, read without decoding the pixels; None if the file is no image.
    """
    try:
        with Image.open(path) as image:
            return turned_size_wh(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None


def probe_sizes(dataset: Any) -> tuple[dict[str, str], int]:
    """Compare sizes of some images of a training set with their files.

    Args:
        dataset: As the sources of a ``MultiTaskDataset``: samples have ``img_path``,
            ``height`` and ``width``, or a ``video`` of which the first frame is taken.

    Returns:
        File -> its size and the one that is stated, where they differ; and how many
        files were looked at.
    """
    other_size, total = {}, len(dataset)
    count = min(NUM_PROBED_IMAGES, total)
    for i in range(count):
        info = dataset.get_data_info(i * total // count)
        if (video := info.get('video')) is not None:
            info = dict(img_path=video.path(0), width=video.width, height=video.height)
        size, stated = image_size(info['img_path']), (info['width'], info['height'])
        if size is not None and size != stated:
            text = f'{_size_text(size)}, not {_size_text(stated)}'
            other_size[info['img_path']] = text
    return other_size, count


def other_sizes_text(other_size: Mapping[str, str], where: str) -> str:
    """What is said about images of another size than ``where`` states, by file."""
    names = listed([f'{name} ({size})' for name, size in other_size.items()])
    return (
        f'{len(other_size)} images have another size (width x height, pixels) than '
        f'{where} says: {names}. Boxes and masks would be in wrong places: correct '
        'width and height, and the boxes if they were made for that size.'
    )


def notes_on_annotations(content: dict[str, Any], path: Path) -> list[str]:
    """What is odd about boxes and masks; every annotation is of a scene that is listed.

    Raises:
        DatasetError: If a mask cannot be made: a polygon of other things than numbers,
            or an RLE of another size than its image.
    """
    return [*_notes_on_boxes(content), *_notes_on_masks(content, path)]


def files_of(record: dict[str, Any]) -> list[str]:
    """Image files of a record of ``images`` or ``videos``."""
    return record['file_names'] if 'file_names' in record else [record['file_name']]


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ', '.join(names[:_MAX_NAMED])
    more = len(names) - _MAX_NAMED
    return f'{shown}, and {more} more' if more > 0 else shown


def _notes_on_boxes(content: dict[str, Any]) -> Iterator[str]:
    num_over = num_nothing = 0
    for annotation, record in _pairs(content):
        for box in [annotation.get('bbox'), *_list_of(annotation, 'bboxes')]:
            if not isinstance(box, list) or len(box) != 4:
                continue  # VideoAnnotation says what is wrong with a track
            x, y, w, h = box
            inside_w = min(x + w, record['width']) - max(x, 0)
            inside_h = min(y + h, record['height']) - max(y, 0)
            if min(w, h, inside_w, inside_h) <= 0:
                num_nothing += 1
            elif max(w - inside_w, h - inside_h) > _BORDER:
                num_over += 1
    if num_over:
        yield f'{num_over} boxes reach over the border; they are cut there'
    if num_nothing:
        yield f'{num_nothing} boxes are empty or outside; they do not count'


def _notes_on_masks(content: dict[str, Any], path: Path) -> Iterator[str]:
    odd: list[str] = []
    for position, (annotation, record) in enumerate(_pairs(content)):
        where = f'{_name_of(annotation, position)} of {scene_of(record)}'
        size_hw = [record['height'], record['width']]
        masks = [annotation.get('segmentation'), *_list_of(annotation, 'segmentations')]
        for mask in masks:
            if not mask or (isinstance(mask, list) and not any(mask)):
                continue
            valid = valid_segmentation(mask)
            if valid is None or len(valid) < len(mask):
                odd.append(where)
            elif fault := _fault_of(valid, size_hw):
                raise DatasetError(f'{path}: the segmentation of {where} {fault}.')
    if odd:
        yield (
            f'{len(odd)} segmentations are neither polygons [x1, y1, x2, ...] of three '
            f'points or more nor RLE; what is not does not count: {listed(odd)}'
        )


def _fault_of(mask: list | dict, size_hw: list[int]) -> str:
    """Why a mask cannot be made; empty if it can."""
    if isinstance(mask, dict):
        is_right = list(mask['size']) == size_hw
        return '' if is_right else f'has the size {mask["size"]}, expected {size_hw}'
    numbers = [value for polygon in mask for value in polygon]
    wrong = [v for v in numbers if type(v) not in (int, float) or not math.isfinite(v)]
    return f'has {wrong[0]!r} for a number' if wrong else ''


def _pairs(content: dict[str, Any]) -> Iterator[tuple[dict, dict]]:
    """Annotations, each with its record of ``images`` or ``videos``."""
    kind = kind_of_scenes(content)
    records = {record['id']: record for record in content[kind]}
    for annotation in content['annotations']:
        yield annotation, records[annotation[f'{kind[:-1]}_id']]


def _list_of(annotation: dict[str, Any], key: str) -> list:
    value = annotation.get(key)
    return value if isinstance(value, list) else []


def _size_text(size: tuple[int, int]) -> str:
    return f'{size[0]} x {size[1]}'


def _name_of(annotation: dict[str, Any], position: int) -> str:
    return f'annotation {annotation.get("id", f"no. {position}")}'
