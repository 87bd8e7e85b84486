"""``python -m uninext``: the command line where its script is not on the path."""

import sys

from uninext.cli import main

if __name__ == '__main__':
    sys.exit(main())
