"""Read referring sets over images for the layout that ``ReferringDataset`` reads.

COCO format, but with one record of ``images`` per referred object.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from uninext.converters.report import ConversionReport, progress_bar
from uninext.formats.coco import valid_segmentation
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import read_json
from uninext.utils.text import clean_expression


@dataclass(frozen=True)
class ReferSet:
    """One of the referring sets over COCO train2014.

    Attributes:
        name: Folder of the converted files.
        folder: Folder of the download.
        refs_file: The pickle within it.
        test_splits: Splits besides ``train``.
        in_mix: Whether its train split is part of ``refcoco-mixed``.
    """

    name: str
    folder: str
    refs_file: str
    test_splits: tuple[str, ...]
    in_mix: bool = True


REFER_SETS = (
    ReferSet('refcoco-unc', 'refcoco', 'refs(unc).p', ('val', 'testA', 'testB')),
    ReferSet('refcocoplus-unc', 'refcoco+', 'refs(unc).p', ('val', 'testA', 'testB')),
    ReferSet('refcocog-umd', 'refcocog', 'refs(umd).p', ('val', 'test')),
    ReferSet('refcocog-google', 'refcocog', 'refs(google).p', ('val',), in_mix=False),
)
MIXED_NAME = 'refcoco-mixed'
# what pickle raises on bytes that are not a pickle
_DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError)


@dataclass(frozen=True)
class ReferredObject:
    """An object and the expressions that refer to it.

    Attributes:
        file_name: Of the photograph, below the image folder.
        width: Of the photograph, in pixels.
        height: Of the photograph, in pixels.
        image_id: Of the photograph.
        ann_id: Of the object; None if the file has none for it.
        bbox: [x, y, width, height] in pixels.
        segmentation: COCO polygons or RLE; None if unknown.
        expressions: At least one expression.
    """

    file_name: str
    width: int
    height: int
    image_id: int
    ann_id: int | None
    bbox: list[float]
    segmentation: list | dict | None
    expressions: tuple[str, ...]


@dataclass
class Conversion(ConversionReport):
    """What a conversion made of its input: ``objects`` were read and kept."""

    objects: list[ReferredObject] = field(default_factory=list)

    def found(self) -> list[str]:
        """Lines that say what was kept."""
        expressions = sum(len(o.expressions) for o in self.objects)
        images = len({o.image_id for o in self.objects})
        boxes_only = sum(o.segmentation is None for o in self.objects)
        lines = [
            f'{len(self.objects)} objects with {expressions} expressions on '
            f'{images} images'
        ]
        if boxes_only:
            lines.append(f'  {boxes_only} of them have a box but no mask')
        return lines


def convert_refer(
    root: Path, refer_set: ReferSet, progress: bool = True
) -> dict[str, Conversion]:
    """Read one set of the REFER download.

    ``root`` holds ``refcoco/``, ``refcoco+/``, ``refcocog/``.

    Raises:
        DatasetError: If a file is absent or not what it should be.
    """
    refs = load_plain_pickle(root / refer_set.folder / refer_set.refs_file)
    instances = read_json(root / refer_set.folder / 'instances.json')
    images = {image['id']: image for image in instances['images']}
    annotations = {ann['id']: ann for ann in instances['annotations']}
    splits: dict[str, Conversion] = {
        split: Conversion() for split in ('train', *refer_set.test_splits)
    }
    for ref in progress_bar(refs, 'refs', progress):
        conversion = splits.get(ref['split'])
        if conversion is None:
            continue
        image = images.get(ref['image_id'])
        annotation = annotations.get(ref['ann_id'])
        expressions = [s.get('sent') or s.get('raw', '') for s in ref['sentences']]
        _add(conversion, image, annotation, expressions)
    return splits


def mix_train_splits(
    sets: Iterable[dict[str, Conversion]],
    keep_leaks: bool = False,
    keep_duplicates: bool = False,
) -> Conversion:
    """Merge the train splits of several sets.

    Args:
        sets: Split -> conversion, of each.
        keep_leaks: Keep images that occur in a val or test split of any of the sets.
            The published training does, so its metrics on those splits are favoured.
        keep_duplicates: Keep an object that several sets refer to as several records,
            as the published training does, instead of one with all expressions.
    """
    sets = list(sets)
    held_out = {
        obj.image_id
        for splits in sets
        for split, conversion in splits.items()
        if split != 'train'
        for obj in conversion.objects
    }
    mixed = Conversion()
    merged: dict[Any, ReferredObject] = {}
    for position, splits in enumerate(sets):
        for i, obj in enumerate(splits['train'].objects):
            if obj.image_id in held_out and not keep_leaks:
                mixed.skip('image occurs in a val or test split', obj.file_name)
                continue
            key: tuple = (obj.image_id, obj.ann_id)
            if keep_duplicates or obj.ann_id is None:
                key = (position, i)
            if key in merged:
                mixed.skip('object merged with one of another set', obj.file_name)
                old = merged[key]
                expressions = dict.fromkeys(old.expressions + obj.expressions)
                obj = replace(old, expressions=tuple(expressions))
            merged[key] = obj
    mixed.objects = list(merged.values())
    return mixed


def convert_refexp_json(path: Path, progress: bool = True) -> Conversion:
    """Read the simple JSON form of referring expressions.

    ``refs`` (or the file itself) is a list of objects with ``image_id, file_name,
    width, height, bbox`` ([x, y, w, h]), ``sentences`` (strings, or objects with
    ``sent`` or ``raw``) and, where known, ``segmentation``, ``ann_id``, ``no_target``.

    Raises:
        DatasetError: If the file is absent or not of this form.
    """
    content = read_json(path)
    refs = content.get('refs') if isinstance(content, dict) else content
    if not isinstance(refs, list):
        raise DatasetError(f'{path} has no list of refs (key "refs").')
    conversion = Conversion()
    for position, ref in enumerate(progress_bar(refs, 'refs', progress)):
        lacking = [k for k in ('image_id', 'file_name', 'sentences') if k not in ref]
        if lacking:
            raise DatasetError(f'{path}: refs[{position}] has no {lacking}.')
        if ref.get('no_target'):
            reason = 'the expression refers to nothing in the image'
            conversion.skip(reason, ref['file_name'])
            continue
        expressions = [
            s if isinstance(s, str) else s.get('sent') or s.get('raw', '')
            for s in ref['sentences']
        ]
        image = {**ref, 'id': ref['image_id']}
        _add(conversion, image, {**ref, 'id': ref.get('ann_id')}, expressions)
    return conversion


def to_coco(conversion: Conversion) -> dict[str, list[dict]]:
    """The dictionary that is written: one record per object, ids from 1.

    An object without a mask has no ``segmentation``, so no mask is ever learned for it.
    The object referred to is a target, so ``iscrowd`` is 0.
    """
    images, annotations = [], []
    for record_id, obj in enumerate(conversion.objects, start=1):
        images.append(
            dict(
                id=record_id,
                file_name=obj.file_name,
                height=obj.height,
                width=obj.width,
                original_id=obj.image_id,
                expressions=list(obj.expressions),
            )
        )
        annotation = dict(
            id=record_id,
            image_id=record_id,
            category_id=1,
            bbox=obj.bbox,
            area=obj.bbox[2] * obj.bbox[3],
            iscrowd=0,
        )
        if obj.ann_id is not None:
            annotation['original_id'] = obj.ann_id
        if obj.segmentation is not None:
            annotation['segmentation'] = obj.segmentation
        annotations.append(annotation)
    categories = [dict(id=1, name='object')]
    return dict(images=images, annotations=annotations, categories=categories)


def load_plain_pickle(path: Path) -> Any:
    """Unpickle a file that holds only containers, numbers and strings.

    Raises:
        DatasetError: If the file is absent, damaged, or asks for anything else: a
            pickle can run any code, so nothing but plain data is accepted.
    """
    try:
        return _PlainUnpickler(
            io.BytesIO(path.read_bytes()), encoding='utf-8', errors='replace'
        ).load()
    except FileNotFoundError:
        raise DatasetError(
            f'{path} does not exist. Expected the REFER download with refcoco/, '
            'refcoco+/ and refcocog/, each with instances.json and refs(...).p.'
        ) from None
    except _DAMAGED as error:
        raise DatasetError(f'{path} is not a plain pickle: {error}') from error


def _add(
    conversion: Conversion,
    image: dict | None,
    annotation: dict | None,
    texts: list[str],
) -> None:
    """Add an object, or count why not."""
    expressions = tuple(
        dict.fromkeys(s.strip() for s in texts if clean_expression(s).strip())
    )
    reason = None
    if image is None:
        reason = 'its image is not in instances.json'
    elif 'width' not in image or 'height' not in image:
        reason = 'width and height of its image are unknown'
    elif annotation is None or not annotation.get('bbox'):
        reason = 'it has no annotation or no box'
    elif min(annotation['bbox'][2:4]) <= 0:
        reason = 'its box is empty'
    elif not expressions:
        reason = 'it has no expression'
    if reason is not None:
        conversion.skip(reason, texts)
    else:
        conversion.objects.append(
            ReferredObject(
                file_name=image['file_name'],
                width=image['width'],
                height=image['height'],
                image_id=image['id'],
                ann_id=annotation['id'],
                bbox=annotation['bbox'],
                segmentation=valid_segmentation(annotation.get('segmentation')),
                expressions=expressions,
            )
        )


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(
            f'it asks for {module}.{name}; only lists, dictionaries, numbers and '
            'strings are accepted'
        )
