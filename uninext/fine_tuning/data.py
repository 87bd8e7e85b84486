"""Read annotations of users, check them, and hold a split out.

Files in COCO's layout or that of YouTube-VIS, with or without expressions, become sets
to learn from and to validate by, with lines that say what was found in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from uninext.datasets.referring import checked_expressions
from uninext.fine_tuning.checks import (
    files_of,
    listed,
    notes_on_annotations,
    without_lost_annotations,
    without_lost_files,
)
from uninext.fine_tuning.folder import find_coco_folder, find_images
from uninext.fine_tuning.splits import (
    keep_scenes,
    kind_of_scenes,
    random_scenes,
    scene_of,
)
from uninext.formats.coco import (
    category_names,
    checked_coco,
    read_annotations,
    valid_segmentation,
)
from uninext.formats.json_file import write_json
from uninext.formats.youtube_vis import checked_videos

DEFAULT_VAL_FRACTION = 0.15
CONVERTERS = 'docs/data_preparation.md has the formats and their converters.'


@dataclass(frozen=True)
class DataKind:
    """A kind of annotation file, told by what its records have.

    Attributes:
        source: Name of the source in configs.
        dataset: Registered class that reads it.
        scenes: The list of records: 'images' or 'videos'.
        has_expressions: Whether the records have ``expressions``.
    """

    source: str
    dataset: str
    scenes: str
    has_expressions: bool


KINDS = (
    DataKind('categories', 'PromptCocoDataset', 'images', False),
    DataKind('expressions', 'ReferringDataset', 'images', True),
    DataKind('video_categories', 'VideoInstanceDataset', 'videos', False),
    DataKind('video_expressions', 'ReferringVideoDataset', 'videos', True),
)


@dataclass(frozen=True)
class OwnSet:
    """An annotation file and its images.

    Attributes:
        kind: What the file is.
        ann_file: The file; what is read by datasets.
        images: Folder that its file names start from.
        content: Of the file, without the scenes that are left out.
        num_read: Records that the file has.
        notes: What was found odd, a line each.
    """

    kind: DataKind
    ann_file: Path
    images: Path
    content: dict[str, Any] = field(repr=False)
    num_read: int
    notes: tuple[str, ...] = ()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Of ``images`` or ``videos``."""
        return self.content[self.kind.scenes]

    @property
    def scenes(self) -> set[str]:
        """Images or videos, see :func:`uninext.fine_tuning.splits.scene_of`."""
        return set(map(scene_of, self.records))

    @property
    def names(self) -> list[str]:
        """Names of the categories, in the order of the file."""
        return [category['name'] for category in self.content['categories']]

    @property
    def num_masks(self) -> int:
        """Objects that have a mask (in videos: in some frame)."""
        return sum(_has_mask(a) for a in self.content['annotations'])

    @property
    def has_all_masks(self) -> bool:
        """Whether every object has a mask."""
        return self.num_masks == len(self.content['annotations'])

    @property
    def num_empty(self) -> int:
        """Images without an annotation: absence is learned from them."""
        if self.kind.dataset != 'PromptCocoDataset':
            return 0  # of an expression or a video something is always shown
        shown = {annotation['image_id'] for annotation in self.content['annotations']}
        return sum(record['id'] not in shown for record in self.records)

    @property
    def num_expressions(self) -> int:
        """Of all records; 0 where categories are asked for."""
        return sum(len(record.get('expressions', ())) for record in self.records)

    def summary(self) -> str:
        """What is in it, in a line."""
        parts = [f'{len(self.scenes)} {self.kind.scenes}']
        if self.kind.scenes == 'videos':
            lengths = {scene_of(r): len(r['file_names']) for r in self.records}
            parts.append(f'{sum(lengths.values())} frames')
        parts.append(f'{len(self.content["annotations"])} objects')
        if self.kind.has_expressions:
            parts.append(f'{self.num_expressions} expressions')
        else:
            counts = _objects_by_name(self.content).most_common()
            texts = [f'{name} ({count})' for name, count in counts]
            parts.append(f'{len(counts)} categories: {listed(texts)}')
        if self.num_empty:
            parts.append(f'{self.num_empty} images without an object')
        return ', '.join(parts)


@dataclass(frozen=True)
class OwnPart:
    """What is learned from and what is evaluated by, of one kind."""

    train: OwnSet
    val: OwnSet


