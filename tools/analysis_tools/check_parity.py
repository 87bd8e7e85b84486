"""Compare our model with stored numbers of the published one, weights drawn alike.

Exit status: 0 all arrays agree, 1 some do not, 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uninext.testing.stored_numbers import StoredNumbers

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'uninext'


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', choices=['forward', 'losses'])
    parser.add_argument('table', metavar='TABLE.tsv', help='published keys and shapes')
    parser.add_argument('numbers', metavar='NUMBERS.npz', help='stored arrays')
    parser.add_argument('--seed', type=int, default=0, help='of the drawn weights')
    parser.add_argument(
        '--config',
        help='model to check (default: stage3_video for numbers of targets, '
        'stage1_pretrain for losses learned from boxes only, else stage2_image, '
        'with the backbone of the table)',
    )
    parser.add_argument('--device', default='cpu', help='where to compute')
    return parser.parse_args(argv)


def default_config(numbers: StoredNumbers, backbone: str) -> str:
    """The config of the stage that the numbers are of.

    Args:
        numbers: What is to be computed.
        backbone: What configs of the backbone end in.
    """
    stage = 'stage2_image'
    if 'sot' in numbers.groups():
        stage = 'stage3_video'
    elif any(name.endswith('/loss_prj') for name in numbers.names):
        stage = 'stage1_pretrain'
    return f'{stage}{backbone}.py'


def main(argv: list[str] | None = None) -> int:
    """Compare and print a line per array."""
    args = parse_args(argv)
    # torch and mmdet take seconds to import
    from mmengine.registry import init_default_scope

    from uninext import testing

    init_default_scope('uninext')
    compare = {'forward': testing.compare_forward, 'losses': testing.compare_losses}
    try:
        numbers = testing.StoredNumbers.load(args.numbers)
        config = args.config or CONFIGS / default_config(
            numbers, testing.config_suffix(args.table)
        )
        model = testing.build_drawn_model(config, args.table, args.seed)
        results = []
        for result in compare[args.what](model.to(args.device), numbers):
            print(result.line(), flush=True)
            results.append(result)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    failed = [result for result in results if not result.passed]
    worst = max(results, key=lambda result: result.error)
    print(
        f'{len(results) - len(failed)} of {len(results)} agree '
        f'(tolerance {worst.tolerance:g}); worst: {worst.error:.2e} {worst.name}'
    )
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
