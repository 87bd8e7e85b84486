"""``uninext export``: a model as graphs that still take prompts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uninext.utils.inference_scale import InferenceScale

DESCRIPTION = 'Export a model as graphs that still take prompts.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of exporting."""
    parser.add_argument('config', metavar='CONFIG', help='config, or name of a model')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='its weights')
    parser.add_argument('out', metavar='OUT', help='folder to make')
    parser.add_argument(
        '--format',
        choices=['onnx', 'torch_export'],
        default='onnx',
        help='ONNX (requirements/onnx.txt), or files of torch.export',
    )
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        action='append',
        metavar=('HEIGHT', 'WIDTH'),
        help='of padded images; repeatable; default: the size of images that the '
        'config says, lying',
    )


def run(args: argparse.Namespace) -> None:
    """Export, verify, and print the error of every output."""
    from uninext.apis.networks import open_network
    from uninext.export import export_model
    from uninext.model_zoo import MODEL_ZOO, resolve_model
    from uninext.utils.files import sha256_of
    from uninext.utils.inference_scale import InferenceScale

    config, checkpoint = resolve_model(args.config, args.checkpoint)
    scale = InferenceScale(config)
    sizes_hw = [tuple(size) for size in args.size or [_size_of(config, scale)]]
    opened = open_network(config, checkpoint, 'cpu')
    files = {model.checkpoint.resolve(): name for name, model in MODEL_ZOO.items()}
    made_from = {
        'named': files.get(checkpoint.resolve()),
        'config': str(args.config),
        'checkpoint': checkpoint.name,
        'checkpoint_sha256': sha256_of(checkpoint),
    }
    report = export_model(
        opened.network,
        dict(model=config.model.to_dict(), inference_scale=scale.to_config()),
        args.out,
        sizes_hw,
        args.format,
        opened.thresholds,
        made_from,
        tell=print,
    )
    print('\n'.join(report.lines()))
    print(
        f'written: {report.folder}, each graph verified on {report.num_inputs} inputs'
    )


def _size_of(config: Mapping[str, Any], scale: InferenceScale) -> tuple[int, int]:
    """Height and width of the largest image that lies, as the network sees it."""
    sides = scale.for_images()
    if sides is None:
        raise ValueError(
            'The config leaves images at their size, and exported images have one. '
            'Pass --size HEIGHT WIDTH.'
        )
    divisor = config['model']['data_preprocessor'].get('test_pad_size_divisor', 1)
    longer, shorter = (-(-side // divisor) * divisor for side in sides)
    return shorter, longer
