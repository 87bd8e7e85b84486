"""Write the tables of docs/model_zoo.md from the metafile and the configs.

Prose between the tables stays as it is. Exit status of --check: 1 if the file is not
what would be written.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import run_tool
from uninext.utils.marked_pages import fill, table

if TYPE_CHECKING:
    from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
METAFILE = ROOT / 'configs/uninext/metafile.yml'
PAGE = ROOT / 'docs/model_zoo.md'
SMALL = ('_tiny', '_overfit', '_shapes')  # not of the paper
BACKBONES = {
    'ResNet': 'ResNet-50',
    'mmpretrain.ConvNeXt': 'ConvNeXt-{}',
    'UninextViT': 'ViT-H',
}
# Task -> who tracks its prompts, and whether that uses the IoU branch unless told
TRACKERS = {
    'mot': ('category', False),
    'mots': ('category', False),
    'vis': ('category', False),
    'sot': ('box', True),
    'vos': ('mask', True),
    'rvos': ('expression', True),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('--check', action='store_true', help='write nothing; compare')
    parser.add_argument('--metafile', type=Path, default=METAFILE)
    parser.add_argument('--page', type=Path, default=PAGE)


def training_table(models: list[dict[str, Any]]) -> str:
    """A row for each config, of ``Models`` of a metafile, of a full-size training."""
    rows = []
    for _, path, cfg in full_size(models, of_evaluation=False):
        backbone, rate = cfg.model.backbone, cfg.optim_wrapper.optimizer.lr
        name = BACKBONES[backbone.type].format(backbone.get('arch', '')[:1].upper())
        gpus, batch = re.search(r'(\d+) GPUs x (\d)', header(path)).groups()
        milestones = ', '.join(f'{m:,}' for m in cfg.param_scheduler[0].milestones)
        iters = f'{cfg.train_cfg.max_iters:,}'
        row = (link(path), name, f'{gpus} x {batch}', iters, milestones, f'{rate:g}')
        rows.append(row)
    titles = (
        'config',
        'backbone',
        'GPUs x batch',
        'iterations',
        'rate / 10 at',
        'rate',
    )
    return table(titles, rows)


def evaluation_table(models: list[dict[str, Any]]) -> str:
    """A row for each benchmark, with the settings it is evaluated at.

    A network of videos is of stage 3; the published checkpoint of another is of
    ``Published Stage`` in the metadata (default: 1), and of stage 3 it is cut down.
    """
    rows = []
    for data, path, cfg in full_size(models, of_evaluation=True):
        task = Path(path).stem.split('_')[0]
        sizes = sorted({tuple(s) for s in test_scales(cfg.test_dataloader.dataset)})
        sides = ', '.join(f'{min(s)} / {max(s)}' for s in sizes)
        of_videos = cfg.model.type == 'UNINEXTVideo'
        stage = str(3 if of_videos else data.get('Published Stage', 1))
        stage += ', `--image-only`' if stage == '3' and not of_videos else ''
        iou = 'on' if with_iou(cfg.model, task) else 'off'
        row = (task.upper(), data['Evaluation Data'], link(path), stage, sides, iou)
        rows.append(row)
    return table(('task', 'data', 'config', 'stage', 'sides', 'IoU branch'), rows)


def full_size(
    models: list[dict[str, Any]], of_evaluation: bool
) -> Iterator[tuple[dict[str, Any], str, Config]]:
    """Metadata, path and config of networks of full size: evaluations, or trainings."""
    from mmengine.config import Config

    for model in models:
        path = model['Config']
        is_small = any(word in path for word in SMALL)
        if ('/eval/' in path) is of_evaluation and not is_small:
            yield model.get('Metadata', {}), path, Config.fromfile(ROOT / path)


def published_table(models: list[dict[str, Any]]) -> str:
    """A row for each published metric in the metafile, or a sentence if there is none.

    They stand as ``Results`` of the config that reproduces them: a list of
    ``Backbone``, ``Metrics`` (name: value) and ``Source``.

    Raises:
        ValueError: If a metric has no source.
    """
    rows = []
    for model in models:
        for result in model.get('Results', []):
            backbone, source = result.get('Backbone'), result.get('Source')
            if not source:
                raise ValueError(
                    f'{model["Name"]}: a metric of {backbone} has no Source. Name the '
                    'paper and its table, or drop the metric.'
                )
            metrics = ', '.join(f'{k} {v}*' for k, v in result['Metrics'].items())
            data = model['Metadata']['Evaluation Data']
            rows.append((data, backbone, metrics, source, link(model['Config'])))
    if not rows:
        return (
            'The metafile has none yet: only metrics with a source are entered there.'
        )
    found = table(('data', 'backbone', 'metrics', 'source', 'config'), rows)
    return f'{found}\n\n\\* published, not measured here.'


def with_iou(model: Config, task: str) -> bool:
    """Whether scores of a task are multiplied with those of the IoU branch."""
    if task not in TRACKERS:
        return model.test_cfg.with_iou
    kind, default = TRACKERS[task]
    return model.trackers[kind].get('with_iou', default)


def test_scales(dataset: dict[str, Any]) -> list[tuple[int, int]]:
    """Scales that the test images of a dataset config are resized to."""
    if 'datasets' in dataset:
        return [s for each in dataset['datasets'] for s in test_scales(each)]
    return [t['scale'] for t in dataset['pipeline'] if t['type'] == 'Resize']


def header(path: str) -> str:
    """The comments on top of a config."""
    lines = (ROOT / path).read_text().splitlines()
    return '\n'.join(lines[: next(i for i, x in enumerate(lines) if x[:1] != '#')])


def link(path: str) -> str:
    """A link to a config from the page."""
    return f'[{Path(path).stem}](../{path})'


def run(args: argparse.Namespace) -> int:
    """Write the page, or compare it."""
    import yaml

    models = yaml.safe_load(args.metafile.read_text())['Models']
    makers = (training_table, evaluation_table, published_table)
    tables = {make.__name__.removesuffix('_table'): make(models) for make in makers}
    old = args.page.read_text()
    new = fill(old, tables)
    if not args.check:
        args.page.write_text(new)
        return 0
    if new != old:
        print(f'{args.page} is old: run python tools/misc/model_zoo.py')
    return int(new != old)


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
