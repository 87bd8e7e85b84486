"""COCO's annotations of images: the reader, whose errors say what to do.

Everything that can be known before training starts is checked here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import is_finite, read_json

_ADVICE = (
    'Download or convert the dataset (tools/dataset_converters), or set `data_root` '
    'and `ann_file` of the dataset in the config.'
)
_WORDS = {int: 'a number', float: 'a number', str: 'a text'}
_ID, _NUMBER = (int, str, float), (int, float)
_TYPES = dict(
    id=_ID,
    image_id=_ID,
    video_id=_ID,
    category_id=_ID,
    name=(str,),
    file_name=(str,),
    height=_NUMBER,
    width=_NUMBER,
)


def checked_coco(
    content: Any, ann_file: str, require_annotations: bool = True
) -> dict[str, list[dict[str, Any]]]:
    """Check the structure of COCO-format annotations.

    Args:
        content: What the file holds.
        ann_file: Named in messages.
        require_annotations: False for sets whose labels are withheld: ``annotations``
            may then be absent or null.

    Returns:
        ``images``, ``annotations`` and ``categories``, each a list of dicts with the
        keys that the datasets need.

    Raises:
        DatasetError: If it lacks something.
    """
    given = content, ann_file, require_annotations
    content = checked_lists(*given, 'images', 'COCO format')
    _check_records(content, ann_file)
    return content


def checked_lists(
    content: Any, ann_file: str, require_annotations: bool, records: str, layout: str
) -> dict[str, list]:
    """A copy of a file's content, whose lists are there; ``records`` is the first.

    Raises:
        DatasetError: If a list is absent, or there is no record.
    """
    keys = (records, 'annotations', 'categories')
    if not isinstance(content, dict):
        raise DatasetError(
            f'Annotation file {ann_file} holds a JSON {type(content).__name__}; '
            f'expected an object with the lists {", ".join(keys)} ({layout}).'
        )
    content = dict(content)  # what was given stays as it is
    if not require_annotations and content.get('annotations') is None:
        content['annotations'] = []
    missing = [key for key in keys if not isinstance(content.get(key), list)]
    if missing:
        raise DatasetError(
            f'Annotation file {ann_file} is not in {layout}: it has no list named '
            f'{" and no list named ".join(map(repr, missing))} '
            f'(its keys are {sorted(content)[:10]}). Convert it with a tool of '
            'tools/dataset_converters/, or point `ann_file` to another file.'
        )
    if not content[records]:
        raise DatasetError(f'Annotation file {ann_file} lists no {records[:-1]}.')
    return content


def category_names(content: dict[str, list], ann_file: str) -> dict[int, str]:
    """Category id -> name, in the order of the file.

    Raises:
        DatasetError: If two categories share a name: labels would be ambiguous.
    """
    names = {cat['id']: cat['name'] for cat in content['categories']}
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    if twice:
        raise DatasetError(
            f'Annotation file {ann_file} has several categories named '
            f'{sorted(twice)}. Merge or rename them: names are what is searched for.'
        )
    return names


def valid_segmentation(segmentation: Any) -> list | dict | None:
    """Keep what can be turned into a mask.

    Args:
        segmentation: COCO polygons [[x1, y1, x2, ...], ...] in pixels, or RLE
            dict(size, counts).

    Returns:
        The polygons of at least three points, the RLE, or None if nothing is usable.
    """
    if isinstance(segmentation, list):
        polygons = [
            polygon
            for polygon in segmentation
            if isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
        ]
        return polygons or None
    if isinstance(segmentation, dict):
        counts, size = segmentation.get('counts'), segmentation.get('size')
        if isinstance(counts, (list, str)) and isinstance(size, list):
            return segmentation
    return None


def read_annotations(
    ann_file: str,
    backend_args: dict | None = None,
    without: Collection[str] = (),
) -> Any:
    """Read the JSON of a dataset; arguments and errors of :func:`read_json`."""
    return read_json(ann_file, _ADVICE, backend_args, without)


def _check_records(content: dict[str, list], ann_file: str) -> None:
    fields = dict(image=('file_name', 'height', 'width'), annotation=('bbox',))
    check_records(content, 'images', fields, ann_file)
    for position, annotation in enumerate(content['annotations']):
        if not is_box(annotation['bbox']):
            raise DatasetError(
                f'Annotation file {ann_file}: annotations[{position}] has the bbox '
                f'{annotation["bbox"]}; expected four finite numbers [x, y, width, '
                'height] in pixels.'
            )


def check_records(
    content: dict[str, list],
    scenes: str,
    fields: Mapping[str, Sequence[str]],
    ann_file: str,
) -> None:
    """Check fields and ids of the records of a file.

    Args:
        content: Lists ``annotations``, ``categories`` and that of the scenes.
        scenes: 'images' or 'videos'.
        fields: What a scene ('image' or 'video') and an 'annotation' have besides ids.
        ann_file: Named in messages.

    Raises:
        DatasetError: If a record lacks something or is of another type than expected,
            two have one id, or an annotation is of a category that is not there.
    """
    owner = f'{scenes[:-1]}_id'
    for key, names in (
        (scenes, ('id', *fields[scenes[:-1]])),
        ('categories', ('id', 'name')),
        ('annotations', (owner, 'category_id', *fields['annotation'])),
    ):
        types = [(name, _TYPES.get(name)) for name in names]
        for position, record in enumerate(content[key]):
            if type(record) is dict:
                for name, known in types:  # plainly, of 30 million annotations
                    if name not in record:
                        break
                    if known and type(record[name]) not in known:
                        break
                else:
                    continue
            which, kind, value = fault_of(record, names) or ('', '', '')
            raise DatasetError(
                f'Annotation file {ann_file}: {key}[{position}]{which} {kind}{value}.'
            )
    check_unique(content[scenes], scenes, ann_file)
    check_unique(content['categories'], 'categories', ann_file)
    category_ids = {category['id'] for category in content['categories']}
    for position, annotation in enumerate(content['annotations']):
        if annotation['category_id'] not in category_ids:
            raise DatasetError(
                f'Annotation file {ann_file}: annotations[{position}] has category_id '
                f'{annotation["category_id"]}, which is not among the categories of '
                'the file.'
            )


def fault_of(record: Any, names: Sequence[str]) -> tuple[str, str, str] | None:
    """The fault of a record: its id, what it lacks or has wrong, and the value.

    None if it has all fields and they are of the types that are expected.
    """
    if not isinstance(record, dict):
        return '', 'is no object', f': {record!r}'
    which = f' (id {record.get("id")})'
    lacking = [name for name in names if name not in record]
    if lacking:
        return which, f'has no {" and no ".join(lacking)}', ''
    for name in names:
        types = _TYPES.get(name)
        if types and type(record[name]) not in types:
            expected = ' or '.join(dict.fromkeys(_WORDS[kind] for kind in types))
            kind = f'has a {name} that is not {expected}'
            return which, kind, f': {record[name]!r}'
    return None


def check_unique(records: list[dict], key: str, ann_file: str) -> None:
    """Raise DatasetError if two records of the list ``key`` have one id."""
    seen: set = set()
    for record in records:
        if record['id'] in seen:
            raise DatasetError(
                f'Annotation file {ann_file}: two {key} have the id {record["id"]}; '
                'ids must be unique.'
            )
        seen.add(record['id'])


def is_box(bbox: Any) -> bool:
    """Whether it is four finite numbers."""
    return (
        isinstance(bbox, (list, tuple)) and len(bbox) == 4 and all(map(is_finite, bbox))
    )


def absent_category_ids(content: Mapping[str, list]) -> dict[Any, list[Any]]:
    """Image id -> ids of the categories that it is known not to show.

    Those of its ``neg_category_ids`` where images have such lists, as in LVIS; else all
    that it has no annotation of: the file is taken to be exhaustive.
    """
    images = content['images']
    if any('neg_category_ids' in image for image in images):
        return {image['id']: image.get('neg_category_ids', []) for image in images}
    shown: dict[Any, set] = {image['id']: set() for image in images}
    for annotation in content['annotations']:
        if annotation['image_id'] in shown:
            shown[annotation['image_id']].add(annotation['category_id'])
    ids = [category['id'] for category in content['categories']]
    return {image: [i for i in ids if i not in here] for image, here in shown.items()}
