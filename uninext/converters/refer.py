"""Read referring sets over images for the layout that ``ReferringDataset`` reads.

Files as they are downloaded in; COCO-format dictionaries with one ``images`` record
per referred object, and a count of what was left out and why, out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uninext.converters.files import load_plain_pickle, tracked
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
class Conversion:
    """What a conversion made of its input.

    Attributes:
        objects: Read and kept.
        skipped: Reason -> count.
    """

    objects: list[ReferredObject] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def summary(self, title: str) -> str:
        """A few lines for people: kept, without mask, skipped and why."""
        expressions = sum(len(o.expressions) for o in self.objects)
        photographs = len({o.image_id for o in self.objects})
        boxes_only = sum(o.segmentation is None for o in self.objects)
        lines = [
            f'{title}: {len(self.objects)} objects with {expressions} expressions on '
            f'{photographs} images'
        ]
        if boxes_only:
            lines.append(f'  {boxes_only} of them have a box but no mask')
        lines += [f'  skipped {n}: {why}' for why, n in sorted(self.skipped.items())]
        return '\n'.join(lines)


def convert_refer(
    root: Path, refer_set: ReferSet, progress: bool = True
) -> dict[str, Conversion]:
    """Read one set of the REFER download.

    Args:
        root: Folder with ``refcoco/``, ``refcoco+/``, ``refcocog/``.
        refer_set: Which one.
        progress: Show a progress bar.

    Returns:
        Split -> what was read.

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
    for ref in tracked(refs, 'refs', progress):
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
        sets: Split -> conversion, of each set.
        keep_leaks: Keep images that occur in a val or test split of any of the sets.
            The published training does, so its metrics on those splits are favoured.
        keep_duplicates: Keep an object that several sets refer to as several records,
            as the published training does, instead of one with all expressions.

    Returns:
        The merged objects, and how many were left out.
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
                mixed.skipped['image occurs in a val or test split'] += 1
                continue
            key: tuple = (obj.image_id, obj.ann_id)
            if keep_duplicates or obj.ann_id is None:
                key = (position, i)
            if key in merged:
                mixed.skipped['object merged with one of another set'] += 1
                old = merged[key]
                expressions = dict.fromkeys(old.expressions + obj.expressions)
                obj = ReferredObject(**{**vars(old), 'expressions': tuple(expressions)})
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
    for position, ref in enumerate(tracked(refs, 'refs', progress)):
        lacking = [k for k in ('image_id', 'file_name', 'sentences') if k not in ref]
        if lacking:
            raise DatasetError(f'{path}: refs[{position}] has no {lacking}.')
        if ref.get('no_target'):
            conversion.skipped['the expression refers to nothing in the image'] += 1
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
    return dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='object')],
    )


def _add(
    conversion: Conversion,
    image: dict | None,
    annotation: dict | None,
    texts: Iterable[str],
) -> None:
    """Add an object, or count why not."""
    expressions = tuple(
        dict.fromkeys(s.strip() for s in texts if clean_expression(s).strip())
    )
    if image is None:
        conversion.skipped['its image is not in instances.json'] += 1
    elif 'width' not in image or 'height' not in image:
        conversion.skipped['width and height of its image are unknown'] += 1
    elif annotation is None or not annotation.get('bbox'):
        conversion.skipped['it has no annotation or no box'] += 1
    elif min(annotation['bbox'][2:4]) <= 0:
        conversion.skipped['its box is empty'] += 1
    elif not expressions:
        conversion.skipped['it has no expression'] += 1
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
