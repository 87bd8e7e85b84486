"""One checkpoint, ten tasks, one table: are the figures what they should be?

Configs of the tasks and a checkpoint enter, measured rows leave; the text of a table
and its JSON are made of them. Every task is judged by its own config, loop and metric.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from uninext.registry import RUNNERS

Report = Callable[[str], None]
# Of a config, what a test needs. The rest is most of it, and slow to write to a log.
TEST_KEYS = (
    *('model', 'test_dataloader', 'test_evaluator', 'test_cfg', 'load_allow'),
    *('default_scope', 'runner_type', 'env_cfg', 'default_hooks', 'custom_hooks'),
    *('visualizer', 'log_processor', 'log_level', 'randomness'),
)


@dataclass(frozen=True)
class TaskFigure:
    """A figure that is asked of a task.

    Attributes:
        task: Name of the task.
        config: Key of the config that measures it.
        figure: Its name, for people.
        key: Its name among the figures of the config's metric.
        at_least: What a model that masters the Shapes suite reaches, in [0, 1].
    """

    task: str
    config: str
    figure: str
    key: str
    at_least: float


@dataclass(frozen=True)
class MeasuredFigure(TaskFigure):
    """A figure that was measured.

    Attributes:
        measured: In [0, 1]; NaN where nothing could be measured.
        scenes: Pictures or videos that it was measured on.
        seconds: What the run of its config took, building included.
    """

    measured: float
    scenes: int
    seconds: float

    @property
    def is_reached(self) -> bool:
        """Whether it is what it should be."""
        return self.measured >= self.at_least


TEN_TASKS = (
    TaskFigure('OD', 'od', 'box AP', 'coco/bbox_mAP', 0.80),
    TaskFigure('IS', 'od', 'mask AP', 'coco/segm_mAP', 0.75),
    TaskFigure('REC', 'rec', 'P@0.5', 'refexp/bbox_P@0.5', 0.90),
    TaskFigure('RES', 'rec', 'oIoU', 'refexp/segm_oIoU', 0.80),
    TaskFigure('SOT', 'sot', 'success AUC', 'sot/AUC', 0.75),
    TaskFigure('VOS', 'vos', 'J&F', 'vos/J&F', 0.75),
    TaskFigure('MOT', 'mot', 'HOTA', 'track/HOTA', 0.70),
    TaskFigure('MOT', 'mot', 'IDF1', 'track/IDF1', 0.80),
    TaskFigure('MOTS', 'mots', 'HOTA', 'track/HOTA', 0.70),
    TaskFigure('MOTS', 'mots', 'IDF1', 'track/IDF1', 0.80),
    TaskFigure('VIS', 'vis', 'AP', 'vis/AP', 0.60),
    TaskFigure('R-VOS', 'rvos', 'J&F', 'rvos/J&F', 0.75),
)


def load_task_configs(folder: str | Path, suffix: str = '_shapes') -> dict[str, Config]:
    """Read the config of every task.

    Args:
        folder: Of files ``<config><suffix>.py``, ``config`` as in ``TEN_TASKS``.
        suffix: End of their names.

    Returns:
        Configs by the names of ``TEN_TASKS``.

    Raises:
        ValueError: If a file is absent.
    """
    configs = {}
    for name in dict.fromkeys(row.config for row in TEN_TASKS):
        path = Path(folder) / f'{name}{suffix}.py'
        if not path.is_file():
            raise ValueError(
                f'There is no config {path}. Expected one for each of '
                f'{sorted({row.config for row in TEN_TASKS})} in {folder}.'
            )
        configs[name] = Config.fromfile(path)
    return configs


def measure_ten_tasks(
    configs: Mapping[str, Config],
    checkpoint: str | Path,
    work_dir: str | Path,
    num_videos: int | None = None,
    num_pictures: int | None = None,
    report: Report = print,
) -> list[MeasuredFigure]:
    """Evaluate one checkpoint on the held-out split of all tasks.

    Nothing of the configs is changed but the files of a smaller split, the checkpoint
    and the folder of logs. Pictures are those of ``od`` and ``rec``; where a sentence
    belongs to a picture or video that is kept, it is kept.

    Args:
        configs: A test config for each ``config`` of ``TEN_TASKS``, as
            :func:`load_task_configs` reads them. Not changed.
        checkpoint: Weights of the network that all configs build.
        work_dir: Of logs and of the files of a smaller split.
        num_videos: Judge by the first so many videos; None is all.
        num_pictures: Judge by the first so many pictures; None is all.
        report: Called with a line after each config.

    Returns:
        One row for each of ``TEN_TASKS``, in their order.

    Raises:
        ValueError: If a number is below 1, or the checkpoint, an annotation file or a
            config is absent.
        KeyError: If a config's metric does not give the figure it is asked for.
    """
    _check(configs, checkpoint, num_videos, num_pictures)
    rows: dict[TaskFigure, MeasuredFigure] = {}
    for name in dict.fromkeys(row.config for row in TEN_TASKS):
        start = time.perf_counter()
        whole = configs[name]
        cfg = Config(copy.deepcopy({k: whole[k] for k in TEST_KEYS if k in whole}))
        folder = Path(work_dir) / name
        scenes = _keep_first(cfg, folder, num_videos, num_pictures)
        figures = _run(cfg, checkpoint, folder)
        seconds = time.perf_counter() - start
        for row in (r for r in TEN_TASKS if r.config == name):
            measured = float(figures[row.key])
            rows[row] = MeasuredFigure(**asdict(row), **_of(measured, scenes, seconds))
        report(f'{name}: {scenes} scenes in {seconds:.0f} s')
    return [rows[row] for row in TEN_TASKS]


def ten_tasks_table(rows: list[MeasuredFigure]) -> str:
    """The table of what was asked and what was measured, in Markdown.

    Args:
        rows: Of :func:`measure_ten_tasks`.

    Returns:
        Lines without a newline at the end. ``reached`` says yes or no.
    """
    lines = ['| task | figure | at least | measured | reached | scenes |']
    lines.append('|---|---|---|---|---|---|')
    for row in rows:
        measured = '-' if math.isnan(row.measured) else f'{row.measured:.3f}'
        reached = 'yes' if row.is_reached else 'no'
        lines.append(
            f'| {row.task} | {row.figure} | {row.at_least:.2f} | {measured} '
            f'| {reached} | {row.scenes} |'
        )
    return '\n'.join(lines)


def ten_tasks_json(rows: list[MeasuredFigure], checkpoint: str | Path) -> str:
    """What was measured, for programs.

    Args:
        rows: Of :func:`measure_ten_tasks`.
        checkpoint: Named in it.

    Returns:
        JSON: ``checkpoint`` and ``figures``, a list of the fields of
        :class:`MeasuredFigure` and ``is_reached``. NaN is null.
    """
    records = []
    for row in rows:
        record = {**asdict(row), 'is_reached': row.is_reached}
        record['measured'] = None if math.isnan(row.measured) else row.measured
        records.append(record)
    return json.dumps({'checkpoint': str(checkpoint), 'figures': records}, indent=1)


def _of(measured: float, scenes: int, seconds: float) -> dict[str, Any]:
    return {'measured': measured, 'scenes': scenes, 'seconds': seconds}


def _check(
    configs: Mapping[str, Config],
    checkpoint: str | Path,
    num_videos: int | None,
    num_pictures: int | None,
) -> None:
    absent = sorted({row.config for row in TEN_TASKS} - set(configs))
    if absent:
        raise ValueError(f'There is no config for {absent}; got {sorted(configs)}.')
    for name, number in (('videos', num_videos), ('pictures', num_pictures)):
        if number is not None and number < 1:
            raise ValueError(f'The number of {name} must be >= 1, got {number}.')
    if not Path(checkpoint).is_file():
        raise ValueError(f'There is no checkpoint {str(checkpoint)!r}.')


def _run(cfg: Config, checkpoint: str | Path, folder: Path) -> dict[str, float]:
    """Judge as the config says; the log is in ``folder``."""
    cfg.load_from, cfg.resume, cfg.launcher = str(checkpoint), False, 'none'
    cfg.work_dir = str(folder)
    if 'visualizer' in cfg:
        cfg.visualizer.name = str(folder)  # one of that name would be taken over
    init_default_scope('uninext')
    with _quiet():
        runner: Runner = RUNNERS.build(cfg)
        return runner.test()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep prints of pycocotools and mmdet off the screen; logs stay as they are."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _keep_first(
    cfg: Config, folder: Path, num_videos: int | None, num_pictures: int | None
) -> int:
    """Let a config read the first scenes only.

    Returns:
        The number of scenes that are left.
    """
    dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
    source = Path(dataset.data_root) / dataset.ann_file
    content = _read(source)
    kind = 'videos' if 'videos' in content else 'images'
    number = num_videos if kind == 'videos' else num_pictures
    if number is not None:
        content = first_scenes(content, number)
        path = (folder / 'annotations' / source.name).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding='utf-8')
        dataset.ann_file = str(path)
        if evaluator.get('ann_file') is not None:
            evaluator.ann_file = str(path)
    return len({_scene(record) for record in content[kind]})


def first_scenes(content: dict[str, Any], number: int) -> dict[str, Any]:
    """Cut an annotation file down to its first pictures or videos.

    A scene with several records, one for each object that sentences speak of, counts
    once and keeps them all.

    Args:
        content: With ``images`` and ``annotations`` of COCO, or ``videos`` and
            ``annotations`` of YouTube-VIS. Not changed.
        number: Of scenes; more than there are keep all.

    Returns:
        A new dictionary; records are shared.
    """
    kind = 'videos' if 'videos' in content else 'images'
    scenes = list(dict.fromkeys(_scene(record) for record in content[kind]))[:number]
    kept = [record for record in content[kind] if _scene(record) in scenes]
    ids = {record['id'] for record in kept}
    owner = f'{kind[:-1]}_id'
    annotations = [a for a in content['annotations'] if a[owner] in ids]
    return {**content, kind: kept, 'annotations': annotations}


def _scene(record: dict[str, Any]) -> str:
    """The file that a picture, or the first frame of a video, is read from."""
    return record.get('file_name') or record['file_names'][0]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(
            f'There is no {path}. Write the Shapes suite with '
            'tools/dataset_converters/shapes.py first; docs/shapes.md says how.'
        )
    return json.loads(path.read_text(encoding='utf-8'))
