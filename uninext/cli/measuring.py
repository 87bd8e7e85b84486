"""What the tools that measure share: a model, a size and prompts as arguments."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import names_of, parse_options, read_config

if TYPE_CHECKING:
    import numpy as np
    from mmengine import Config

    from uninext.apis import UninextInferencer


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, its weights and the size of images."""
    parser.add_argument('model', help='config, name of a model, or file of weights')
    parser.add_argument(
        '--checkpoint',
        help='weights; a config without them is measured with random ones',
    )
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        metavar=('HEIGHT', 'WIDTH'),
        help='of images as the network gets them; default: as the config tests',
    )
    parser.add_argument(
        '--device', default='auto', help='cpu, cuda, ... (default: auto)'
    )
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE')


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """Add prompts, as ``uninext predict`` spells them."""
    parser.add_argument(
        '--categories',
        action='append',
        metavar="'A, B'",
        help="names; repeatable (default: COCO's 80, if no prompt)",
    )
    parser.add_argument(
        '--expression',
        action='append',
        metavar='TEXT',
        help='an expression; repeatable',
    )
    parser.add_argument(
        '--boxes', type=int, default=0, metavar='N', help='N targets shown by boxes'
    )


def build_inferencer(args: argparse.Namespace) -> tuple[UninextInferencer, Config]:
    """The model that is meant, with its weights or random ones, and its config.

    The inferencer resizes nothing.
    """
    from uninext.apis import UninextInferencer
    from uninext.apis.devices import usable_device
    from uninext.model_zoo import MODEL_ZOO, build_uninext, resolve_model
    from uninext.utils.config_files import change_config

    is_config = Path(args.model).suffix in ('.py', '') and args.model not in MODEL_ZOO
    if is_config and args.checkpoint is None:
        cfg = read_config(args.model, args.cfg_options)
        model = build_uninext(cfg).to(usable_device(args.device))
        return UninextInferencer(model, scale=None), cfg
    cfg, weights = resolve_model(args.model, args.checkpoint)
    change_config(cfg, parse_options(args.cfg_options))
    return UninextInferencer(cfg, weights, device=args.device, scale=None), cfg


def size_of(
    args: argparse.Namespace, cfg: Config, of_videos: bool = False
) -> tuple[int, int]:
    """(height, width) of images, or of frames the largest of all kinds of prompts.

    Raises:
        ValueError: If a side is below 1, or neither ``--size`` nor the config tells.
    """
    from uninext.utils.inference_scale import InferenceScale

    if args.size is None:
        scales = InferenceScale(cfg)
        scale = scales.for_videos() if of_videos else scales.for_images()
        if isinstance(scale, dict):
            scale = max(scale.values(), key=min)
        if scale is None:
            raise ValueError(
                f'{args.model} takes images of any size as they are: give --size.'
            )
        long, short = scale
        return short, long
    if min(args.size) < 1:
        raise ValueError(f'--size takes two positive numbers, got {args.size}.')
    return tuple(args.size)


def prompts_of(args: argparse.Namespace, size_hw: tuple[int, int]) -> dict[str, Any]:
    """Prompts as the inferencer takes them, with boxes in images of a size."""
    if args.boxes < 0:
        raise ValueError(f'--boxes must be at least 0, got {args.boxes}.')
    prompts: dict[str, Any] = {}
    if args.boxes:
        prompts['box'] = _boxes(args.boxes, size_hw)
    if args.expression:
        prompts['expression'] = args.expression
    if args.categories or not prompts:
        prompts['categories'] = names_of(args.categories) or coco_names()
    return prompts


def describe(prompts: dict[str, Any]) -> str:
    """Prompts in a few words."""
    kinds = dict(categories='categories', expression='expressions', box='boxes')
    counts = ((len(prompts.get(key, ())), kind) for key, kind in kinds.items())
    return ', '.join(f'{count} {kind}' for count, kind in counts if count)


def random_image(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 noise, the same for a seed."""
    import numpy as np

    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)


def coco_names() -> Sequence[str]:
    """The 80 names of COCO."""
    from mmdet.datasets import CocoDataset

    return CocoDataset.METAINFO['classes']


def _boxes(count: int, size_hw: tuple[int, int]) -> list[list[float]]:
    """Boxes of a quarter of the image's sides, along its diagonal."""
    height, width = size_hw
    steps = [0.75 * i / max(count - 1, 1) for i in range(count)]
    return [
        [s * width, s * height, (s + 0.25) * width, (s + 0.25) * height] for s in steps
    ]
