"""Train a config on a folder for some iterations, and judge it there.

Second step: checked paths enter, a runner with a trained model and figures leave.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from uninext.fine_tuning.folder import CocoFolder, CocoSplit, read_coco
from uninext.registry import RUNNERS

REFERRING_TYPE = 'ReferringDataset'
# Of a config, what a test needs; the rest is most of it, and slow to write to a log.
TEST_KEYS = (
    *('model', 'load_from', 'test_dataloader', 'test_evaluator', 'test_cfg'),
    *('default_scope', 'env_cfg', 'default_hooks', 'custom_hooks', 'visualizer'),
    *('log_processor', 'log_level', 'randomness', 'launcher', 'runner_type'),
)
WARM_UP_SHARE, FINAL_SHARE = 0.05, 0.25  # of the iterations


def point_config_at(
    config: Config,
    folder: CocoFolder,
    work_dir: str | Path,
    num_iters: int,
    max_sentences: int | None = None,
) -> Config:
    """Let a config train and be judged on a folder.

    Data paths are replaced, sources and test sets without data are dropped, the
    schedule is cut to ``num_iters`` with a warm-up and a final step down. Everything
    else stays as the config says.

    Args:
        config: A stage-2 config: ``train_dataloader.dataset`` is a
            ``MultiTaskDataset``; ``val_dataloader.dataset`` is one test set, or a
            ``ConcatDataset`` judged by a ``MultiDatasetsEvaluator``. Not changed.
        folder: What to train and judge on.
        work_dir: Of the run.
        num_iters: Iterations.
        max_sentences: Judge by the first so many sentences; None is all.

    Returns:
        The config of the run.

    Raises:
        ValueError: If ``num_iters`` is below 1, or no source or no test set of the
            config can use the folder.
    """
    if num_iters < 1:
        raise ValueError(f'The number of iterations must be >= 1, got {num_iters}.')
    cfg = copy.deepcopy(config)
    dataset = cfg.train_dataloader.dataset
    dataset.sources = [s for s in dataset.sources if _point(s.dataset, folder.train)]
    if not dataset.sources:
        raise ValueError('No source of train_dataloader.dataset fits the folder.')
    _point_validation(cfg, folder.val, max_sentences)
    cfg.test_dataloader = copy.deepcopy(cfg.val_dataloader)
    cfg.test_evaluator = copy.deepcopy(cfg.val_evaluator)
    cfg.train_cfg.max_iters = num_iters
    cfg.train_cfg.val_begin = num_iters + 1  # judged once, afterwards
    cfg.param_scheduler = short_schedule(num_iters)
    cfg.work_dir = str(work_dir)
    cfg.launcher = 'none'
    cfg.setdefault('runner_type', 'UninextRunner')
    return cfg


def short_schedule(num_iters: int) -> list[dict[str, Any]]:
    """A warm-up, a plateau and a last part with a tenth of the learning rate.

    Args:
        num_iters: Of the whole training.

    Returns:
        ``param_scheduler`` of a config.
    """
    warm_up = math.ceil(WARM_UP_SHARE * num_iters)
    last_part = num_iters - round(FINAL_SHARE * num_iters)
    return [
        dict(type='LinearLR', by_epoch=False, start_factor=0.1, end=warm_up),
        dict(type='MultiStepLR', by_epoch=False, milestones=[last_part], gamma=0.1),
    ]


def train_shortly(cfg: Config) -> Runner:
    """Train; logs and the last checkpoint are in ``cfg.work_dir``.

    Args:
        cfg: What :func:`point_config_at` returned.

    Returns:
        The runner with the trained model.
    """
    init_default_scope('uninext')
    runner = RUNNERS.build(cfg)
    runner.train()
    return runner


def evaluate_short_training(runner: Runner) -> dict[str, float]:
    """Judge a trained model as its config says.

    Args:
        runner: What :func:`train_shortly` returned.

    Returns:
        ``coco/*`` figures of ``CocoMetric`` and ``refexp/*`` of ``ReferringMetric``,
        without the names of test sets before them.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        figures = runner.val_loop.run()
    return {'/'.join(key.split('/')[-2:]): value for key, value in figures.items()}


def judge_start(cfg: Config, work_dir: str | Path) -> dict[str, float]:
    """Judge the weights that a training would start from.

    Args:
        cfg: Of the training, with test data; ``load_from`` names the weights, which
            must be whole. Not changed.
        work_dir: Of the logs.

    Returns:
        The figures of its metrics.

    Raises:
        FileError: If the weights do not fit the model.
    """
    cfg = Config(copy.deepcopy({key: cfg[key] for key in TEST_KEYS if key in cfg}))
    cfg.work_dir, cfg.resume, cfg.load_allow = str(work_dir), False, []
    cfg.experiment_name = f'start of {Path(work_dir).resolve()}'.replace('/', '_')
    if cfg.get('visualizer') is not None:
        cfg.visualizer.name = str(work_dir)  # one of that name would be taken over
    init_default_scope('uninext')
    runner = RUNNERS.build(cfg)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        return runner.test()


def judge_trained(runner: Runner) -> dict[str, float]:
    """Judge what a runner has trained on the test data of its config.

    Args:
        runner: After ``train``.

    Returns:
        The figures of its metrics.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        return runner.test()


def _point_validation(cfg: Config, split: CocoSplit, max_sentences: int | None) -> None:
    """Point the test sets and their metrics at a split; one remains as it is."""
    dataset, evaluator = cfg.val_dataloader.dataset, cfg.val_evaluator
    several = dataset.type == 'ConcatDataset'
    datasets = dataset.datasets if several else [dataset]
    metrics = evaluator.metrics if several else [evaluator]
    prefixes = evaluator.dataset_prefixes if several else ['']
    kept = []
    for child, metric, prefix in zip(datasets, metrics, prefixes):
        if not _point(child, split):
            continue
        metric.metric = ['bbox', 'segm'] if split.with_masks else ['bbox']
        if 'ann_file' in metric:
            metric.ann_file = child.ann_file
        if child.type == REFERRING_TYPE and max_sentences is not None:
            child.indices = list(range(min(max_sentences, _num_sentences(split))))
        kept.append((child, metric, prefix))
    if not kept:
        raise ValueError('No test set of val_dataloader.dataset fits the folder.')
    if len(kept) == 1:
        cfg.val_dataloader.dataset, cfg.val_evaluator = kept[0][:2]
    else:
        children, judges, names = (list(column) for column in zip(*kept))
        dataset.datasets, evaluator.metrics = children, judges
        evaluator.dataset_prefixes = names


def _point(dataset: dict, split: CocoSplit) -> bool:
    """Replace the paths of a dataset's config; False if the split has no data for it.

    Categories are those of the file.
    """
    is_referring = dataset['type'] == REFERRING_TYPE
    ann_file = split.refs if is_referring else split.instances
    if ann_file is None:
        return False
    dataset['data_root'] = ''
    dataset['ann_file'] = str(ann_file.resolve())
    dataset['data_prefix'] = dict(img=f'{split.images.resolve()}/')
    dataset.pop('metainfo', None)
    dataset.pop('indices', None)
    return True


def _num_sentences(split: CocoSplit) -> int:
    return sum(len(record['expressions']) for record in read_coco(split.refs)['images'])
