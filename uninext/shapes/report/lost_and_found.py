"""Measure for how many hidden frames an object keeps its id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uninext.apis.inferencer import UninextInferencer
from uninext.formats.boxes import pairwise_iou
from uninext.formats.json_file import write_json, write_text
from uninext.shapes.hidden_scenes import HIDDEN, KINDS, SEEN, draw_hidden
from uninext.shapes.videos import Frame, VideoScene, render
from uninext.shapes.vocabulary import CATEGORIES

NUMBERS = (1, 2, 4, 8, 16, 32)  # of hidden frames
MIN_IOU = 0.5  # above it an instance is that object
WHOLE = 0.99  # of its pixels
KEPT_SHARE = 0.95  # of the largest number that is told


@dataclass(frozen=True)
class KeptIds:
    """How many objects kept their id.

    Attributes:
        kind: Of the scenes, or ``all``.
        num_hidden: Frames.
        kept: Objects with the same id before and after.
        found: Objects that had an id before.
        scenes: Videos that were asked.
    """

    kind: str
    num_hidden: int
    kept: int
    found: int
    scenes: int

    @property
    def share(self) -> float:
        """Of those with an id before; NaN if there is none."""
        return self.kept / self.found if self.found else float('nan')


def measure_kept_ids(
    find: UninextInferencer,
    numbers: Sequence[int] = NUMBERS,
    scenes: int = 20,
    keep_lost: int | None = None,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
) -> Iterator[KeptIds]:
    """Track all shapes of generated videos, in which one is hidden.

    Its id is that of the instance of the highest IoU, above 0.5, in frames that show
    the whole of it (of a part there may be two: one of what is seen, and one that
    reaches over the edge): before, in the last that has one; after, in the first.

    Args:
        find: A model of videos.
        numbers: Of hidden frames.
        scenes: Videos of each kind and number.
        keep_lost: As of :meth:`UninextInferencer.track`.
        seed: A video depends on it, its kind, its number of hidden frames and its own.
        kinds: Of :func:`uninext.shapes.hidden_scenes.draw_hidden`.

    Yields:
        A row for each kind and number.
    """
    for num_hidden in numbers:
        for kind in kinds:
            ids = []
            for number in range(scenes):
                seeds = [seed, KINDS.index(kind), num_hidden, number]
                scene = draw_hidden(np.random.default_rng(seeds), kind, num_hidden)
                ids.append(_ids_of(find, scene, keep_lost))
            before = [pair for pair in ids if pair[0] is not None]
            kept = sum(first == second for first, second in before)
            yield KeptIds(kind, num_hidden, kept, len(before), scenes)


def of_all_kinds(rows: Sequence[KeptIds]) -> list[KeptIds]:
    """A row for each number of hidden frames, ascending."""
    sums = []
    for number in sorted({row.num_hidden for row in rows}):
        same = [row for row in rows if row.num_hidden == number]
        counts = ((r.kept, r.found, r.scenes) for r in same)
        sums.append(KeptIds('all', number, *map(sum, zip(*counts))))
    return sums


def longest_kept(rows: Sequence[KeptIds], share: float = KEPT_SHARE) -> int:
    """The largest number of hidden frames up to which that share keeps its id; 0: none.

    Of all kinds together.
    """
    longest = 0
    for row in of_all_kinds(rows):
        if not row.share >= share:  # NaN is less
            break
        longest = row.num_hidden
    return longest


def kept_ids_table(rows: Sequence[KeptIds]) -> str:
    """Shares of kept ids, in Markdown: a line a number of hidden frames."""
    kinds = list(dict.fromkeys(row.kind for row in rows))
    cells = {(row.num_hidden, row.kind): row for row in [*rows, *of_all_kinds(rows)]}
    lines = [f'| hidden frames | {" | ".join([*kinds, "all"])} |']
    lines.append('|---' * (len(kinds) + 2) + '|')
    for number in sorted({row.num_hidden for row in rows}):
        of = [cells[number, kind] for kind in [*kinds, 'all']]
        shares = ' | '.join(f'{r.share:.2f} ({r.kept} of {r.found})' for r in of)
        lines.append(f'| {number} | {shares} |')
    return '\n'.join(lines)


def write_kept_ids(
    folder: str | Path, rows: Sequence[KeptIds], settings: dict[str, Any]
) -> None:
    """Write ``lost_and_found.md``, the table, and ``lost_and_found.json``.

    Raises:
        FileError: A ValueError, if a file cannot be written.
    """
    write_text([kept_ids_table(rows), '\n'], Path(folder) / 'lost_and_found.md')
    content = dict(settings=settings, longest=longest_kept(rows))
    content['rows'] = [asdict(row) for row in rows]
    write_json(content, Path(folder) / 'lost_and_found.json')


def _ids_of(
    find: UninextInferencer, scene: VideoScene, keep_lost: int | None
) -> tuple[int | None, int | None]:
    """The id before the object is hidden, and after; None: it was not found."""
    tracking = find.track(categories=CATEGORIES, keep_lost=keep_lost)
    ids = []
    for frame in render(scene):
        found = tracking.step(np.ascontiguousarray(frame.image[..., ::-1]))
        boxes = found.boxes_xyxy[found.track_ids >= 0]
        ids.append(_id_at(frame, boxes, found.track_ids[found.track_ids >= 0]))
    before = next((i for i in reversed(ids[:SEEN]) if i is not None), None)
    return before, next((i for i in ids[-SEEN:] if i is not None), None)


def _id_at(frame: Frame, boxes: np.ndarray, ids: np.ndarray) -> int | None:
    """Which of the instances is where the whole object is seen."""
    rows, columns = np.nonzero(frame.owners == HIDDEN + 1)
    if len(rows) < WHOLE * frame.areas[HIDDEN] or not len(boxes):
        return None
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    ious = pairwise_iou([box], boxes)[0]
    return int(ids[ious.argmax()]) if ious.max() > MIN_IOU else None
