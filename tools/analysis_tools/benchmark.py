r"""Measure seconds and memory of training, of images, or of a video session.

Images, boxes and masks are random and nothing is read from disk but weights, so that
only the network is measured. Memory is the peak beyond what was held before.

Examples:
    python tools/analysis_tools/benchmark.py inference configs/uninext/stage2_image.py \
        --size 800 1333 --categories 'person, car' --batch-size 2 --device cuda
    python tools/analysis_tools/benchmark.py session configs/uninext/stage3_video.py \
        --size 480 854 --expression 'the man in red' --boxes 5
    python tools/analysis_tools/benchmark.py training configs/uninext/stage3_video.py \
        --size 480 854 --iterations 1 --warmup 0
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from uninext.cli.common import run_tool
from uninext.cli.measuring import (
    add_model_arguments,
    add_prompt_arguments,
    build_inferencer,
    describe,
    prompts_of,
    random_image,
    size_of,
)

# What is measured, and how its calls are named.
KINDS = {
    'inference': 'images through UninextInferencer',
    'session': 'frames of a video, prompts tracked',
    'training': 'forward, losses and backward of random clips',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    kinds = parser.add_subparsers(dest='kind', metavar='KIND', required=True)
    for name, text in KINDS.items():
        kind = kinds.add_parser(name, help=text, description=text)
        add_model_arguments(kind)
        kind.add_argument('--iterations', type=int, default=10, help='that count')
        kind.add_argument('--warmup', type=int, default=2, help='before them')
        if name != 'training':
            add_prompt_arguments(kind)
        if name != 'session':
            kind.add_argument('--batch-size', type=int, default=1, metavar='N')
        if name == 'training':
            kind.add_argument('--objects', type=int, default=5, help='of a frame')
            kind.add_argument(
                '--no-reference', action='store_true', help='frames, no clips'
            )
        kind.set_defaults(prepare=_PREPARE[name])


def run(args: argparse.Namespace) -> None:
    """Measure and print."""
    from uninext.analysis.timing import measure
    from uninext.apis.devices import usable_device

    items = getattr(args, 'batch_size', 1)
    if items < 1:
        raise ValueError(f'--batch-size must be at least 1, got {items}.')
    call, what, unit = args.prepare(args)
    device = usable_device(args.device)
    timing = measure(call, args.iterations, args.warmup, device, items, _report_quickly)
    print(f'{args.kind} of {args.model} on {device_name(device)}: {what}')
    print(timing.line(unit))


def device_name(device: str) -> str:
    """The device as people call it."""
    import torch

    if device.startswith('cuda'):
        return torch.cuda.get_device_name(device)
    return f'{device}, {torch.get_num_threads()} threads'


def _report_quickly(line: str) -> None:
    print(line, flush=True)


Prepared = tuple[Callable[[], Any], str, str]


def _prepare_inference(args: argparse.Namespace) -> Prepared:
    find, cfg = build_inferencer(args)
    size_hw = size_of(args, cfg)
    prompts = prompts_of(args, size_hw)
    images = [random_image(size_hw, seed) for seed in range(args.batch_size)]

    def call() -> None:
        find(images, batch_size=args.batch_size, progress=False, **prompts)

    what = f'{args.batch_size} x {size_hw[1]} x {size_hw[0]}, {describe(prompts)}'
    return call, what, 'images'


def _prepare_session(args: argparse.Namespace) -> Prepared:
    from uninext.models.detectors import UNINEXTVideo

    find, cfg = build_inferencer(args)
    if not isinstance(find.model, UNINEXTVideo):
        raise ValueError(f'{args.model} is a model of images: a video needs stage 3.')
    size_hw = size_of(args, cfg, of_videos=True)
    prompts = prompts_of(args, size_hw)
    session = find.model.open(scale=None)
    if 'categories' in prompts:
        session.add(categories=prompts['categories'])
    for expression in prompts.get('expression', ()):
        session.add(expression=expression)
    for box in prompts.get('box', ()):
        session.add(box=box)
    frame = random_image(size_hw)
    what = f'frames of {size_hw[1]} x {size_hw[0]}, {describe(prompts)}'
    return lambda: session.step(frame), what, 'frames'


def _prepare_training(args: argparse.Namespace) -> Prepared:
    from uninext.analysis.random_clips import random_clips
    from uninext.models.detectors import UNINEXTVideo

    find, cfg = build_inferencer(args)
    model = find.model.train()
    size_hw = size_of(args, cfg)
    with_reference = isinstance(model, UNINEXTVideo) and not args.no_reference
    clips = random_clips(args.batch_size, size_hw, args.objects, with_reference)

    def call() -> None:
        data = model.data_preprocessor(clips(), True)
        losses = model.loss(data['inputs'], data['data_samples'])
        sum(v for k, v in losses.items() if k.startswith('loss')).backward()
        model.zero_grad()

    frames = 2 if with_reference else 1
    what = f'{args.batch_size} x {frames} frames of {size_hw[1]} x {size_hw[0]}'
    return call, f'{what}, {args.objects} objects each', 'samples'


_PREPARE = {
    'inference': _prepare_inference,
    'session': _prepare_session,
    'training': _prepare_training,
}


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
