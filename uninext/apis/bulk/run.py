"""Bulk prediction: plan, do what is not done, write shard after shard.

Killed at any moment it loses no shard and doubles none: the same call goes on.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from uninext.apis.bulk.engines import ENGINES, Done, run_here, run_on_ray
from uninext.apis.bulk.plan import LOCK_NAME, Plan, Question
from uninext.apis.bulk.tasks import new_tasks, sorted_sources
from uninext.apis.result_streams import with_progress
from uninext.utils.files import replacing

ADVICE = 'Make room; the same command then goes on.'


@dataclass
class BulkReport:
    """What a run has done.

    Attributes:
        folder: Of the shards.
        num_before: Shards that were there.
        num_written: Shards that were written.
        num_images: Images and frames that were looked at.
        found: Name -> instances, or tracks where there are any.
        errors: Of images and videos that could not be used.
        not_done: Of tasks whose workers died; the same call tries them again.
    """

    folder: Path
    num_before: int = 0
    num_written: int = 0
    num_images: int = 0
    found: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)


def predict_in_bulk(
    sources: Sequence[str],
    folder: str | Path,
    question: Question,
    *,
    shard_size: int = 1000,
    column: str | None = None,
    engine: str = 'local',
    num_workers: int | None = None,
    address: str | None = None,
    progress: bool | None = None,
    report: BulkReport | None = None,
) -> BulkReport:
    """Ask a question of many images and videos; results are shards in a folder.

    Args:
        sources: See :func:`uninext.apis.bulk.tasks.sorted_sources`.
        folder: New, empty, or one to go on with: what is done is skipped.
        question: What is asked.
        shard_size: Images of a shard, at most; a video is one.
        column: Of the images in Parquet files; None: the first of ``image``, ``bytes``,
            ``path`` and ``file_name`` that is there.
        engine: 'local', this process; 'ray', see
            :func:`uninext.apis.bulk.engines.run_on_ray`.
        num_workers: Of Ray.
        address: Of a cluster of Ray.
        progress: Show a bar of shards; None: where there is a terminal.
        report: Is filled as shards are written; for who wants to know after an error.

    Returns:
        What was done.

    Raises:
        ValueError: If a source is none, the folder is of another question or holds
            something else, or another run writes to it.
        FileError: If a shard cannot be written; those before are kept.

    Example:
        >>> from functools import partial
        >>> question = Question(partial(UninextInferencer, 'uninext_tiny'),
        ...                     dict(categories='star'))    # doctest: +SKIP
        >>> predict_in_bulk(['photos'], 'shards', question)  # doctest: +SKIP
    """
    if engine not in ENGINES:
        raise ValueError(f'engine must be one of {ENGINES}, got {engine!r}.')
    report = report or BulkReport(Path(folder))
    given = sorted_sources(sources, question.as_video)
    with _held(report.folder):
        plan = Plan(report.folder, question)
        plan.add(new_tasks(given, plan.tasks, shard_size, column))
        to_do = list(plan.open_tasks())
        report.num_before = len(plan.tasks) - len(to_do)
        if engine == 'local':
            done = run_here(question.make_worker, to_do)
        else:
            done = run_on_ray(question.make_worker, to_do, num_workers, address)
        with contextlib.closing(done):
            for one in with_progress(done, len(to_do), progress):
                _take(one, plan, report)
    return report


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A folder that no other run writes to; it is made."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / LOCK_NAME).acquire(timeout=0)
    except Timeout as error:
        raise ValueError(
            f'Another run writes to {folder}. Wait for it, or give another folder.'
        ) from error
    with lock:
        yield


def _take(one: Done, plan: Plan, report: BulkReport) -> None:
    """Write the shard of a task that is done."""
    number, shard = one
    if shard is None:
        task = plan.tasks[number]
        report.not_done.append(f'shard {number}, from {task.paths[0]} on')
        return
    with replacing(plan.shard(number), ADVICE) as temporary:
        temporary.write_bytes(shard.content)
    report.num_written += 1
    report.num_images += shard.num_images
    report.found += shard.found
    report.errors += shard.errors
