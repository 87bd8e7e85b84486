"""What the measuring tools share: a model, a size and prompts as arguments.

They give a built model and random images.
"""

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
    """Build the model that is meant, with its weights or random ones.

    Args:
        args: Of :func:`add_model_arguments`.

    Returns:
        The inferencer, which resizes nothing, and the config.

    Raises:
        ValueError: If no model is meant.
    """
    from uninext.apis import UninextInferencer
    from uninext.model_zoo import MODEL_ZOO, build_uninext, resolve_model
    from uninext.utils.config_files import change_config

    options = parse_options(args.cfg_options)
    is_config = Path(args.model).suffix in ('.py', '') and args.model not in MODEL_ZOO
    if is_config and args.checkpoint is None:
        cfg = read_config(args.model)
        change_config(cfg, options)
        model = build_uninext(cfg).to(device_of(args))
        return UninextInferencer(model, scale=None), cfg
    cfg, weights = resolve_model(args.model, args.checkpoint)
    change_config(cfg, options)
    return UninextInferencer(cfg, weights, device=device_of(args), scale=None), cfg


def device_of(args: argparse.Namespace) -> str:
    """The device that is meant.

    Raises:
        ValueError: If it is not here.
    """
    from uninext.apis.devices import usable_device

    return usable_device(args.device)


def size_of(
    args: argparse.Namespace, cfg: Config, of_videos: bool = False
) -> tuple[int, int]:
    """(height, width) of images.

    Args:
        args: Of :func:`add_model_arguments`.
        cfg: Tells them where ``--size`` does not.
        of_videos: Whether they are frames; the largest size of all kinds of prompts.

    Raises:
        ValueError: If a side is below 1, or nothing tells them.
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
    """Prompts as the inferencer and sessions take them.

    Args:
        args: Of :func:`add_prompt_arguments`.
        size_hw: Of the images that boxes lie in.

    Raises:
        ValueError: If the number of boxes is negative.
    """
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
    parts = []
    if 'categories' in prompts:
        parts.append(f'{len(prompts["categories"])} categories')
    if 'expression' in prompts:
        parts.append(f'{len(prompts["expression"])} expressions')
    if 'box' in prompts:
        parts.append(f'{len(prompts["box"])} boxes')
    return ', '.join(parts)


def random_image(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 noise, the same for a seed."""
    import numpy as np

    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)


def coco_names() -> Sequence[str]:
    """The 80 names of COCO."""
    from uninext.utils.optional_imports import import_mmdet_quietly

    import_mmdet_quietly()
    from mmdet.datasets import CocoDataset

    return CocoDataset.METAINFO['classes']


def _boxes(count: int, size_hw: tuple[int, int]) -> list[list[float]]:
    """Boxes of a quarter of the image's sides, along its diagonal."""
    height, width = size_hw
    steps = [0.75 * i / max(count - 1, 1) for i in range(count)]
    return [
        [s * width, s * height, (s + 0.25) * width, (s + 0.25) * height] for s in steps
    ]
