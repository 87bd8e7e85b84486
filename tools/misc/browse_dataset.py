"""Draw samples of a training as the network gets them; see --help."""

import sys

from uninext.cli.analysis.browse_dataset import main

if __name__ == '__main__':
    sys.exit(main())
