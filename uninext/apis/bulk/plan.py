"""The plan of a folder of shards, kept in it: what is asked, and all tasks.

A task is done when its shard is there: shards take their place when they are whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from uninext.apis.bulk.shards import LAYOUTS
from uninext.apis.bulk.tasks import Task
from uninext.apis.bulk.worker import Worker
from uninext.utils.files import FileError, replacing
from uninext.version import __version__

# Readers of folders of Parquet pass over what begins so.
PLAN_NAME = '_plan.jsonl'
LOCK_NAME = '_lock'


@dataclass(frozen=True)
class Question:
    """What is asked of every image and video.

    Attributes:
        make_find: Builds the inferencer; picklable where workers are other processes.
        prompts: Those of the inferencer's call, ``score_thr`` and ``max_objects``.
        model: Tells models and their options apart: shards of two are not mixed.
        layout: Of shards, of ``LAYOUTS``.
        as_video: As of the inferencer.
        keep_lost: As of the inferencer, where it tracks.
        init_score_thr: Likewise.
        batch_size: As of the inferencer; changes no result.

    Raises:
        ValueError: If there is no such layout.
        ImportError: If it needs a package that is not installed.
    """

    make_find: Callable[[], Any]
    prompts: dict[str, Any]
    model: dict[str, Any] = field(default_factory=dict)
    layout: str = 'parquet'
    as_video: bool | None = None
    keep_lost: int | None = None
    init_score_thr: float | None = None
    batch_size: int = 1

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ValueError(
                f'layout must be one of {", ".join(LAYOUTS)}, got {self.layout!r}.'
            )
        LAYOUTS[self.layout](0)  # before hours of work for a file that cannot be made

    def make_worker(self) -> Worker:
        """Build the inferencer."""
        asked = dict(self.prompts, batch_size=self.batch_size)
        tracked = dict(asked)
        for name in ('keep_lost', 'init_score_thr'):
            if getattr(self, name) is not None:
                tracked[name] = getattr(self, name)
        is_tracked = self.as_video is not False
        return Worker(self.make_find, asked, tracked, self.layout, is_tracked)

    def to_dict(self) -> dict[str, Any]:
        """What must be the same for shards of one folder, as JSON has it."""
        content = dict(
            {name: _as_json(prompt) for name, prompt in self.prompts.items()},
            **self.model,
            shards=self.layout,
            as_video=self.as_video,
            keep_lost=self.keep_lost,
            init_score_thr=self.init_score_thr,
            version=__version__,
        )
        return json.loads(json.dumps(content))


def _as_json(prompt: Any) -> Any:
    """A prompt; of arrays (masks) the checksum."""
    if isinstance(prompt, np.ndarray):
        shape = ' x '.join(map(str, prompt.shape))
        return f'{shape}, {hashlib.sha256(prompt.tobytes()).hexdigest()}'
    return prompt


class Plan:
    """Tasks of a folder, in order; the number of a task is its place.

    Args:
        folder: Of the shards; new, empty, or one with a plan.
        question: What is asked.

    Attributes:
        tasks: All of them.

    Raises:
        ValueError: If the folder holds something else, or its plan is for another
            question.
        FileError: If its plan cannot be read.
    """

    def __init__(self, folder: str | Path, question: Question) -> None:
        self.folder, self._asked = Path(folder), question.to_dict()
        self._suffix = LAYOUTS[question.layout].suffix
        self.tasks: list[Task] = []
        path = self.folder / PLAN_NAME
        if path.is_file():
            self._read(path)
        elif other := _other_file(self.folder):
            raise ValueError(
                f'{self.folder} holds no shards, but {other}. Give a new folder, or '
                'that of a run to go on with.'
            )

    def add(self, tasks: Sequence[Task]) -> None:
        """Add tasks, and write the plan."""
        self.tasks += tasks
        lines = [dict(asked=self._asked), *(task.to_dict() for task in self.tasks)]
        with replacing(self.folder / PLAN_NAME) as temporary:
            text = ''.join(f'{json.dumps(line)}\n' for line in lines)
            temporary.write_text(text, encoding='utf-8')

    def shard(self, number: int) -> Path:
        """Where the shard of a task is, or will be."""
        return self.folder / f'shard-{number:06d}{self._suffix}'

    def open_tasks(self) -> Iterator[tuple[int, Task]]:
        """Those that are not done, by number."""
        for number, task in enumerate(self.tasks):
            if not self.shard(number).exists():
                yield number, task

    def _read(self, path: Path) -> None:
        try:
            first, *rest = map(json.loads, path.read_text('utf-8').splitlines())
            before = first['asked']
            self.tasks = [Task.from_dict(line) for line in rest]
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(
                f'{path} is no plan of shards ({error}). Give another folder.'
            ) from error
        differing = [
            f'{name} is {self._asked.get(name)!r:.60}, was {before.get(name)!r:.60}'
            for name in {**before, **self._asked}
            if self._asked.get(name) != before.get(name)
        ]
        if differing:
            raise ValueError(
                f'{self.folder} holds shards of another question: '
                f'{"; ".join(differing)}. Ask the same, or give a new folder.'
            )


def _other_file(folder: Path) -> str | None:
    """A file that a folder without a plan has."""
    if not folder.is_dir():
        return None
    ours = {LOCK_NAME, f'{PLAN_NAME}.tmp'}
    return next((p.name for p in folder.iterdir() if p.name not in ours), None)
