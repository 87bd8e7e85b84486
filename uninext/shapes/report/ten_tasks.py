"""One checkpoint, ten tasks, one table: are the metrics what they should be?

Configs of the tasks and a checkpoint enter, measured rows leave; the text of a table
and its JSON are made of them. Every task is evaluated by its own config, loop and
metric; the network is built once and goes from one to the next.
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
from uninext.fine_tuning.scenes import (
    keep_scenes,
    kind_of_scenes,
    scene_of,
)
from uninext.formats.json_file import write_json
from uninext.registry import MODELS, RUNNERS
from uninext.utils.files import replacing

Report = Callable[[str], None]
# Called with the name of a config and the config, before its run.
HooksOf = Callable[[str, Config], Sequence[Hook]]
# Of a config, what a runner takes to test a network that is there already.
RUNNER_KEYS = (
    *('test_dataloader', 'test_evaluator', 'test_cfg', 'default_scope', 'env_cfg'),
    *('default_hooks', 'custom_hooks', 'visualizer', 'log_processor', 'log_level'),
    'randomness',
)
BOXES, MASKS = 'boxes', 'masks'
# Of a model, what holds no weights and may differ between tasks.
PARTS = ('predictor', 'trackers')
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


def point_at_shapes(
    configs: Mapping[str, Config], root: str | Path, split: str
) -> dict[str, Config]:
    """Let configs of the Shapes suite read another copy of it, or another split.

    Args:
        configs: As :func:`load_task_configs` reads them. Not changed.
        root: Folder of the suite.
        split: ``'val'`` or ``'test'``.

    Returns:
        Copies.
    """
    root = Path(root)
    copies = {}
    for name, whole in configs.items():
        cfg = copy.deepcopy(whole)
        dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
        old = Path(dataset.ann_file).stem.rpartition('_')[2]
        ann_file = dataset.ann_file.replace(f'_{old}.json', f'_{split}.json')
        dataset.data_root, dataset.ann_file = f'{root}/', ann_file
        prefix = Path(dataset.data_prefix.img)
        dataset.data_prefix.img = f'{prefix.parent / split}/'
        if evaluator.get('ann_file') is not None:
            evaluator.ann_file = str(root / ann_file)
        copies[name] = cfg
    return copies


def measure_ten_tasks(
    configs: Mapping[str, Config],
    model: str | Path | nn.Module,
    work_dir: str | Path,
    num_videos: int | None = None,
    num_images: int | None = None,
    report: Report = print,
    num_expressions: int | None = None,
    hooks_of: HooksOf | None = None,
) -> list[MeasuredMetric]:
    """Evaluate one checkpoint on the held-out split of all tasks.

    Nothing of the configs is changed but the files of a smaller split and the folder
    of logs. Images are those of ``od`` and ``rec``; where an expression belongs to a
    image or video that is kept, it is kept. The network is built once: of the
    configs' models, the predictor and the trackers alone may differ.

    Args:
        configs: A test config for each ``config`` of ``TEN_TASKS``, as
            :func:`load_task_configs` reads them. Not changed.
        model: Weights of the network that all configs build, or that network.
        work_dir: Of logs and of the files of a smaller split.
        num_videos: Evaluate on the first so many videos; None is all.
        num_images: Evaluate on the first so many images; None is all.
        report: Called with a line after each config.
        num_expressions: Ask by the first so many expressions of each object; None is
            all.
        hooks_of: Gives hooks for the run of each config.

    Returns:
        One row for each of ``TEN_TASKS``, in their order.

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
    rows: dict[TaskMetric, MeasuredMetric] = {}
    for name in names:
        start = time.perf_counter()
        cfg = Config(copy.deepcopy({k: configs[name].get(k) for k in RUNNER_KEYS}))
        folder = Path(work_dir) / name
        scenes = _keep_first(cfg, folder, **limits)
        hooks = hooks_of(name, configs[name]) if hooks_of else ()
        with _with_parts_of(configs[name], model):
            metrics = _run(cfg, model, folder, hooks)
        seconds = time.perf_counter() - start
        for row in (r for r in TEN_TASKS if r.config == name):
            measured = float(metrics[row.key])
            rows[row] = MeasuredMetric(**asdict(row), **_of(measured, scenes, seconds))
        report(f'{name}: {scenes} scenes in {seconds:.0f} s')
    return [rows[row] for row in TEN_TASKS]


def ten_tasks_table(rows: Sequence[MeasuredMetric]) -> str:
    """The table of what was asked and what was measured, in Markdown.

    Args:
        rows: Of :func:`measure_ten_tasks`.

    Returns:
        Lines without a newline at the end. ``reached`` says yes or no.
    """
    lines = ['| task | metric | at least | measured | reached | scenes | seconds |']
    lines.append('|---|---|---|---|---|---|---|')
    for row in rows:
        measured = '-' if math.isnan(row.measured) else f'{row.measured:.3f}'
        reached = 'yes' if row.is_reached else 'no'
        lines.append(
            f'| {row.task} | {row.metric} | {row.at_least:.2f} | {measured} '
            f'| {reached} | {row.scenes} | {row.seconds:.0f} |'
        )
    return '\n'.join(lines)


