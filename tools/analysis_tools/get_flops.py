"""Count parameters and floating point operations of a network, part by part."""

import sys

from uninext.cli.analysis.get_flops import main

if __name__ == '__main__':
    sys.exit(main())
