"""Publish a model: from a training checkpoint, a small file that is enough to use it.

Weights alone, in half precision; what packages bring is left out; the metadata tell the
config. Afterwards: UninextInferencer('OUT.safetensors'), tools/test.py CONFIG OUT.

Example:
    python tools/model_converters/publish_model.py work_dirs/mine/iter_4000.pth \
        configs/uninext/stage3_video_shapes.py mine.safetensors \
        --metrics work_dirs/ten_tasks/ten_tasks.json
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('config', help='path or name of its config')
    parser.add_argument('out', metavar='OUT', help='.safetensors file to write')
    parser.add_argument(
        '--metrics', metavar='JSON', help='file of what was measured, for the metadata'
    )


def run(args: argparse.Namespace) -> None:
    """Publish, and say what was written."""
    from uninext.formats.json_file import read_json
    from uninext.model_zoo import publish_model
    from uninext.utils.config_files import config_path

    path = Path(args.config)
    config = path if path.is_file() else config_path(args.config)
    metrics = read_json(args.metrics) if args.metrics else None
    report = publish_model(args.checkpoint, config, args.out, metrics)
    print('\n'.join(report.lines()))


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
