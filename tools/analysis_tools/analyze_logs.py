"""Times and losses of trainings: a table, and curves if an image is asked for."""

import sys

from uninext.cli.analysis.analyze_logs import main

if __name__ == '__main__':
    sys.exit(main())
