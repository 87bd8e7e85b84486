"""What ``uninext doctor`` says of the network: how fast it runs, whether it works."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

from uninext.apis import UninextInferencer
from uninext.apis.devices import devices_here, usable_device
from uninext.checkpoint.conversion import from_published, to_published
from uninext.cli.doctor_packages import BROKEN, OK, SLOW, Finding
from uninext.model_zoo import DEFAULT_MODEL, MODEL_ZOO
from uninext.models.ops.ms_deform_attn import BACKENDS, deform_attn_backend
from uninext.models.prompt_generators.bert import BertEncoder
from uninext.models.speed_options import SpeedOptions
from uninext.shapes import CATEGORIES, draw_scene, draw_video, render
from uninext.utils.optional_imports import has_mmcv_ops

SEED = 2026
SIZE_WH = (320, 240)
MIN_IOU = 0.5
# Parts of the shipped model that the published one has not.
UNPUBLISHED = ('backbone.', 'visual_prompt_generator.backbone.')
_REINSTALL = 'Install uninext again, from a whole checkout or wheel.'
_REPORT = 'Please report it, with all lines of uninext doctor (docs/faq.md).'


def speed_findings() -> Iterator[Finding]:
    """Devices, and for each way to be fast whether it is taken."""
    device = usable_device()
    yield Finding('devices', OK, f'{", ".join(devices_here())}; auto takes {device}')
    yield _attention(device)
    yield _option('bfloat16', dict(precision='bf16'), device)
    yield _option('torch.compile', dict(compile=True), device)
    yield _threads()
    found = 'yes' if has_mmcv_ops() else 'no, and not needed'
    yield Finding('mmcv compiled ops', OK, found)


def _attention(device: str) -> Finding:
    name = 'deformable attention'
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            backend = deform_attn_backend(device)
    except ValueError as error:  # the environment variable asks for what is not here
        return Finding(name, BROKEN, 'cannot run', str(error))
    if backend != BACKENDS[-1]:
        return Finding(name, OK, f'{backend} on {device}')
    reasons = [str(one.message) for one in told]
    advice = 'pip install --no-build-isolation torch-ms-deform-attn (docs/faq.md).'
    return Finding(name, SLOW, f'{backend} on {device}', ' '.join([*reasons, advice]))


def _option(name: str, options: dict[str, str | bool], device: str) -> Finding:
    """An option that is off by default: without it nothing is slow."""
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            SpeedOptions(**options).check(device)
    except ValueError as error:
        return Finding(name, OK, f'not here, and off by default: {error}')
    if told:
        return Finding(name, OK, f'off by default: {told[0].message}')
    return Finding(name, OK, 'can be switched on (docs/inference.md)')


def _threads() -> Finding:
    here, used = os.cpu_count() or 1, torch.get_num_threads()
    if hasattr(os, 'sched_getaffinity'):
        here = len(os.sched_getaffinity(0))
    found = f'{used} of {here} cores'
    if used < here // 2:  # a core may have two threads, of which one is used
        return Finding(
            'threads', SLOW, found, f'Set OMP_NUM_THREADS={here}, or unset it.'
        )
    return Finding('threads', OK, found)


def shipped_model() -> Finding:
    """Whether the weights are here, as they were published."""
    path = MODEL_ZOO[DEFAULT_MODEL].checkpoint
    if not path.is_file():
        return Finding('shipped model', BROKEN, f'there is no {path}', _REINSTALL)
    if (wanted := _recorded_hash(path)) and wanted != _hash_of(path):
        found = f'{path} is not the file that was installed'
        return Finding('shipped model', BROKEN, found, _REINSTALL)
    try:
        model = _inferencer().model
    except (ValueError, OSError) as error:
        return Finding(
            'shipped model', BROKEN, f'cannot be loaded: {error}', _REINSTALL
        )
    if not all(bool(value.isfinite().all()) for value in model.state_dict().values()):
        return Finding(
            'shipped model', BROKEN, 'its weights are not finite', _REINSTALL
        )
    if not isinstance(model.prompt_generator.text_encoder, BertEncoder):
        return Finding(
            'shipped model', SLOW, 'its text encoder is that of transformers'
        )
    size = path.stat().st_size / 1e6
    return Finding('shipped model', OK, f'{DEFAULT_MODEL}, {size:.1f} MB, own BERT')


@cache
def _inferencer() -> UninextInferencer:
    return UninextInferencer()


def _recorded_hash(path: Path) -> str | None:
    """What the wheel says of a file, SHA-256 in base64; None of a checkout."""
    try:
        files = metadata.distribution('uninext').files or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == path.name and Path(file.locate()).resolve() == path.resolve():
            return file.hash.value if file.hash else None
    return None


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip('=')


def self_test() -> Iterator[Finding]:
    """An image, two frames, and the keys of a checkpoint."""
    yield _tried('an image', _find_in_an_image)
    yield _tried('a track', _track_a_box)
    yield _tried('a conversion', _convert_and_back)


def _tried(name: str, test: Callable[[], tuple[bool, str]]) -> Finding:
    start = time.perf_counter()
    try:
        is_right, found = test()
    except Exception as error:  # whatever it is, the other tests are wanted
        return Finding(name, BROKEN, f'{type(error).__name__}: {error}', _REPORT)
    found = f'{found}, in {time.perf_counter() - start:.1f} s'
    return Finding(name, OK if is_right else BROKEN, found, '' if is_right else _REPORT)


def _find_in_an_image() -> tuple[bool, str]:
    scene = draw_scene(np.random.default_rng(SEED), SIZE_WH, (4, 5))
    (result,) = _inferencer()(
        np.ascontiguousarray(scene.image[..., ::-1]), categories=CATEGORIES
    )
    overlaps = [
        max((_iou(obj.box, box) for box in result.boxes_xyxy), default=0.0)
        for obj in scene.objects
    ]
    number = sum(overlap >= MIN_IOU for overlap in overlaps)
    return 2 * number > len(overlaps), f'{number} of {len(overlaps)} objects are found'


def _track_a_box() -> tuple[bool, str]:
    scene = draw_video(np.random.default_rng(SEED), SIZE_WH, 2, (1, 1), False)
    frames = list(render(scene))
    boxes = [_box_of(frame.owners == 1) for frame in frames]
    tracking = _inferencer().track(box=boxes[0])
    results = [
        tracking.step(np.ascontiguousarray(frame.image[..., ::-1])) for frame in frames
    ]
    overlap = max((_iou(boxes[1], b) for b in results[1].boxes_xyxy), default=0.0)
    return overlap >= MIN_IOU, f'a box in two frames, IoU {overlap:.2f}'


def _convert_and_back() -> tuple[bool, str]:
    weights = _inferencer().model.state_dict()
    ours = {k: v for k, v in weights.items() if not k.startswith(UNPUBLISHED)}
    back, _ = from_published(to_published(ours)[0])
    is_same = back.keys() == ours.keys() and all(
        torch.equal(value, back[key]) for key, value in ours.items()
    )
    return is_same, f'{len(ours)} weights to the published layout and back'


def _box_of(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    corner, end = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.clip(end - corner, 0, None)))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return shared / (sum(areas) - shared)
