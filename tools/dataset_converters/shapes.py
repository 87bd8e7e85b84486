"""Generate the Shapes suite: ``tools/dataset_converters/shapes.py OUT``; see --help."""

import sys

from uninext.cli.shapes import main

if __name__ == '__main__':
    sys.exit(main())
