"""``uninext convert``: a published checkpoint enters, one of ours leaves; or back."""

from __future__ import annotations

import argparse

from uninext.cli.common import run_tool, user_errors

DESCRIPTION = 'Convert a published checkpoint to the layout of this project, or back.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of converting.

    Args:
        parser: The parser to add to.
    """
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
        '--quiet', action='store_true', help='print counts only, not every key'
    )


def run(args: argparse.Namespace) -> int:
    """Convert the file and print what became of every key.

    Args:
        args: Parsed arguments of :func:`add_arguments`.

    Returns:
        0; errors of the user leave with status 2.
    """
    with user_errors():
        from uninext.models.weights import convert_file

        report = convert_file(
            args.source,
            args.target,
            reverse=args.reverse,
            image_only=args.image_only,
            to_video=args.to_video,
            backbone_only=args.backbone_only,
            config=args.config,
        )
    if not args.quiet:
        print('\n'.join(report.lines()))
    print(report.summary())
    print(f'written: {args.target}')
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command as a script.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit status.
    """
    return run_tool(DESCRIPTION, add_arguments, run, argv)
