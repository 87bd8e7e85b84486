"""Measure time and memory of one training iteration on random clips.

Images, boxes and masks are random, weights as freshly built; nothing is read from disk.
Memory on the CPU is the peak of the process beyond what it held before the iteration.
Example: benchmark_training.py configs/uninext/stage3_video.py --size 480 854
         --cfg-options model.reference_grad=True
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

MEGABYTE = 2**20


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config with a model')
    parser.add_argument('--size', nargs=2, type=int, default=(480, 854), metavar='N')
    parser.add_argument('--batch-size', type=int, default=1, help='samples')
    parser.add_argument('--objects', type=int, default=5, help='objects of a frame')
    parser.add_argument('--no-reference', action='store_true', help='frames, no clips')
    parser.add_argument('--iterations', type=int, default=1, help='after a warm-up')
    parser.add_argument('--warmup', type=int, default=0, help='iterations before')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Build, run, print."""
    args = parse_args(argv)
    import torch
    from mmengine.config import Config, DictAction
    from mmengine.registry import init_default_scope

    import uninext.models  # noqa: F401  (registers)
    from uninext.registry import MODELS
    from uninext.testing.random_clips import random_clips

    init_default_scope('uninext')
    cfg = Config.fromfile(args.config)
    action = DictAction(['--cfg-options'], 'cfg_options')
    options = argparse.Namespace()
    action(None, options, args.cfg_options)
    cfg.merge_from_dict(options.cfg_options or {})
    model = MODELS.build(cfg.model).to(args.device).train()
    clips = random_clips(
        args.batch_size, tuple(args.size), args.objects, not args.no_reference
    )
    before = _peak(args.device, reset=True)
    for step in range(args.warmup + args.iterations):
        start = time.perf_counter()
        data = model.data_preprocessor(clips(), True)
        losses = model.loss(data['inputs'], data['data_samples'])
        total = sum(v for k, v in losses.items() if k.startswith('loss'))
        total.backward()
        if args.device != 'cpu':
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        print(f'iteration {step}: {seconds:.2f} s, loss {total.item():.3f}', flush=True)
        model.zero_grad()
    peak = _peak(args.device) - before
    print(
        f'{Path(args.config).stem}, {args.batch_size} x '
        f'{1 if args.no_reference else 2} frames of {args.size[1]}x{args.size[0]} on '
        f'{args.device}: {seconds:.2f} s, {peak / MEGABYTE:.0f} MB beyond the model'
    )
    return 0


def _peak(device: str, reset: bool = False) -> int:
    """Highest memory so far, in bytes."""
    if device == 'cpu':
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    import torch

    if reset:
        torch.cuda.reset_peak_memory_stats()
    return torch.cuda.max_memory_allocated()


if __name__ == '__main__':
    raise SystemExit(main())
