"""Measure a checkpoint by ten tasks, in one table.

Every task is evaluated by its own config, loop, trackers and metric; the network is
built once and goes from one to the next.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from uninext.apis.inferencer import UninextInferencer
from uninext.fine_tuning.splits import keep_scenes, kind_of_scenes, scene_of
from uninext.formats.json_file import read_json, write_json, write_text
from uninext.registry import RUNNERS
from uninext.utils.config_files import test_config

Report = Callable[[str], None]
# Called with the name of a config and the config, before its run.
HooksOf = Callable[[str, Config], Sequence[Hook]]
BOXES, MASKS = 'boxes', 'masks'
ADVICE = (
    'Write the Shapes suite with tools/dataset_converters/shapes.py first; '
    'docs/shapes.md says how.'
)
# Lists of a record that go together, one entry an expression.
EXPRESSION_KEYS = ('expressions', 'exp_id', 'kinds')


@dataclass(frozen=True)
class TaskMetric:
    """A metric that is asked of a task.

    Attributes:
        task: Name of the task.
        config: Key of the config that measures it.
        metric: Its name, for people.
        key: Its name among the metrics of the config's metric.
        at_least: What a model that masters the Shapes suite reaches, in [0, 1].
        kind: ``BOXES`` or ``MASKS``.
        scene_key: The metric that says how good the prediction to one image or video
            is, where ``key`` is right or wrong alone; else ``key``.
        scene_metric: Its name, for people.
    """

    task: str
    config: str
    metric: str
    key: str
    at_least: float
    kind: str = MASKS
    scene_key: str = ''
    scene_metric: str = ''

    def __post_init__(self) -> None:
        if not self.scene_key:
            object.__setattr__(self, 'scene_key', self.key)
            object.__setattr__(self, 'scene_metric', self.metric)


@dataclass(frozen=True, kw_only=True)
class MeasuredMetric(TaskMetric):
    """A metric that was measured.

    Attributes:
        measured: In [0, 1]; NaN where nothing could be measured.
        scenes: Images or videos that it was measured on.
        seconds: What the run of its config took. Metrics of one config share it.
    """

    measured: float
    scenes: int
    seconds: float

    @property
    def is_reached(self) -> bool:
        """Whether it is what it should be."""
        return self.measured >= self.at_least


TEN_TASKS = (
    TaskMetric('OD', 'od', 'box AP', 'coco/bbox_mAP', 0.80, BOXES),
    TaskMetric('IS', 'od', 'mask AP', 'coco/segm_mAP', 0.75),
    TaskMetric(
        *('REC', 'rec', 'P@0.5', 'refexp/bbox_P@0.5', 0.90, BOXES),
        scene_key='refexp/bbox_mIoU',
        scene_metric='box IoU',
    ),
    TaskMetric('RES', 'rec', 'oIoU', 'refexp/segm_oIoU', 0.80),
    TaskMetric('SOT', 'sot', 'success AUC', 'sot/AUC', 0.75, BOXES),
    TaskMetric('VOS', 'vos', 'J&F', 'vos/J&F', 0.75),
    TaskMetric('MOT', 'mot', 'HOTA', 'track/HOTA', 0.70, BOXES),
    TaskMetric('MOT', 'mot', 'IDF1', 'track/IDF1', 0.80, BOXES),
    TaskMetric('MOTS', 'mots', 'HOTA', 'track/HOTA', 0.70),
    TaskMetric('MOTS', 'mots', 'IDF1', 'track/IDF1', 0.80),
    TaskMetric('VIS', 'vis', 'AP', 'vis/AP', 0.60),
    TaskMetric('R-VOS', 'rvos', 'J&F', 'rvos/J&F', 0.75),
)


def load_task_configs(folder: str | Path) -> dict[str, Config]:
    """Read the config of every task, ``<config>_shapes.py``, by its name.

    Raises:
        ValueError: If a file is absent.
    """
    configs = {}
    for name in dict.fromkeys(row.config for row in TEN_TASKS):
        path = Path(folder) / f'{name}_shapes.py'
        if not path.is_file():
            raise ValueError(
                f'There is no config {path}. Expected one for each of '
                f'{sorted({row.config for row in TEN_TASKS})} in {folder}.'
            )
        configs[name] = Config.fromfile(path)
    return configs


def point_at_shapes(
    configs: Mapping[str, Config], root: str | Path, split: str
) -> dict[str, Config]:
    """Copies of configs of the Shapes suite that read a split of another copy."""
    root = Path(root)
    copies = {}
    for name, whole in configs.items():
        cfg = copy.deepcopy(whole)
        dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
        ann_file = dataset.ann_file.replace(f'_{split_of(cfg)}.json', f'_{split}.json')
        dataset.data_root, dataset.ann_file = f'{root}/', ann_file
        prefix = Path(dataset.data_prefix.img)
        dataset.data_prefix.img = f'{prefix.parent / split}/'
        if evaluator.get('ann_file') is not None:
            evaluator.ann_file = str(root / ann_file)
        copies[name] = cfg
    return copies


def split_of(cfg: Config) -> str:
    """The split of the suite that a config tests."""
    return Path(cfg.test_dataloader.dataset.ann_file).stem.rpartition('_')[2]


def measure_ten_tasks(
    configs: Mapping[str, Config],
    model: str | Path | nn.Module,
    work_dir: str | Path,
    num_videos: int | None = None,
    num_images: int | None = None,
    report: Report = print,
    num_expressions: int | None = None,
    hooks_of: HooksOf | None = None,
) -> Iterator[MeasuredMetric]:
    """Evaluate one checkpoint on the held-out split of all tasks, one by one.

    Nothing of the configs is changed but the files of a smaller split and the folder
    of logs. Images are those of ``od`` and ``rec``; an expression is kept where
    its image or video is. The network is built once: of the
    configs' models, the trackers alone may differ.

    Args:
        configs: A test config for each ``config`` of ``TEN_TASKS``. Not changed.
        model: Weights of the network that all configs build, that network, or the
            folder that ``uninext export`` wrote of it.
        work_dir: Of logs and of the files of a smaller split.
        num_videos: Evaluate on the first so many videos; None is all.
        num_images: The same of images.
        report: Called with a line after each config.
        num_expressions: Ask by the first so many expressions of each object; None is
            all.
        hooks_of: Gives hooks for the run of each config.

    Returns:
        One row for each of ``TEN_TASKS``, in their order, as they come.

    Raises:
        ValueError: If a number is below 1, the checkpoint, an annotation file or a
            config is absent, or the configs describe several networks.
        KeyError: If a config's metric does not give the metric it is asked for.
    """
    limits = dict(videos=num_videos, images=num_images, expressions=num_expressions)
    _check(configs, limits)
    init_default_scope('uninext')
    names = list(dict.fromkeys(row.config for row in TEN_TASKS))
    if not isinstance(model, nn.Module):
        model = _load_network(configs, names, model)
    hooks = {name: hooks_of(name, configs[name]) if hooks_of else () for name in names}
    return _measured(configs, model, work_dir, limits, report, hooks)


def _measured(
    configs: Mapping[str, Config],
    model: nn.Module,
    work_dir: str | Path,
    limits: Mapping[str, int | None],
    report: Report,
    hooks: Mapping[str, Sequence[Hook]],
) -> Iterator[MeasuredMetric]:
    """Rows of :func:`measure_ten_tasks`, by the configs that have hooks."""
    for name in hooks:
        start = time.perf_counter()
        folder = Path(work_dir) / name
        cfg = test_config(configs[name], folder)
        scenes = _keep_first(cfg, folder, **limits)
        metrics = _run(cfg, model, hooks[name])
        measured = dict(scenes=scenes, seconds=time.perf_counter() - start)
        report(f'{name}: {scenes} scenes in {measured["seconds"]:.0f} s')
        for row in (r for r in TEN_TASKS if r.config == name):
            measured['measured'] = float(metrics[row.key])
            yield MeasuredMetric(**asdict(row), **measured)


def ten_tasks_table(rows: Sequence[MeasuredMetric]) -> str:
    """The table of what was asked and what was measured, in Markdown."""
    lines = ['| task | metric | at least | measured | reached | scenes | seconds |']
    lines.append('|---|---|---|---|---|---|---|')
    for row in rows:
        reached = 'yes' if row.is_reached else 'no'
        lines.append(
            f'| {row.task} | {row.metric} | {row.at_least:.2f} | {shown(row.measured)} '
            f'| {reached} | {row.scenes} | {row.seconds:.0f} |'
        )
    return '\n'.join(lines)


def ten_tasks_json(rows: Sequence[MeasuredMetric], checkpoint: str | Path) -> str:
    """What was measured, as JSON: ``checkpoint`` and ``metrics``, a list of the fields
    of :class:`MeasuredMetric` and ``is_reached``. NaN is null.
    """
    records = [record_of(row) for row in rows]
    return json.dumps({'checkpoint': str(checkpoint), 'metrics': records}, indent=1)


def record_of(row: Any) -> dict[str, Any]:
    """A measured row for JSON: its fields and ``is_reached``. NaN is null."""
    measured = None if math.isnan(row.measured) else row.measured
    return {**asdict(row), 'is_reached': row.is_reached, 'measured': measured}


def shown(measured: float) -> str:
    """A metric in a table; '-' where nothing could be measured."""
    return '-' if math.isnan(measured) else f'{measured:.3f}'


def write_ten_tasks(
    folder: str | Path, rows: Sequence[MeasuredMetric], checkpoint: str | Path
) -> None:
    """Write ``ten_tasks.md``, the table, and ``ten_tasks.json``.

    Raises:
        FileError: A ValueError, if a file cannot be written.
    """
    texts = {'md': ten_tasks_table(rows), 'json': ten_tasks_json(rows, checkpoint)}
    for suffix, text in texts.items():
        write_text([text, '\n'], Path(folder) / f'ten_tasks.{suffix}')


def _check(configs: Mapping[str, Config], limits: Mapping[str, int | None]) -> None:
    absent = sorted({row.config for row in TEN_TASKS} - set(configs))
    if absent:
        raise ValueError(f'There is no config for {absent}; got {sorted(configs)}.')
    for name, number in limits.items():
        if number is not None and number < 1:
            raise ValueError(f'The number of {name} must be >= 1, got {number}.')


def _load_network(
    configs: Mapping[str, Config], names: Sequence[str], checkpoint: str | Path
) -> nn.Module:
    """The one network that all configs describe, or that was exported."""
    if Path(checkpoint).is_dir():
        return UninextInferencer(checkpoint).model
    if not Path(checkpoint).is_file():
        raise ValueError(f'There is no checkpoint {str(checkpoint)!r}.')
    first, *others = names
    for name in others:
        if _weighing(configs[name]) != _weighing(configs[first]):
            raise ValueError(
                f'The configs {first!r} and {name!r} describe different networks, and '
                'one checkpoint is evaluated on all tasks. Only model.trackers may '
                'differ: give the same --cfg-options to all.'
            )
    return UninextInferencer(configs[first], checkpoint).model


def _weighing(cfg: Config) -> dict[str, Any]:
    """A model but for its trackers, which hold no weights."""
    return {key: value for key, value in cfg.model.items() if key != 'trackers'}


def _run(cfg: Config, model: nn.Module, hooks: Sequence[Hook]) -> dict[str, float]:
    """Evaluate a network that is there already as the config says."""
    trackers = cfg.pop('model').get('trackers')
    if cfg.test_cfg.type == 'VideoTestLoop':
        cfg.test_cfg.trackers = trackers
    # Prints of pycocotools and mmdet stay off the screen; logs are as they are.
    with contextlib.redirect_stdout(io.StringIO()):
        # Runner.from_cfg would copy the network, and print the config four times.
        runner: Runner = RUNNERS.get('UninextRunner')(model=model, **cfg)
        for hook in hooks:
            runner.register_hook(hook)
        return runner.test()


def _keep_first(
    cfg: Config,
    folder: Path,
    videos: int | None,
    images: int | None,
    expressions: int | None,
) -> int:
    """Let a config read the first scenes only; how many are left."""
    dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
    source = Path(dataset.data_root) / dataset.ann_file
    content = read_json(source, ADVICE)
    kind = kind_of_scenes(content)
    number = videos if kind == 'videos' else images
    if number is not None or expressions is not None:
        content = first_scenes(content, number, expressions)
        path = (folder / 'annotations' / source.name).resolve()
        write_json(content, path)
        dataset.ann_file = str(path)
        if evaluator.get('ann_file') is not None:
            evaluator.ann_file = str(path)
    return len({scene_of(record) for record in content[kind]})


def first_scenes(
    content: dict[str, Any], number: int | None, num_expressions: int | None = None
) -> dict[str, Any]:
    """Cut an annotation file down to its first images or videos; None keeps all.

    A scene with several records, one for each object that expressions speak of, counts
    once and keeps them all, each with its first expressions.

    Args:
        content: In the layout of COCO or YouTube-VIS. Not changed.
        number: Of scenes.
        num_expressions: Of every record.
    """
    kind = kind_of_scenes(content)
    scenes = list(dict.fromkeys(map(scene_of, content[kind])))
    kept = keep_scenes(content, set(scenes[:number]))
    if num_expressions is not None:
        kept[kind] = [
            {
                k: v[:num_expressions] if k in EXPRESSION_KEYS else v
                for k, v in r.items()
            }
            for r in kept[kind]
        ]
    return kept
