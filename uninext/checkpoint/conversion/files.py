"""Convert checkpoint files: loaded without running code, written atomically."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from uninext.checkpoint.conversion.converter import (
    ConversionReport,
    from_published,
    to_published,
)
from uninext.checkpoint.conversion.initial_weights import backbone_from_published
from uninext.checkpoint.conversion.to_video import VIDEO_PREFIXES, add_template_backbone
from uninext.checkpoint.io import load_file, save_file, state_dict_of
from uninext.utils.files import sha256_of

# what the names of configs say of the backbone, by its keys
BACKBONE_SUFFIXES = {'backbone.stages.': '_convnext-l', 'backbone.layers.': '_vit-h'}
DERIVED = 'the backbone with a fourth input channel of zeros'


def convert_file(
    source: str | Path,
    target: str | Path,
    reverse: bool = False,
    image_only: bool = False,
    to_video: bool = False,
    backbone_only: bool = False,
    config: str | None = None,
    check: Callable[[str, Mapping[str, Tensor]], None] | None = None,
) -> ConversionReport:
    """Convert a published checkpoint file to one of ours, or back.

    Args:
        source: File to read: ``.safetensors``, or PyTorch's; a state dict, or one as
            'model' or 'state_dict' beside the state of a trainer, which is left out.
        target: File to write, whole or not at all; ``.safetensors`` by its name, else
            PyTorch's. Weights are under 'state_dict', in reverse under 'model'. 'meta'
            tells the source, its sha256, what it holds, and the config.
        reverse: From our layout to the published one.
        image_only: Leave out what stage 3 adds.
        to_video: Add to image weights the template backbone that stage 3 starts with.
        backbone_only: ``source`` is a pretrained backbone: see
            :func:`backbone_from_published`.
        config: Name of the config that the weights belong to; by default by the keys.
        check: Called with the name of the config and the weights in our layout before
            anything is written; raises if they do not fit. Not for a backbone alone.

    Raises:
        ValueError: If the files are the same, options contradict each other, or the
            source cannot be converted.
    """
    source, target = Path(source), Path(target)
    _check_files(source, target)
    _check_options(reverse, image_only, to_video, backbone_only)
    state = state_dict_of(load_file(source), str(source), published=True)
    meta = {'source': source.name, 'source_sha256': sha256_of(source)}
    ours: Mapping[str, Tensor] = state
    converted: Mapping[str, Tensor]
    if backbone_only:
        converted, report = backbone_from_published(state)
    elif reverse:
        ours = add_template_backbone(state) if to_video else state
        converted, report = to_published(ours)
    else:
        ours, report = from_published(state, drop_video=image_only)
        if to_video:
            before = set(ours)
            ours = add_template_backbone(ours)
            report.added += [(k, DERIVED) for k in ours if k not in before]
        converted, config = ours, config or config_of(ours)
    meta['source_stage'] = report.stage
    if config is not None:
        meta['config'] = config
    if check is not None and not backbone_only:
        check(config or config_of(ours), ours)
    save_file({'model' if reverse else 'state_dict': converted, 'meta': meta}, target)
    return report


def config_of(state: Mapping[str, Tensor]) -> str:
    """Name the config that weights in our layout belong to, by their keys.

    Stages 1 and 2 have the same network: it is called by that of stage 2.
    """
    is_video = any(key.startswith(VIDEO_PREFIXES) for key in state)
    suffixes = (
        suffix
        for sign, suffix in BACKBONE_SUFFIXES.items()
        if any(key.startswith(sign) for key in state)
    )
    return ('stage3_video' if is_video else 'stage2_image') + next(suffixes, '')


def _check_files(source: Path, target: Path) -> None:
    if source.resolve() == target.resolve():
        raise ValueError(f'Source and target are the same file: {source}.')
    if target.is_dir():
        raise ValueError(f'The target {target} is a folder; give a file name in it.')
    if source.suffix == '.pkl':
        raise ValueError(
            f'{source} is a pickle, as Detectron2 keeps its model zoo: reading one can '
            'run any code, so it is not read. R-50.pkl holds the weights of '
            "torchvision's ResNet-50: use checkpoint='torchvision://resnet50' or its "
            '.pth. If you trust another, load it yourself and save its tensors with '
            'torch.save.'
        )


def _check_options(
    reverse: bool, image_only: bool, to_video: bool, backbone_only: bool
) -> None:
    if backbone_only and (reverse or image_only or to_video):
        raise ValueError(
            'A pretrained backbone has no other direction and no stage: give '
            '--backbone-only alone.'
        )
    if image_only and (reverse or to_video):
        raise ValueError(
            '--image-only leaves out what stage 3 adds to a published checkpoint: it '
            'goes with neither --reverse nor --to-video.'
        )
