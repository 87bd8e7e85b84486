"""Print a config as it is resolved, or what differs from another; see --help."""

import sys

from uninext.cli.analysis.print_config import main

if __name__ == '__main__':
    sys.exit(main())