def read_own_data(
    data: Sequence[str | Path],
    images: Sequence[str | Path] = (),
    val_data: Sequence[str | Path] = (),
    val_images: Sequence[str | Path] = (),
    split_dir: str | Path = 'split',
    val_fraction: float = DEFAULT_VAL_FRACTION,
) -> list[OwnPart]:
    """Read annotation files to learn from, and those to evaluate on or a part held out.

    What is held out is random, but always the same; all records about an image or
    video stay together, also those of several files, and each file has its share.
    Nothing is written beside the files of the user.

    Args:
        data: Annotation files, at most one of each of ``KINDS``; or one folder, whose
            layout is found (:mod:`uninext.fine_tuning.folder`) and whose own
            validation files stand in for ``val_data``.
        images: Their folders of images: one each, or one for all; none: looked for
            beside the files.
        val_data: Files to evaluate on, of the kinds of ``data``; none: a part is held
            out.
        val_images: As ``images``; none: those of ``data``, where images are there.
        split_dir: Where files are written that differ from the user's.
        val_fraction: Share of the scenes that is held out.

    Returns:
        A part for each kind, in the order of ``data``.

    Raises:
        ValueError: If something is not what is expected; it says what and what to do.
        FileError: If a file cannot be written.
    """
    split_dir, root, notes = Path(split_dir), None, ()
    if len(data) == 1 and Path(data[0]).is_dir():
        if val_data:
            raise ValueError(
                f'{data[0]} is a folder, whose validation files are found by their '
                'names. Give files, or leave --val-data out.'
            )
        root = Path(data[0]).resolve()
        data, val_data, notes = find_coco_folder(root)
    train = _read_sets(data, images, root)
    train[0] = replace(train[0], notes=(*notes, *train[0].notes))
    if val_data:
        val = {s.kind: s for s in _read_sets(val_data, val_images or images, root)}
        absent = [str(s.ann_file) for s in train if s.kind not in val]
        if absent or len(val) > len(train):
            raise ValueError(
                f'--val-data must hold what --data holds, file by file; there is none '
                f'for {absent or "some"}. Got --data {_paths(data)} and --val-data '
                f'{_paths(val_data)}.'
            )
        parts = [OwnPart(one, val[one.kind]) for one in train]
    else:
        parts = _hold_out(train, val_fraction)
    for part in parts:
        _check_names(part)
    return [
        OwnPart(
            _written(part.train, split_dir, 'train'),
            _written(part.val, split_dir, 'val'),
        )
        for part in parts
    ]


def read_own_set(
    ann_file: str | Path,
    images: str | Path | None = None,
    root: str | Path | None = None,
) -> OwnSet:
    """Read an annotation file, check it, and find its images.

    Scenes whose images are not there, or damaged, are left out, and annotations of
    images that the file does not list; a note names them.

    Args:
        ann_file: JSON of one of ``KINDS``.
        images: Folder of the images; None: looked for.
        root: Where they are looked for; None: the folder of the file.

    Raises:
        ValueError: If it is of none of ``KINDS``, its records are not whole, its images
            are not found or have another size than it says, or a mask cannot be made.
    """
    path = Path(ann_file)
    content = _read_json_of(path)
    check = checked_videos if kind_of_scenes(content) == 'videos' else checked_coco
    content = check(content, str(path))
    kind = _kind_of(content)
    num_read = len(content[kind.scenes])
    category_names(content, str(path))
    if kind.has_expressions:
        for record in content[kind.scenes]:
            checked_expressions(record, f'{path}: {kind.scenes} record {record["id"]}')
    folder = _folder_of(path, content, images, root)
    content, lost = without_lost_annotations(content)
    content, missing = without_lost_files(content, folder, path)
    if not content['annotations']:
        raise ValueError(f'{path} has no annotation of an image that is there. {lost}')
    notes = [*filter(None, [lost]), *missing, *notes_on_annotations(content, path)]
    unused = [name for name, count in _objects_by_name(content).items() if not count]
    if unused and not kind.has_expressions:
        notes.append(f'without any object: {listed(unused)}')
    files = path.resolve(), folder.resolve()
    return OwnSet(kind, *files, content, num_read, tuple(notes))


def _kind_of(content: dict[str, Any]) -> DataKind:
    scenes = kind_of_scenes(content)
    has_expressions = any('expressions' in record for record in content[scenes])
    (kind,) = (
        k for k in KINDS if (k.scenes, k.has_expressions) == (scenes, has_expressions)
    )
    return kind


