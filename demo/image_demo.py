"""Fine-tune the tiny model on a folder of COCO format, and draw what it finds.

``uninext train --data`` with what suits minutes; options of it may follow. Without
--data on a generated set of shapes. Layouts of folders: uninext/fine_tuning/folder.py.

Example:
    python demo/image_demo.py --data my_folder --iters 500
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli import main as uninext

NUM_TRAIN, NUM_VAL = 240, 24  # generated images
NUM_EXPRESSIONS = '60'  # that are evaluated


def main(argv: list[str] | None = None) -> int:
    """Run the demo; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', metavar='DIR', help='your folder of COCO format')
    parser.add_argument('--out', default='demo_output', help='folder of the results')
    parser.add_argument('--iters', default='220', help='training iterations')
    args, others = parser.parse_known_args(argv)
    data = args.data
    if data is None:
        from uninext.shapes import generate_image_set

        data = str(Path(args.out) / 'shapes')
        print(f'Generating {NUM_TRAIN} + {NUM_VAL} images in {data}')
        generate_image_set(data, NUM_TRAIN, NUM_VAL)
    run = ['--data', data, '--work-dir', str(Path(args.out) / 'run'), '--overwrite']
    size = ['--iters', args.iters, '--val-expressions', NUM_EXPRESSIONS]
    return uninext(['train', *run, *size, *others])


if __name__ == '__main__':
    sys.exit(main())
