"""Kinds of input: files that are right, and who reads them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from fuzz import seeds
from fuzz.mutators import Files, mutate
from fuzz.prompts import read_arrays, read_prompts
from uninext.apis.images import read_image
from uninext.apis.masks import read_masks
from uninext.apis.sources import open_source
from uninext.datasets import (
    PromptCocoDataset,
    ReferringDataset,
    ReferringVideoDataset,
    SingleObjectDataset,
    VideoInstanceDataset,
)
from uninext.evaluation.result_files import FORMATS

LOAD_ONLY = [dict(type='LoadImageOrExplain'), dict(type='LoadPromptAnnotations')]
SHOWN = 64  # samples of a set, frames of a video: a damaged header may promise any


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        seed: Gives files that are right.
        read: Takes the folder in which the damaged ones are and a ``random.Random``;
            raises AssertionError if what it read cannot be.
        names_files: Whether errors must name one of the files.
    """

    seed: Callable[[], Files]
    read: Callable[[Path, random.Random], Any]
    names_files: bool = True

    def prepare(self, folder: Path, rng: random.Random) -> list[str]:
        """Write a damaged copy; names that an error may call."""
        right = cached(self.seed)
        files = mutate(right, rng) if right else {}
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return sorted({*right, *files})


@cache
def cached(seed: Callable[[], Files]) -> Files:
    """The files of a seed."""
    return seed()


def _evaluate(name: str, gt: str, pred: str, folder: Path, rng: random.Random) -> None:
    """Shares lie in 0..1 whatever the files hold."""
    for key, value in _numbers(FORMATS[name](folder / gt, folder / pred)):
        share = key.startswith(('AP', 'AR', 'P@', 'J', 'IDF1', 'HOTA', 'AUC', 'AO'))
        if share and not math.isnan(value):
            assert -1 <= value <= 1 + 1e-9, (key, value)


def _numbers(metrics: Any, key: str = '') -> Any:
    if isinstance(metrics, dict):
        for name, value in metrics.items():
            yield from _numbers(value, name)
    elif isinstance(metrics, (int, float)):
        yield key, metrics


def _dataset(cls: type, test_mode: bool, folder: Path, rng: random.Random) -> None:
    """Boxes are finite and in order, masks have the size of the image."""
    dataset = cls(
        ann_file=str(folder / 'a.json'),
        data_prefix=dict(img=str(folder)),
        pipeline=LOAD_ONLY if cls in (PromptCocoDataset, ReferringDataset) else [],
        test_mode=test_mode,
    )
    for index in range(min(len(dataset), SHOWN)):
        sample = dataset[index]
        if sample is None:
            continue
        for instance in sample.get('instances', ()):
            box = np.asarray(instance['bbox'], float)
            assert np.isfinite(box).all() and (box[:2] <= box[2:]).all(), box
        if 'gt_masks' in sample:
            assert sample['gt_masks'].masks.shape[1:] == sample['img'].shape[:2]


def _read_each(read: Callable[[Path], Any], folder: Path, rng: random.Random) -> None:
    for path in sorted(folder.iterdir()):
        read(path)


def _image(path: Path) -> None:
    image = read_image(path)
    assert image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    assert image.size


def _masks(path: Path) -> None:
    masks = read_masks(path)
    assert masks.ndim == 3 and masks.dtype == bool


def _folder(folder: Path, rng: random.Random) -> None:
    """A folder goes on past what cannot be read."""
    for item in open_source(folder).read(on_error='skip'):
        assert item.image.shape[2] == 3


def _video(folder: Path, rng: random.Random) -> None:
    for path in sorted(folder.iterdir()):
        frames = open_source(path).read()
        for item in itertools.islice(frames, SHOWN):
            assert item.image.dtype == np.uint8


def _with_image(records: Callable[[], Any]) -> Callable[[], Files]:
    def seed() -> Files:
        image = seeds.image_files()['b.png']
        names = {f'{i}.png': image for i in range(4)}
        return {'a.json': seeds.as_json(records()), **names}

    return seed


def _kinds() -> dict[str, Kind]:
    asked = partial(seeds.image_records, expressions=['the dog', 'it'])
    told = partial(seeds.video_records, expressions=['the dog'])
    sets = {
        'coco': (PromptCocoDataset, seeds.image_records),
        'expressions': (ReferringDataset, asked),
        'video instances': (VideoInstanceDataset, seeds.video_records),
        'video targets': (SingleObjectDataset, seeds.video_records),
        'video expressions': (ReferringVideoDataset, told),
    }
    kinds = {
        f'data: {name}, {mode}': Kind(
            _with_image(records), partial(_dataset, cls, mode == 'test')
        )
        for name, (cls, records) in sets.items()
        for mode in ('train', 'test')
    }
    results = {
        'coco': lambda: seeds.pair(seeds.image_records(), seeds.image_results()),
        'refexp': lambda: seeds.pair(
            seeds.image_records(expressions=['it']), seeds.image_results()
        ),
        'ytvis': lambda: seeds.pair(seeds.video_records(), seeds.video_results()),
        **{f'bdd-{name}': partial(seeds.scalabel, True) for name in ('mot', 'mots')},
        **{f'bdd-{name}': partial(seeds.scalabel, False) for name in ('det', 'insseg')},
    }
    for name, seed in results.items():
        read = partial(_evaluate, name, 'gt.json', 'pred.json')
        kinds[f'results: {name}'] = Kind(seed, read)
    folders = {
        'davis': seeds.frames_of_ids,
        'ytvos': seeds.frames_of_ids,
        'rvos': seeds.frames_of_expressions,
        'sot': seeds.boxes_of_an_object,
        'mot': seeds.mot_tracks,
        'mots': seeds.mots_tracks,
    }
    for name, seed in folders.items():
        read = partial(_evaluate, name, 'gt', 'pred')
        kinds[f'results: {name}'] = Kind(seed, read)
    kinds['results: sot, OTB'] = Kind(
        seeds.otb_results, partial(_evaluate, 'sot', 'gt.txt', 'pred.json')
    )
    kinds['results: bdd-mots, bitmasks'] = Kind(
        seeds.bitmasks, partial(_evaluate, 'bdd-mots', 'gt', 'pred')
    )
    kinds['images'] = Kind(seeds.image_files, partial(_read_each, _image))
    kinds['masks'] = Kind(seeds.mask_files, partial(_read_each, _masks))
    kinds['images: a folder'] = Kind(seeds.image_files, _folder)
    for suffix, code in (('avi', 'MJPG'), ('mp4', 'mp4v')):
        seed = partial(seeds.video_files, suffix, code)
        kinds[f'videos: {suffix}'] = Kind(seed, _video)
    kinds['prompts'] = Kind(dict, read_prompts, names_files=False)
    kinds['boxes and masks in Python'] = Kind(dict, read_arrays, names_files=False)
    return kinds


KINDS = _kinds()
