"""Evaluate result files: the same as uninext eval; see --help."""

import sys

from uninext.cli.evaluate import main

if __name__ == '__main__':
    sys.exit(main())
