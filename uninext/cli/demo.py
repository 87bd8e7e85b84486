"""``uninext demo``: a page in the browser to try the model on."""

from __future__ import annotations

import argparse

from uninext.cli.common import add_model_options, speed_of
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.utils.serving_limits import ServingLimits, all_limits, option_of

DESCRIPTION = 'Open a page in the browser: images, videos and prompts enter there.'
EXAMPLES = """\
examples:
  uninext demo
  uninext demo --model uninext_tiny --port 8000 --no-browser
  uninext demo --model configs/uninext/stage3_video.py --checkpoint weights.pth

The page is served to this machine alone; --host 0.0.0.0 serves it to its network.
"""
DEFAULT_HOST = '127.0.0.1'
MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the demo."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_model_options(parser)
    parser.add_argument(
        '--host', default=DEFAULT_HOST, help='address to serve at; default %(default)s'
    )
    parser.add_argument('--port', type=int, help='default: the first that is free')
    parser.add_argument(
        '--share',
        action='store_true',
        help='make a public address through the servers of Gradio: anybody who has it '
        'can use the page',
    )
    parser.add_argument(
        '--no-browser', action='store_true', help='do not open the browser'
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        metavar='S',
        help='where the score threshold of categories begins, 0..1; default: what '
        'uninext calibrate stored or suits the model that comes along, else '
        f'{SCORE_THRESHOLD:g}',
    )
    group = parser.add_argument_group('limits', 'of what visitors may ask for')
    for name, default, about in all_limits():
        group.add_argument(
            option_of(name),
            type=type(default),
            default=default,
            metavar='N',
            help=f'{about}; default {default:g}',
        )


def run(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    if args.port is not None and not 0 < args.port <= MAX_PORT:
        raise ValueError(f'--port must be in 1..{MAX_PORT}, got {args.port}.')
    if args.score_thr is not None and not 0 <= args.score_thr <= 1:
        raise ValueError(f'--score-thr must be in 0..1, got {args.score_thr:g}.')
    limits = ServingLimits(**{name: getattr(args, name) for name, *_ in all_limits()})
    from uninext.web import launch  # says what to install

    launch(
        model=args.model,
        checkpoint=args.checkpoint,
        device=args.device,
        host=args.host,
        port=args.port,
        share=args.share,
        open_browser=not args.no_browser,
        limits=limits,
        score_thr=args.score_thr,
        **speed_of(args),
    )
