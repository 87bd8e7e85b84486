"""Measure seconds and memory of training, of images, or of a video session."""

import sys

from uninext.cli.analysis.benchmark import main

if __name__ == '__main__':
    sys.exit(main())
