"""All that is wrong with a set, at once: ``uninext check-data``.

Datasets stop at the first fault that they cannot pass over. Here each is counted, with
the first places.
"""

from __future__ import annotations

import math
import os.path as osp
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from PIL import Image, UnidentifiedImageError

from uninext.datasets.detection import PromptCocoDataset
from uninext.datasets.referring import ReferringDataset, checked_expressions
from uninext.datasets.referring_video import ReferringVideoDataset
from uninext.datasets.video_annotation import VideoAnnotation
from uninext.formats.coco import (
    checked_lists,
    fault_of,
    is_box,
    valid_segmentation,
)
from uninext.formats.errors import DatasetError
from uninext.formats.youtube_vis import check_length
from uninext.registry import DATASETS
from uninext.utils.image_files import turned_size_wh

MAX_PLACES = 5
ERROR, LEFT_OUT = 'error', 'left out'


class Problems:
    """What is wrong, by kind: how often, and the first places.

    Attributes:
        counts: ``(level, kind)`` -> number; the level is ``ERROR`` (training stops) or
            ``LEFT_OUT`` (training goes on without it).
        places: ``(level, kind)`` -> the first places.
        left_out: What the class leaves out by its options; no problem.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.places: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.left_out: dict[str, int] = {}

    def add(self, level: str, kind: str, place: str) -> None:
        """Count a problem."""
        self.counts[level, kind] += 1
        if len(self.places[level, kind]) < MAX_PLACES:
            self.places[level, kind].append(place)

    def has_errors(self) -> bool:
        """Whether training would stop."""
        return any(level == ERROR for level, _ in self.counts)

    def lines(self) -> Iterator[str]:
        """One line a kind, errors first; and one of what the class leaves out."""
        for level, kind in sorted(self.counts, key=lambda key: key[0] != ERROR):
            count, places = self.counts[level, kind], self.places[level, kind]
            more = f', and {count - len(places)} more' if count > len(places) else ''
            yield f'{level}: {count} x {kind}: {", ".join(places)}{more}'
        if self.left_out:
            counts = '; '.join(f'{n} {what}' for what, n in self.left_out.items())
            yield f'not used: {counts}'


def find_problems(
    content: Any, ann_file: str, with_expressions: bool = False, labelled: bool = True
) -> Problems:
    """Look through the content of an annotation file, of images or of videos.

    Args:
        content: What the file holds, in COCO's layout or that of YouTube-VIS.
        ann_file: Named in messages.
        with_expressions: Every image, or video, has expressions.
        labelled: False: ``annotations`` may be absent.
    """
    problems = Problems()
    is_video = isinstance(content, dict) and 'videos' in content
    scenes, layout = ('videos', 'YouTube-VIS') if is_video else ('images', 'COCO')
    try:
        content = checked_lists(content, ann_file, labelled, scenes, layout)
    except DatasetError as error:
        problems.add(ERROR, 'not an annotation file', str(error))
        return problems
    files = 'file_names' if is_video else 'file_name'
    records = _sound(content, scenes, ('id', files, 'height', 'width'), problems)
    categories = _sound(content, 'categories', ('id', 'name'), problems)
    owner = f'{scenes[:-1]}_id'
    fields = (owner, 'category_id', *(() if is_video else ('bbox',)))
    annotations = _sound(content, 'annotations', fields, problems)
    _find_twins(records, 'id', 'id of another record', problems)
    _find_twins(categories, 'id', 'id of another record', problems)
    _find_twins(categories, 'name', 'name of another category', problems)
    for place, record in records:
        if min(record['height'], record['width']) <= 0:
            size = f'{record["width"]} x {record["height"]}'
            problems.add(ERROR, 'width or height is not positive', f'{place}: {size}')
        if with_expressions:
            _try(lambda r=record: checked_expressions(r, ''), place, problems)
        if is_video:
            _find_in_names(record, place, problems)
    listed = {r['id'] for r in content[scenes] if fault_of(r, ('id',)) is None}
    by_id = {record['id']: record for _, record in records}
    category_ids = {category['id'] for _, category in categories}
    for place, annotation in annotations:
        record = by_id.get(annotation[owner])
        if annotation['category_id'] not in category_ids:
            unknown = f'{place}: {annotation["category_id"]!r}'
            problems.add(ERROR, 'category_id that the file does not list', unknown)
        elif record is None and annotation[owner] in listed:
            continue  # told of the record
        elif record is None:
            problems.add(LEFT_OUT, f'{scenes[:-1]} that the file does not list', place)
        elif is_video:
            _find_in_track(record, annotation, place, problems)
        else:
            _find_in_box(record, annotation, place, problems)
    return problems


def find_image_problems(
    files: Sequence[tuple[str, int, int]], problems: Problems
) -> None:
    """Look for image files, and compare the sizes in their headers.

    Args:
        files: Path, stated width and stated height of each.
        problems: Those that were found are added to them.
    """
    num_absent = 0
    for path, width, height in files:
        if not osp.isfile(path):
            num_absent += 1
            problems.add(LEFT_OUT, 'image file is absent', path)
            continue
        try:
            with Image.open(path) as image:
                size = turned_size_wh(image)
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            problems.add(LEFT_OUT, 'image file cannot be read', f'{path} ({error})')
            continue
        if size != (width, height):
            sizes = f'{path} ({size[0]} x {size[1]}, not {width} x {height})'
            problems.add(LEFT_OUT, 'image of another size than is stated', sizes)
    if files and num_absent == len(files):
        problems.add(
            ERROR, 'none of the image files is there', osp.dirname(files[0][0])
        )


def image_files(content: Any, folder: str) -> list[tuple[str, int, int]]:
    """Path, stated width and stated height of the images that a file names, once."""
    files: dict[str, tuple[int, int]] = {}
    sound = isinstance(content, dict)
    records = (content.get('videos') or content.get('images')) if sound else None
    for record in records if isinstance(records, list) else ():
        if not isinstance(record, dict) or not {'width', 'height'} <= record.keys():
            continue
        names = record.get('file_names', [record.get('file_name')])
        for name in names if isinstance(names, list) else ():
            if isinstance(name, str):
                files[osp.join(folder, name)] = record['width'], record['height']
    return [(path, *size) for path, size in files.items()]


def problems_of_set(
    cfg: dict[str, Any], with_images: bool = True
) -> tuple[str, Problems]:
    """What is wrong with a data set, and its name: the class, its file, its use.

    What its own class finds, when the content is sound, is told too.

    Args:
        cfg: Of one of our datasets, without pipeline.
        with_images: Look at its image files.
    """
    dataset = DATASETS.build({**cfg, 'pipeline': [], 'lazy_init': True})
    if not isinstance(dataset, PromptCocoDataset):
        problems = Problems()
        problems.add(ERROR, 'class that has no check', type(dataset).__name__)
        return cfg['ann_file'], problems
    use = 'for tests' if dataset.test_mode else 'for training'
    title = f'{dataset.ann_file} ({type(dataset).__name__}, {use})'
    try:
        content = dataset.read_content()
    except DatasetError as error:
        problems = Problems()
        problems.add(ERROR, 'file that cannot be read', str(error))
        return title, problems
    with_expressions = isinstance(dataset, (ReferringDataset, ReferringVideoDataset))
    problems = find_problems(
        content, dataset.ann_file, with_expressions, not dataset.test_mode
    )
    if with_images and dataset.backend_args is None:
        find_image_problems(image_files(content, dataset.image_folder), problems)
    del content
    if not problems.has_errors():
        try:
            dataset.full_init()
        except DatasetError as error:
            problems.add(ERROR, 'what its class cannot use', str(error))
        problems.left_out = dataset.left_out
    return title, problems


def _sound(
    content: dict[str, list], key: str, names: tuple[str, ...], problems: Problems
) -> list[tuple[str, dict]]:
    """Records that have all fields, each with its place; the others are problems."""
    sound = []
    for position, record in enumerate(content[key]):
        place = f'{key}[{position}]'
        if (fault := fault_of(record, names)) is not None:
            which, kind, value = fault
            problems.add(ERROR, f'record of {key} {kind}', f'{place}{which}{value}')
        else:
            which = f' (id {record["id"]})' if 'id' in record else ''
            sound.append((f'{place}{which}', record))
    return sound


def _find_twins(
    records: Sequence[tuple[str, dict]], key: str, kind: str, problems: Problems
) -> None:
    seen: set = set()
    for place, record in records:
        if record[key] in seen:
            problems.add(ERROR, kind, f'{place}: {record[key]!r}')
        seen.add(record[key])


def _find_in_names(record: dict, place: str, problems: Problems) -> None:
    names = record['file_names']
    if not isinstance(names, list) or not names:
        problems.add(ERROR, 'video without frames', place)
    elif any(not isinstance(name, str) for name in names):
        problems.add(ERROR, 'file name that is no text', place)
    else:
        length = record.get('length', len(names))
        _try(lambda: check_length(names, 'file_names', length, ''), place, problems)


def _find_in_track(
    record: dict, annotation: dict, place: str, problems: Problems
) -> None:
    names = record['file_names']
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        return  # told of the video
    labels = {annotation['category_id']: 0}
    video = _try(
        lambda: VideoAnnotation.from_records(record, [annotation], labels, '', ''),
        place,
        problems,
    )
    if video is not None and not len(video.ids):
        problems.add(LEFT_OUT, 'object that is visible in no frame', place)


def _find_in_box(
    record: dict, annotation: dict, place: str, problems: Problems
) -> None:
    box = annotation['bbox']
    if not is_box(box):
        kind = 'bbox that is not four finite numbers [x, y, width, height]'
        problems.add(ERROR, kind, f'{place}: {box!r}')
        return
    x, y, w, h = box
    inside_w = min(x + w, record['width']) - max(x, 0)
    inside_h = min(y + h, record['height']) - max(y, 0)
    if min(w, h, inside_w, inside_h) <= 0:
        problems.add(LEFT_OUT, 'box without area inside its image', f'{place}: {box}')
    mask = annotation.get('segmentation')
    valid = valid_segmentation(mask)
    if isinstance(valid, dict):
        if list(valid['size']) != [record['height'], record['width']]:
            sizes = f'{place}: {valid["size"]}'
            problems.add(ERROR, 'mask of another size than its image', sizes)
    elif valid is None:
        if mask:
            problems.add(LEFT_OUT, 'segmentation that is no mask', place)
    elif not all(
        type(v) in (int, float) and math.isfinite(v) for part in valid for v in part
    ):
        problems.add(ERROR, 'polygon of other things than finite numbers', place)


def _try(check: Callable[[], Any], place: str, problems: Problems) -> Any:
    """The result of a check; its error is a problem."""
    try:
        return check()
    except DatasetError as error:
        text = str(error).lstrip(': ')
        problems.add(ERROR, 'what cannot be read', f'{place}: {text}')
        return None
