"""``uninext export``: a model as graphs that still take prompts."""

from __future__ import annotations

import argparse

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
        metavar=('HEIGHT', 'WIDTH'),
        help='of padded images; default: the size of images that the config says, '
        'lying',
    )


def run(args: argparse.Namespace) -> None:
    """Export, verify, and print the error of every output."""
    from uninext.checkpoint import load_weights
    from uninext.export import export_model
    from uninext.model_zoo import build_uninext, resolve_model
    from uninext.utils.files import sha256_of
    from uninext.utils.without_draws import without_draws

    config, checkpoint = resolve_model(args.config, args.checkpoint)
    size_hw = tuple(args.size or _size_of(config))
    with without_draws():  # all weights are loaded
        model = build_uninext(config)
    load_weights(model, checkpoint)
    made_from = {
        'config': str(args.config),
        'model': config.model.to_dict(),
        'checkpoint': checkpoint.name,
        'checkpoint_sha256': sha256_of(checkpoint),
    }
    report = export_model(
        model.eval(), args.out, size_hw, args.format, made_from, tell=print
    )
    print('\n'.join(report.lines()))
    print(
        f'written: {report.folder}, each graph verified on {report.num_inputs} inputs'
    )


def _size_of(config) -> tuple[int, int]:
    """Height and width of the largest image that lies, as the config resizes it."""
    from uninext.utils.inference_scale import InferenceScale

    scale = InferenceScale(config).for_images()
    if scale is None:
        raise ValueError(
            'The config leaves images at their size, and exported images have one. '
            'Pass --size HEIGHT WIDTH.'
        )
    divisor = config.model.data_preprocessor.get('test_pad_size_divisor', 1)
    longer, shorter = (-(-side // divisor) * divisor for side in scale)
    return shorter, longer
