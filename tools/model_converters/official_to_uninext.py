"""Convert a published UNINEXT checkpoint to our key layout, or back."""

from __future__ import annotations

import argparse
import sys


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', help='checkpoint to read')
    parser.add_argument('target', metavar='OUT', help='checkpoint to write')
    parser.add_argument(
        '--reverse', action='store_true', help='from our layout to the published one'
    )
    parser.add_argument(
        '--image-only',
        action='store_true',
        help='leave out what a stage 3 (video) checkpoint adds',
    )
    parser.add_argument(
        '--quiet', action='store_true', help='print counts only, not every key'
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Convert; 0 when done, 2 with a message where that is impossible."""
    args = parse_args(argv)
    from uninext.models.weights import convert_file  # torch and mmdet: seconds

    try:
        report = convert_file(args.source, args.target, args.reverse, args.image_only)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if not args.quiet:
        print('\n'.join(report.lines()))
    print(report.summary())
    print(f'written: {args.target}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
