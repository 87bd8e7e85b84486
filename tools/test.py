"""Evaluate a model: python tools/test.py CONFIG CHECKPOINT [options]; see --help."""

import sys

from uninext.cli.test import main

if __name__ == '__main__':
    sys.exit(main())
