"""Which categories are taken for which: table, and image if asked for; see --help."""

import sys

from uninext.cli.analysis.confusion_matrix import main

if __name__ == '__main__':
    sys.exit(main())