def _read_json_of(path: Path) -> dict[str, Any]:
    """The content of a file, where it is of a layout that is known."""
    if path.suffix in ('.p', '.pkl', '.pickle'):
        raise ValueError(
            f'{path} is a pickle; REFER files are converted by '
            f'tools/dataset_converters/refcoco.py. {CONVERTERS}'
        )
    content = read_annotations(str(path))
    if isinstance(content, list):
        raise ValueError(
            f'{path} is a plain list. Expressions with boxes are converted by '
            f'tools/dataset_converters/refexp_json.py. {CONVERTERS}'
        )
    if not isinstance(content, dict) or not {'images', 'videos'} & content.keys():
        keys = sorted(content)[:10] if isinstance(content, dict) else content
        raise ValueError(
            f'{path} is neither of COCO format (images, annotations, categories) nor '
            f'of the layout of YouTube-VIS (videos, ...); it has {keys}. {CONVERTERS}'
        )
    return content


def _read_sets(
    files: Sequence[str | Path],
    images: Sequence[str | Path],
    root: Path | None,
) -> list[OwnSet]:
    folders = list(images) if len(images) != 1 else list(images) * len(files)
    if images and len(folders) != len(files):
        raise ValueError(
            f'Got {len(files)} annotation files and {len(images)} folders of images '
            f'({_paths(images)}); expected one folder, or one for each file.'
        )
    sets = [
        read_own_set(file, folders[number] if folders else None, root)
        for number, file in enumerate(files)
    ]
    kinds = [one.kind for one in sets]
    if len(set(kinds)) < len(kinds):
        raise ValueError(
            f'Several files of one kind: {_paths(files)}. Merge them into one; at most '
            'one of categories and one of expressions can be learned at a time.'
        )
    if len(sets) > 1 and any(kind.scenes == 'videos' for kind in kinds):
        raise ValueError(
            f'Videos are learned one file at a time, got {_paths(files)}. Give one, '
            'and the other in a second run, --from the checkpoint of the first.'
        )
    return sets


def _hold_out(sets: list[OwnSet], fraction: float) -> list[OwnPart]:
    if not 0 < fraction < 1:
        raise ValueError(f'--val-fraction must be within 0 and 1, got {fraction}.')
    scenes = set().union(*(one.scenes for one in sets))
    held_out = _share_of(scenes, fraction)
    for one in sets:
        if not held_out & one.scenes:
            held_out |= _share_of(one.scenes, fraction)
    parts = []
    for one in sets:
        train, val = (
            replace(one, content=keep_scenes(one.content, kept), notes=notes)
            for kept, notes in ((scenes - held_out, one.notes), (held_out, ()))
        )
        if not train.content['annotations'] or not val.content['annotations']:
            raise ValueError(
                f'{one.ann_file} has {len(one.scenes)} scenes: too few to hold '
                f'{fraction:.0%} out. Give more, --val-data, or another '
                '--val-fraction.'
            )
        parts.append(OwnPart(train, val))
    return parts


def _share_of(scenes: set[str], fraction: float) -> set[str]:
    return random_scenes(scenes, max(1, round(fraction * len(scenes))))


def _check_names(part: OwnPart) -> None:
    """Names to evaluate on must have been learned."""
    if part.train.kind.has_expressions or part.train.names == part.val.names:
        return
    raise ValueError(
        f'{part.train.ann_file} has the categories {listed(part.train.names)}, but '
        f'{part.val.ann_file} has {listed(part.val.names)}. Give both the same list '
        'of categories.'
    )


def _written(own: OwnSet, folder: Path, split: str) -> OwnSet:
    """The set, in a file of its own unless the user's has just the same scenes."""
    if len(own.records) == own.num_read:
        return own
    path = folder / f'{own.kind.source}_{split}.json'
    write_json(own.content, path)
    return replace(own, ann_file=path.resolve())


def _folder_of(
    path: Path, content: dict, images: str | Path | None, root: str | Path | None
) -> Path:
    if images is not None:
        if not Path(images).is_dir():
            raise ValueError(f'There is no folder {images}. Give that of the images.')
        return Path(images)
    names = [files_of(record)[0] for record in content[kind_of_scenes(content)]]
    try:
        return find_images(Path(root or path.parent), path, names)
    except ValueError as error:
        raise ValueError(f'{error} Give their folder: --images DIR.') from None


def _has_mask(annotation: dict) -> bool:
    if 'segmentations' in annotation:
        return any(map(valid_segmentation, annotation['segmentations'] or []))
    return valid_segmentation(annotation.get('segmentation')) is not None


def _objects_by_name(content: dict) -> Counter:
    names = {category['id']: category['name'] for category in content['categories']}
    counts = Counter(dict.fromkeys(names.values(), 0))
    counts.update(names[a['category_id']] for a in content['annotations'])
    return counts


def _paths(paths: Sequence[str | Path]) -> str:
    return ', '.join(map(str, paths))
