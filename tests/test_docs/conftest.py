"""A folder as readers of the docs have it, in small, and a network of toy size."""

from __future__ import annotations

import importlib.util
import inspect
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch import nn

import uninext.apis
import uninext.registry
from helpers.doc_blocks import ROOT
from helpers.small_uninext import build, small_video_config
from uninext.shapes import generate_suite

LINKED = ('demo', 'docs', 'requirements', 'tests', 'tools', 'uninext')
SMALL_SCALE = (96, 64)  # what the toy network sees of every image
WEIGHTS = {'.pth', '.pt', '.safetensors'}


@pytest.fixture(scope='session')
def readers_folder(tmp_path_factory) -> Path:
    """The repository with generated data, a video, and the images of the pages."""
    root = tmp_path_factory.mktemp('reader')
    for name in LINKED:
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'configs', root / 'configs')
    said: list[str] = []
    generate_suite(
        root / 'data/shapes', (4, 12, 2), (1, 3, 1), (320, 240), 4, report=said.append
    )
    generate_suite(root / 'data/tiny', (4, 3, 0), (0, 0, 0), (64, 64), 1, report=print)
    for name in ('data/mine', 'my_folder'):
        (root / name).symlink_to(root / 'data/tiny')
    frames = sorted((root / 'data/shapes/videos/val').glob('scene_*/*.jpg'))[:4]
    (root / 'frames').mkdir()
    video = cv2.VideoWriter(
        str(root / 'video.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 8, (320, 240)
    )
    for i, frame in enumerate(frames):
        shutil.copy(frame, root / f'frames/{i:05d}.png')
        video.write(cv2.imread(str(frame)))
    video.release()
    street = cv2.resize(cv2.imread(str(frames[0])), (1280, 960))
    cv2.imwrite(str(root / 'street.jpg'), street)
    cv2.imwrite(str(root / 'scene.jpg'), street)
    (root / 'demo_output').mkdir()  # as make demo leaves it
    for name in ('scene.jpg', 'video.mp4'):
        shutil.copy(root / name, root / 'demo_output')
    mask = np.zeros((960, 1280), np.uint8)
    mask[400:600, 500:800] = 255
    cv2.imwrite(str(root / 'mask.png'), mask)
    return root


@pytest.fixture(scope='session')
def small_model() -> nn.Module:
    """A network for all ten tasks, with random weights."""
    torch.manual_seed(0)
    return build(small_video_config()).eval()


@pytest.fixture(autouse=True)
def no_workers(monkeypatch) -> None:
    """Data is loaded in this process: to fork one that is so large takes seconds."""
    build = Runner.build_dataloader

    def without_workers(dataloader: dict, *args: Any, **kwargs: Any) -> Any:
        here = dict(dataloader, num_workers=0, persistent_workers=False)
        return build(here, *args, **kwargs)

    monkeypatch.setattr(Runner, 'build_dataloader', staticmethod(without_workers))


@pytest.fixture
def reader(readers_folder, small_model, monkeypatch) -> Path:
    """Stand in the reader's folder; every model that is asked for is the toy network.

    What a page passes must fit the real signatures, and its configs must exist.
    """
    monkeypatch.chdir(readers_folder)
    monkeypatch.setattr(sys, 'path', [*sys.path, str(readers_folder)])
    real = uninext.apis.UninextInferencer
    monkeypatch.setattr(
        uninext.apis,
        'UninextInferencer',
        _checked(real, lambda: real(small_model, scale=SMALL_SCALE)),
    )
    monkeypatch.setattr(
        uninext.apis,
        'open_session',
        _checked(uninext.apis.open_session, lambda: small_model.open(SMALL_SCALE)),
    )
    if importlib.util.find_spec('supervision') is None:  # of requirements/tests.txt
        fake = SimpleNamespace(Detections=lambda **given: given)
        monkeypatch.setitem(sys.modules, 'supervision', fake)
    return readers_folder


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """A clone in which nothing was generated or downloaded, and where we stand."""
    for name in ('tools', 'uninext'):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'configs', tmp_path / 'configs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget_my_project()
    yield tmp_path
    _forget_my_project()


def _forget_my_project() -> None:
    """Other tests type the pages in another folder."""
    for name in [m for m in sys.modules if m.split('.')[0] == 'my_project']:
        del sys.modules[name]
    for registry in vars(uninext.registry).values():
        if isinstance(registry, Registry):
            of_page = [
                name
                for name, part in registry.module_dict.items()
                if part.__module__.split('.')[0] == 'my_project'
            ]
            for name in of_page:
                del registry.module_dict[name]
    importlib.invalidate_caches()


def _checked(real: Callable, make: Callable[[], Any]) -> Callable:
    """What ``make`` gives, for those who call as ``real`` may be called."""
    signature = inspect.signature(real)

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)
        for value in (*args, *kwargs.values()):
            if Path(str(value)).suffix == '.py':
                assert Path(value).is_file(), f'there is no {value}'
        return make()

    return stand_in
