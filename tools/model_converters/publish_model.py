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
import json
import sys
from pathlib import Path

EXIT_USER_ERROR = 2


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('config', help='path or name of its config')
    parser.add_argument('out', metavar='OUT', help='.safetensors file to write')
    parser.add_argument(
        '--metrics', metavar='JSON', help='file of what was measured, for the metadata'
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Publish, and say what was written."""
    args = parse_args(argv)
    from uninext.model_zoo import config_path, publish_model

    try:
        path = Path(args.config)
        config = path if path.is_file() else config_path(args.config)
        metrics = json.loads(Path(args.metrics).read_text()) if args.metrics else None
        report = publish_model(args.checkpoint, config, args.out, metrics)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return EXIT_USER_ERROR
    print('\n'.join(report.lines()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
