r"""Draw samples of a training as the network gets them.

Images with their prompt and instances; clips with the reference frame beside; shown
targets with their template. Seeded: the same samples as the training draws first.

Examples:
    python tools/misc/browse_dataset.py configs/uninext/stage2_image_shapes.py
    python tools/misc/browse_dataset.py configs/uninext/stage3_video_shapes.py \
        --sources sot rvos --num 6 --out seen --sheet
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from uninext.cli.common import read_config, run_tool

MAX_BATCHES = 20_000  # that are looked through for samples of a rare source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('config', help='path or name of a config')
    parser.add_argument(
        '--out', type=Path, default=Path('browsed'), help='folder (default: browsed)'
    )
    parser.add_argument(
        '--num', type=int, default=4, metavar='N', help='of each source (default: 4)'
    )
    parser.add_argument(
        '--sources', nargs='+', metavar='NAME', help='only these of the mixture'
    )
    parser.add_argument(
        '--sheet', action='store_true', help='all on one image too, a row a source'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', metavar='KEY=VALUE', help='override entries'
    )


def run(args: argparse.Namespace) -> None:
    """Draw and save."""
    if args.num < 1:
        raise ValueError(f'--num must be at least 1, got {args.num}.')

    from uninext.analysis.training_draws import (
        build_dataset,
        build_sampler,
        first_draws,
        save_samples,
    )

    cfg = read_config(args.config, args.cfg_options)
    dataset = build_dataset(cfg)
    known = [source.name for source in dataset.sources]
    wanted = args.sources or known
    strangers = sorted(set(wanted) - set(known))
    if strangers:
        raise ValueError(f'--sources {strangers}: there are {known}.')
    sampler = build_sampler(cfg, dataset, 0)
    draws = first_draws(dataset, sampler, MAX_BATCHES, args.num, wanted)
    saved = save_samples(dataset, draws, args.out)
    if args.sheet:
        saved.append(_save_sheet(saved, args.num, args.out / 'sheet.jpg'))
        print(saved[-1])


def _save_sheet(files: list[Path], columns: int, out: Path) -> Path:
    import mmcv

    from uninext.visualization import make_contact_sheet

    images = [mmcv.imread(str(file), channel_order='rgb') for file in files]
    sheet = make_contact_sheet(images, num_columns=columns, cell_width=480)
    mmcv.imwrite(sheet[..., ::-1], str(out))
    return out


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
