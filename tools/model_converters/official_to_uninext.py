"""Convert a published UNINEXT checkpoint to our key layout, or back; see --help."""

import sys

from uninext.cli.convert import main

if __name__ == '__main__':
    sys.exit(main())
