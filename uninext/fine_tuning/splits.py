"""Images and videos of an annotation file, as what a set is split by.

Contents of annotation files are in COCO's layout (``images``) or that of YouTube-VIS
(``videos``). A scene is an image or a video: several records may be about one,
and never come to two sides of a split.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from typing import Any


def kind_of_scenes(content: dict[str, Any]) -> str:
    """``'videos'`` or ``'images'``: the list of a file that holds its scenes."""
    return 'videos' if 'videos' in content else 'images'


def scene_of(record: dict[str, Any]) -> str:
    """What tells a scene from others, from its record of ``images`` or ``videos``.

    The file of an image; of a video ``video``, which names it where records stand for
    its objects, else its first frame.
    """
    if 'file_name' in record:
        return record['file_name']
    return str(record.get('video', record['file_names'][0]))


def keep_scenes(content: dict[str, Any], scenes: Collection[str]) -> dict[str, Any]:
    """Cut the content of a file down to some scenes, as :func:`scene_of` names them.

    Returns:
        A new dictionary; records are shared, with the annotations of kept ones.
    """
    kind = kind_of_scenes(content)
    kept = [record for record in content[kind] if scene_of(record) in scenes]
    ids = {record['id'] for record in kept}
    owner = f'{kind[:-1]}_id'
    annotations = [a for a in content['annotations'] if a[owner] in ids]
    return {**content, kind: kept, 'annotations': annotations}


def random_scenes(scenes: Iterable[str], count: int) -> set[str]:
    """Choose random scenes, always the same of the same; repeated ones count once."""
    names = sorted(set(scenes))
    random.Random(0).shuffle(names)
    return set(names[:count])
