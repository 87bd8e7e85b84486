"""``uninext convert``: published checkpoints into ours, and back."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from uninext.cli.common import read_config, run_tool

if TYPE_CHECKING:
    from torch import Tensor

DESCRIPTION = 'Convert a published checkpoint to the layout of this project, or back.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of converting."""
    parser.add_argument('source', metavar='IN', help='checkpoint to read')
    parser.add_argument('target', metavar='OUT', help='.pth or .safetensors to write')
    parser.add_argument(
        '--reverse', action='store_true', help='from our layout to the published one'
    )
    parser.add_argument(
        '--image-only',
        action='store_true',
        help='leave out what a stage 3 (video) checkpoint adds',
    )
    parser.add_argument(
        '--to-video',
        action='store_true',
        help='add to image weights the template backbone that stage 3 starts with',
    )
    parser.add_argument(
        '--backbone-only',
        action='store_true',
        help='IN is a pretrained ResNet-50, ConvNeXt or MAE ViT, for init_cfg',
    )
    parser.add_argument(
        '--config', metavar='NAME', help='config to note in OUT (default: by the keys)'
    )
    parser.add_argument(
        '--no-check',
        action='store_true',
        help='do not compare names and shapes with the network of the config',
    )
    parser.add_argument(
        '--verbose', action='store_true', help='print what became of every key'
    )


def run(args: argparse.Namespace) -> None:
    """Convert the file and print how many keys were renamed, left out and added."""
    from uninext.checkpoint.conversion import convert_file

    report = convert_file(
        args.source,
        args.target,
        reverse=args.reverse,
        image_only=args.image_only,
        to_video=args.to_video,
        backbone_only=args.backbone_only,
        config=args.config,
        check=None if args.no_check else check_fit,
    )
    if args.verbose:
        print('\n'.join(report.lines()))
    print(report.summary())
    print(f'written: {args.target}')


def check_fit(config: str, state: Mapping[str, Tensor]) -> None:
    """Compare weights of our layout with the network of a config, without numbers.

    Raises:
        FileError: If a key is missing, unexpected or has another shape.
    """
    from uninext.checkpoint import load_state
    from uninext.model_zoo import build_uninext
    from uninext.utils.without_draws import without_draws

    with without_draws():
        model = build_uninext(read_config(config)).to('meta')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # it copies nothing: as meant
        load_state(model, state, source=f'What was converted to {config}')


main = partial(run_tool, DESCRIPTION, add_arguments, run)  # the script