def ten_tasks_json(rows: Sequence[MeasuredMetric], checkpoint: str | Path) -> str:
    """What was measured, for programs.

    Args:
        rows: Of :func:`measure_ten_tasks`.
        checkpoint: Named in it.

    Returns:
        JSON: ``checkpoint`` and ``metrics``, a list of the fields of
        :class:`MeasuredMetric` and ``is_reached``. NaN is null.
    """
    records = []
    for row in rows:
        record = {**asdict(row), 'is_reached': row.is_reached}
        record['measured'] = None if math.isnan(row.measured) else row.measured
        records.append(record)
    return json.dumps({'checkpoint': str(checkpoint), 'metrics': records}, indent=1)


def write_ten_tasks(
    folder: str | Path, rows: Sequence[MeasuredMetric], checkpoint: str | Path
) -> None:
    """Write ``ten_tasks.md``, the table, and ``ten_tasks.json``.

    Args:
        folder: Made if absent.
        rows: Of :func:`measure_ten_tasks`.
        checkpoint: Named in the JSON.

    Raises:
        FileError: A ValueError, if a file cannot be written.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    texts = {'md': ten_tasks_table(rows), 'json': ten_tasks_json(rows, checkpoint)}
    for suffix, text in texts.items():
        with replacing(Path(folder) / f'ten_tasks.{suffix}') as temporary:
            temporary.write_text(f'{text}\n', encoding='utf-8')


def _of(measured: float, scenes: int, seconds: float) -> dict[str, Any]:
    return {'measured': measured, 'scenes': scenes, 'seconds': seconds}


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
    """The one network that all configs describe."""
    if not Path(checkpoint).is_file():
        raise ValueError(f'There is no checkpoint {str(checkpoint)!r}.')
    first, *others = names
    for name in others:
        if _weighing(configs[name]) != _weighing(configs[first]):
            raise ValueError(
                f'The configs {first!r} and {name!r} describe different networks, and '
                'one checkpoint is evaluated on all tasks. Only model.predictor and '
                'model.trackers may differ: give the same --cfg-options to all.'
            )
    return UninextInferencer(configs[first], checkpoint).model


def _weighing(cfg: Config) -> dict[str, Any]:
    """The parts of a model that hold weights."""
    return {key: value for key, value in cfg.model.items() if key not in PARTS}


@contextlib.contextmanager
def _with_parts_of(cfg: Config, model: nn.Module) -> Iterator[None]:
    """Let a network report and track as a config says."""
    own = {name: getattr(model, name) for name in PARTS}
    parts = copy.deepcopy({name: cfg.model.get(name) or {} for name in PARTS})
    trackers = parts['trackers']
    model.trackers = {kind: MODELS.build(part) for kind, part in trackers.items()}
    model.predictor = MODELS.build(parts['predictor'])
    try:
        yield
    finally:
        for name, part in own.items():
            setattr(model, name, part)


def _run(
    cfg: Config, model: nn.Module, folder: Path, hooks: Sequence[Hook]
) -> dict[str, float]:
    """Evaluate as the config says; the log is in ``folder``."""
    if cfg.visualizer is not None:
        cfg.visualizer.name = str(folder)  # one of that name would be taken over
    folder.mkdir(parents=True, exist_ok=True)
    with _quiet():
        # Runner.from_cfg would copy the network, and print the config four times.
        runner: Runner = RUNNERS.get('UninextRunner')(
            model=model,
            work_dir=str(folder),
            experiment_name=f'{folder.resolve()}_{time.time_ns()}'.replace('/', '_'),
            **cfg,
        )
        for hook in hooks:
            runner.register_hook(hook)
        return runner.test()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep prints of pycocotools and mmdet off the screen; logs stay as they are."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _keep_first(
    cfg: Config,
    folder: Path,
    videos: int | None,
    images: int | None,
    expressions: int | None,
) -> int:
    """Let a config read the first scenes only.

    Returns:
        The number of scenes that are left.
    """
    dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
    source = Path(dataset.data_root) / dataset.ann_file
    content = _read(source)
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
    """Cut an annotation file down to its first images or videos.

    A scene with several records, one for each object that expressions speak of, counts
    once and keeps them all.

    Args:
        content: With ``images`` and ``annotations`` of COCO, or ``videos`` and
            ``annotations`` of YouTube-VIS. Not changed.
        number: Of scenes; more than there are, or None, keep all.
        num_expressions: Of every record; None keeps all.

    Returns:
        A new dictionary; records are shared where nothing is cut.
    """
    kind = kind_of_scenes(content)
    scenes = list(dict.fromkeys(map(scene_of, content[kind])))
    kept = keep_scenes(content, set(scenes[:number]))
    if num_expressions is not None:
        kept[kind] = [_first_expressions(r, num_expressions) for r in kept[kind]]
    return kept


def _first_expressions(record: dict[str, Any], number: int) -> dict[str, Any]:
    keys = [k for k in EXPRESSION_KEYS if isinstance(record.get(k), list)]
    return {**record, **{key: record[key][:number] for key in keys}}


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(
            f'There is no {path}. Write the Shapes suite with '
            'tools/dataset_converters/shapes.py first; docs/shapes.md says how.'
        )
    return json.loads(path.read_text(encoding='utf-8'))
