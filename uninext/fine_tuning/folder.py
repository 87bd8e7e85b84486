"""Find annotations and pictures in a folder of COCO format.

First step of a short training: a path enters, checked paths leave.

Layouts read, the first that fits; pictures may lie in any folder up to two levels
down::

    annotations/instances_train*.json [annotations/instances_val*.json]
    train/_annotations.coco.json [valid/ or val/_annotations.coco.json]
    annotations.json, or _annotations.coco.json, or the only other .json of the folder

Sentences are read from ``refs_train*.json`` (``refs_val*.json``) beside them or in
``annotations/``, or from ``refs.json`` with a single file: one image record per
referred object, with ``expressions``. Where there is no validation file, every seventh
picture (at least one) is held out by lot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uninext.fine_tuning.checks import without_lost_annotations
from uninext.fine_tuning.scenes import (
    draw_scenes,
    keep_scenes,
    scene_of,
    write_annotations,
)
from uninext.formats.coco import read_coco_file

TRAIN_PATTERNS = (
    'annotations/instances_train*.json',
    'train/_annotations.coco.json',
)
VAL_PATTERNS = (
    'annotations/instances_val*.json',
    'valid/_annotations.coco.json',
    'val/_annotations.coco.json',
)
SINGLE_PATTERNS = ('annotations.json', '_annotations.coco.json', '*.json')
HELD_OUT = 7  # one picture of so many
NUM_PROBED = 5  # pictures looked for in a folder before it is believed


@dataclass(frozen=True)
class CocoSplit:
    """One part of a set.

    Attributes:
        instances: Detection file.
        images: Folder that its file names start from.
        refs: File of sentences about the same pictures; None if there is none.
        with_masks: Whether every object has a mask.
    """

    instances: Path
    images: Path
    refs: Path | None
    with_masks: bool


@dataclass(frozen=True)
class CocoFolder:
    """A set to learn from and be judged by.

    Attributes:
        train: To learn from.
        val: To be judged by.
        notes: What was left out of the files, a line each.
    """

    train: CocoSplit
    val: CocoSplit
    notes: tuple[str, ...] = ()


def find_coco_folder(root: str | Path, split_dir: str | Path) -> CocoFolder:
    """Find a set in a folder; see the module for the layouts.

    Args:
        root: The user's folder; nothing is written there.
        split_dir: Where files of a split are written if the folder has none.

    Raises:
        ValueError: If the folder is not there, has no annotation file, a file is not
            COCO's, or pictures are not found. The message says which and what to do.
    """
    root = Path(root).resolve()
    if not root.is_dir():
        raise ValueError(f'There is no folder {root}. Give a folder of COCO format.')
    train_file = _first(root, TRAIN_PATTERNS)
    if train_file is None:
        single = _single_file(root)
        refs = _first(root, ('refs*.json', 'annotations/refs*.json'))
        return _hold_out(root, single, refs, Path(split_dir))
    val_file = _first(root, VAL_PATTERNS)
    train_refs = _first(root, ('annotations/refs_train*.json', 'refs_train*.json'))
    if val_file is None:
        return _hold_out(root, train_file, train_refs, Path(split_dir))
    val_refs = _first(root, ('annotations/refs_val*.json', 'refs_val*.json'))
    return CocoFolder(
        train=_checked_split(root, train_file, train_refs, 'train'),
        val=_checked_split(root, val_file, val_refs, 'val'),
    )


def read_coco(path: Path) -> dict[str, Any]:
    """Read a COCO file from which something can be learned.

    Raises:
        ValueError: If it is no whole COCO file, or has no annotations.
    """
    content = read_coco_file(str(path))
    if not content['annotations']:
        raise ValueError(f'{path} has no annotations: nothing to learn.')
    return content


def find_images(root: Path, ann_file: Path, content: dict, split: str = '') -> Path:
    """Find the folder that the file names of a file start from.

    Args:
        root: Is looked through up to two levels down.
        ann_file: The annotations; its own folder is looked at first.
        content: Of the file.
        split: Folders whose names begin so come before others.

    Returns:
        The first folder that has some probed pictures, all of them.

    Raises:
        ValueError: If there is none.
    """
    names = [image['file_name'] for image in content['images']]
    probed = names[:: max(1, len(names) // NUM_PROBED)][:NUM_PROBED]
    below = sorted(p for p in [*root.glob('*'), *root.glob('*/*')] if p.is_dir())
    below.sort(key=lambda path: not path.name.startswith(split))
    for folder in (ann_file.parent, root, *below):
        if all((folder / name).is_file() for name in probed):
            return folder
    raise ValueError(
        f'The pictures of {ann_file} are not found: no folder of {root}, up to two '
        f'levels down, has {probed[0]!r} and the others.'
    )


def _first(root: Path, patterns: Sequence[str]) -> Path | None:
    found = (sorted(root.glob(pattern)) for pattern in patterns)
    return next((paths[0] for paths in found if paths), None)


def _single_file(root: Path) -> Path:
    for pattern in SINGLE_PATTERNS:
        paths = [p for p in root.glob(pattern) if not p.name.startswith('refs')]
        if len(paths) == 1:
            return paths[0]
        if paths:
            names = ', '.join(sorted(path.name for path in paths))
            raise ValueError(
                f'{root} has several JSON files ({names}). Call the one with the '
                'annotations annotations.json.'
            )
    raise ValueError(
        f'{root} has no COCO annotations. Looked for '
        f'{", ".join((*TRAIN_PATTERNS, *SINGLE_PATTERNS))}.'
    )


def _checked_split(
    root: Path, instances: Path, refs: Path | None, split: str
) -> CocoSplit:
    content = read_coco(instances)
    images = find_images(root, instances, content, split)
    if refs is not None:
        _check_refs(refs, images)
    return CocoSplit(instances, images, refs, _has_masks(content))


def _check_refs(refs: Path, images: Path) -> None:
    for record in read_coco(refs)['images']:
        if not record.get('expressions'):
            raise ValueError(
                f"{refs}: image record {record.get('id')} has no 'expressions'. One "
                'record per referred object with its sentences is expected.'
            )
        if not (images / record['file_name']).is_file():
            raise ValueError(f'{refs} names {record["file_name"]}, not in {images}.')


def _has_masks(content: dict) -> bool:
    return all(annotation.get('segmentation') for annotation in content['annotations'])


def _hold_out(
    root: Path, instances: Path, refs: Path | None, split_dir: Path
) -> CocoFolder:
    """Part a set by pictures, sentences along with them."""
    whole = _checked_split(root, instances, refs, 'train')
    content = read_coco(instances)
    scenes = {scene_of(image) for image in content['images']}
    if len(scenes) < 2:
        raise ValueError(f'{instances} has one picture; at least two are needed.')
    held_out = draw_scenes(scenes, max(1, len(scenes) // HELD_OUT))
    splits, notes = {}, {}
    for split, kept in (('train', scenes - held_out), ('val', held_out)):
        parts = {'instances': instances, 'refs': refs}
        written: dict[str, Path | None] = {'refs': None}
        for kind, source in parts.items():
            if source is None:
                continue
            whole_file, notes[kind] = without_lost_annotations(read_coco(source))
            part = keep_scenes(whole_file, kept)
            if kind == 'refs' and not part['images']:
                continue
            written[kind] = split_dir / f'{kind}_{split}.json'
            write_annotations(part, written[kind])
        splits[split] = CocoSplit(
            written['instances'], whole.images, written['refs'], whole.with_masks
        )
        read_coco(written['instances'])
    told = tuple(filter(None, notes.values()))
    return CocoFolder(splits['train'], splits['val'], told)
