"""Pictures and videos of an annotation file, as what a set is parted by.

Contents of annotation files enter, in COCO's layout (``images``) or that of YouTube-VIS
(``videos``); parts of them leave. A scene is a picture or a video: several records may
be about one, and never come to two sides of a split.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from uninext.utils.files import replacing


def kind_of_scenes(content: dict[str, Any]) -> str:
    """``'videos'`` or ``'images'``: the list of a file that holds its scenes."""
    return 'videos' if 'videos' in content else 'images'


def scene_of(record: dict[str, Any]) -> str:
    """What tells a scene from others.

    Args:
        record: Of ``images`` or ``videos``.

    Returns:
        The file of a picture; of a video ``video``, which names it where records stand
        for its objects, else its first frame.
    """
    if 'file_name' in record:
        return record['file_name']
    return str(record.get('video', record['file_names'][0]))


def keep_scenes(content: dict[str, Any], scenes: Collection[str]) -> dict[str, Any]:
    """Cut the content of a file down to some scenes.

    Args:
        content: Not changed.
        scenes: What :func:`scene_of` gives for those to keep.

    Returns:
        A new dictionary; records are shared, with the annotations of kept ones.
    """
    kind = kind_of_scenes(content)
    kept = [record for record in content[kind] if scene_of(record) in scenes]
    ids = {record['id'] for record in kept}
    owner = f'{kind[:-1]}_id'
    annotations = [a for a in content['annotations'] if a[owner] in ids]
    return {**content, kind: kept, 'annotations': annotations}


def draw_scenes(scenes: Iterable[str], count: int) -> set[str]:
    """Draw scenes by lot, always the same ones of the same scenes.

    Args:
        scenes: In any order; those that repeat count once.
        count: How many to draw.
    """
    names = sorted(set(scenes))
    random.Random(0).shuffle(names)
    return set(names[:count])


def write_annotations(content: dict[str, Any], path: Path) -> Path:
    """Write a file, whole or not at all; its folder is made.

    Raises:
        FileError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content), encoding='utf-8')
    return path
