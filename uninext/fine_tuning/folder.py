"""Find annotation files and images in a folder of COCO format.

Layouts, the first that fits; images may lie in any folder up to two levels down::

    annotations/instances_train*.json [annotations/instances_val*.json]
    train/_annotations.coco.json [valid/ or val/_annotations.coco.json]
    annotations.json, or _annotations.coco.json, or the only other .json of the folder

Expressions are read from ``refs_train*.json`` (``refs_val*.json``) beside them or in
``annotations/``, or from ``refs*.json`` with a single file: one image record per
referred object, with ``expressions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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
NUM_PROBED = 5  # images looked for in a folder before it is believed


class CocoFolder(NamedTuple):
    """The annotation files of a folder: of categories first, then of expressions.

    Attributes:
        train: To learn from.
        val: To validate by, file by file as ``train``; empty: there are none.
        notes: Files that are not used, a line each.
    """

    train: tuple[Path, ...]
    val: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def find_coco_folder(root: str | Path) -> CocoFolder:
    """Find the annotation files of a user's folder; see the module for the layouts.

    Raises:
        ValueError: If the folder or an annotation file is not there, or it is not clear
            which file is meant. The message says what to do.
    """
    root = Path(root).resolve()
    train = _first(root, TRAIN_PATTERNS)
    if train is None:
        refs = _first(root, ('refs*.json', 'annotations/refs*.json'))
        return CocoFolder(_without_none(_single_file(root), refs))
    refs = _first(root, ('annotations/refs_train*.json', 'refs_train*.json'))
    val = _first(root, VAL_PATTERNS)
    if val is None:
        return CocoFolder(_without_none(train, refs))
    val_refs = _first(root, ('annotations/refs_val*.json', 'refs_val*.json'))
    if refs is None or val_refs is None:
        unused = _without_none(refs, val_refs)
        notes = [f'{path} is not used: it has no counterpart' for path in unused]
        return CocoFolder((train,), (val,), tuple(notes))
    return CocoFolder((train, refs), (val, val_refs))


def find_images(root: Path, ann_file: Path, names: Sequence[str]) -> Path:
    """Find the folder that the file names of an annotation file start from.

    Its own folder is looked at first, then ``root``, then what is up to two levels
    below, beginning with folders of the split that the file names.

    Raises:
        ValueError: If no folder has all of ``names`` that were looked for.
    """
    probed = names[:: max(1, len(names) // NUM_PROBED)][:NUM_PROBED]
    split = next((s for s in ('train', 'val', 'test') if s in ann_file.stem), '')
    below = sorted(p for p in [*root.glob('*'), *root.glob('*/*')] if p.is_dir())
    below.sort(key=lambda path: not path.name.startswith(split))
    for folder in (ann_file.parent, root, *below):
        if all((folder / name).is_file() for name in probed):
            return folder
    raise ValueError(
        f'The images of {ann_file} are not found: no folder of {root}, up to two '
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


def _without_none(*paths: Path | None) -> tuple[Path, ...]:
    return tuple(path for path in paths if path is not None)
