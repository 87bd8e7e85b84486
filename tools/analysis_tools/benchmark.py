r"""Measure speed as one table, and write docs/performance.md from it.

Weights, images and prompts are random and seeded; what a row computes is compared with
a slower way before it is timed. ``table`` writes JSON and prints Markdown; ``page``
fills the marked parts of the page from it, and draws the curves.

Examples:
    python tools/analysis_tools/benchmark.py table --out docs/assets/performance.json
    python tools/analysis_tools/benchmark.py page docs/assets/performance.json
    python tools/analysis_tools/benchmark.py table --rows training --growth none \
        --size 480 854 --device cuda
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import read_config, run_tool
from uninext.cli.measuring import coco_names

if TYPE_CHECKING:
    from torch import nn

    from uninext.analysis.speed_rows import Row

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / 'docs/assets/performance_published.json'
PAGE = ROOT / 'docs/performance.md'
PIPELINE = ROOT / 'configs/_base_/pipelines/images.py'
PLOT = 'assets/performance_growth.svg'
SMALL_HW, LARGE_HW = (64, 96), (800, 1333)
NONE = 'none'
FRAMES = (1, 10, 100, 1000, 2000)
QUICK_POINTS = {
    'categories': (1, 3),
    'expressions': (1, 2),
    'targets': (1, 2),
    'short side': (64, 96),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    kinds = parser.add_subparsers(dest='kind', metavar='KIND', required=True)
    table = kinds.add_parser('table', help='measure; some minutes')
    for name, config in (
        ('video', 'stage3_video'),
        ('image', 'stage2_image'),
        ('small', 'stage3_video_tiny'),
    ):
        table.add_argument(
            f'--{name}-config',
            metavar='CONFIG',
            help=f'default: {config}; with --quick, the tiny one',
        )
    table.add_argument('--rows', nargs='+', default=[], metavar='WORD', help=_WORDS)
    table.add_argument('--growth', nargs='+', default=[], metavar='WORD', help=_WORDS)
    table.add_argument('--size', nargs=2, type=int, metavar=('HEIGHT', 'WIDTH'))
    table.add_argument('--calls', type=int, default=3, help='of each row, that count')
    table.add_argument('--quick', action='store_true', help='tiny models, small sizes')
    table.add_argument('--device', default='cpu')
    table.add_argument('--out', type=Path, metavar='FILE', help='JSON to write')
    table.set_defaults(do=_table)
    page = kinds.add_parser('page', help='write the page')
    page.add_argument('measured', type=Path, help='JSON of the table')
    page.add_argument('--published', type=Path, default=PUBLISHED, help='comparison')
    page.add_argument('--page', type=Path, default=PAGE, help='with marks to fill')
    page.add_argument('--check', action='store_true', help='write nothing; 1: is old')
    page.set_defaults(do=_page)


_WORDS = f'those whose name has one of the words; {NONE}: none; default: all'


def run(args: argparse.Namespace) -> int | None:
    """Measure, or write."""
    return args.do(args)


def _page(args: argparse.Namespace) -> int:
    from uninext.analysis.speed_page import draw_growth, page_parts
    from uninext.utils.marked_pages import fill

    measured, published = (
        json.loads(path.read_text()) for path in (args.measured, args.published)
    )
    old = args.page.read_text()
    new = fill(old, page_parts(measured, published))
    if args.check:
        return int(new != old)
    args.page.write_text(new)
    draw_growth(measured['growth'], args.page.parent / PLOT)
    return 0


def _table(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from uninext.analysis import speed_page
    from uninext.analysis.speed_growth import POINTS, frames_growth, growth
    from uninext.analysis.speed_inputs import machine
    from uninext.analysis.speed_processes import process_seconds
    from uninext.analysis.speed_rows import SpeedRows, wanted
    from uninext.apis.devices import usable_device

    if min(args.calls, *(args.size or [1])) < 1:
        raise ValueError(
            f'--calls and --size take positive numbers, got {args.calls}, {args.size}.'
        )
    names = dict(
        video='stage3_video_tiny' if args.quick else 'stage3_video',
        image='stage2_image_tiny' if args.quick else 'stage2_image',
        small='stage3_video_tiny',
    )
    configs = {k: getattr(args, f'{k}_config') or name for k, name in names.items()}
    device = usable_device(args.device)
    size_hw = tuple(args.size or (SMALL_HW if args.quick else (320, 480)))
    large_hw = (96, 160) if args.quick else LARGE_HW
    image, small, video = (_model(configs[k], device) for k in sorted(configs))
    say = partial(print, flush=True)
    rows = SpeedRows(video, coco_names(), size_hw, large_hw, args.calls, say)
    found: list[Row] = []
    parts: dict[str, dict[str, float]] = {}
    if args.rows != [NONE]:
        found = rows.rows(args.rows)
        if wanted('parts', args.rows):
            parts = rows.parts()
        found += _other_rows(args, image, video, size_hw, say)
    curves: dict[str, dict[str, float]] = {}
    if args.growth != [NONE]:
        points = QUICK_POINTS if args.quick else POINTS
        curves = growth(rows, args.growth, points)
        if wanted('frames', args.growth):
            short = SpeedRows(small, coco_names(), SMALL_HW, report=say)
            curves |= frames_growth(short, FRAMES[:2] if args.quick else FRAMES)
        if wanted('processes', args.growth):
            config = read_config(configs['small']).model.to_dict()
            curves['processes'] = process_seconds(config, calls=args.calls)
    settings = dict(
        configs,
        size_hw=list(size_hw),
        large_hw=list(large_hw),
        calls=args.calls,
        quick=args.quick,
    )
    measured = dict(
        schema=speed_page.SCHEMA,
        machine=machine(video.device),
        settings=settings,
        gemm=rows.gemm,
        rows=[asdict(row) for row in found],
        parts=parts,
        growth=curves,
        bytes={configs[k]: _bytes(m) for k, m in (('image', image), ('video', video))},
    )
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(speed_page.checked(measured), indent=1) + '\n')
    print('\n' + speed_page.rows_table(measured['rows']))
    if curves:
        print('\n' + speed_page.growth_table(curves))


def _other_rows(
    args: argparse.Namespace,
    image: nn.Module,
    video: nn.Module,
    size_hw: tuple[int, int],
    report: Any,
) -> list[Row]:
    """Training, the data loader, and whole commands."""
    from uninext.analysis.speed_commands import command_rows
    from uninext.analysis.speed_loader import loader_timing
    from uninext.analysis.speed_rows import Row, wanted
    from uninext.analysis.speed_training import training_row

    found = []
    for name, model, with_reference in (
        ('training step, 2 images', image, False),
        ('training step, 1 clip', video, True),
    ):
        if wanted(name, args.rows):
            batch_size = 1 if with_reference else 2
            row = training_row(
                name, model, size_hw, args.calls, batch_size, with_reference
            )
            found.append(row)
            report(f'{name}: {row.seconds:.2f} s')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if wanted('data loader, one image', args.rows):
            pipeline = read_config(PIPELINE).train_pipeline
            timing = loader_timing(folder, pipeline, args.calls)
            found.append(Row('data loader, one image', 1 / timing.per_second))
            report(f'data loader: {timing.per_second:.1f} images/s')
        found += command_rows(folder, args.rows, args.calls, report)
    return found


def _model(config: str, device: str) -> nn.Module:
    """With random weights, the same at each call."""
    import torch

    from uninext.model_zoo import build_uninext

    torch.manual_seed(0)
    return build_uninext(read_config(config)).to(device).eval()


def _bytes(model: nn.Module) -> int:
    """Of the gradients, in float32."""
    return sum(4 * p.numel() for p in model.parameters() if p.requires_grad)


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
