"""What each entry point may import: start-up time as a list of modules.

A bound is what was counted when it was written, and a tenth more. Where one fails, look
for who imports what is new: ``python -X importtime -m uninext ...``; import it where it
is used. Raise the bound if it is needed in every run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from helpers.tools import ROOT, run_python

# Of packages that a run has no use for; a name stands for all below it.
NO_NETWORK = {'torch', 'mmengine', 'mmcv', 'mmdet', 'cv2', 'tokenizers'}
NEVER = {
    *('transformers', 'scipy', 'matplotlib', 'sympy', 'pandas', 'sklearn'),
    *('imgaug', 'albumentations', 'numba', 'mmpretrain', 'torchvision', 'gradio'),
    *('torch._dynamo', 'torch._inductor', 'torch.distributed.optim'),
    *('torch.distributed.tensor', 'torch.distributed.fsdp', 'mmengine.runner.runner'),
    *('mmengine.optim.optimizer.builder', 'mmdet.models.dense_heads.anchor_head'),
}
NO_TRAINING = {'mmdet.datasets', 'mmdet.evaluation', 'uninext.datasets'}
NO_TRAINING |= {'uninext.engine.runner', 'uninext.evaluation.metrics'}

_REPORT = """
import json, runpy, sys
sys.argv = sys.argv[1:]
status = None
try:
    if sys.argv[0] == '-c':
        exec(sys.argv[1])
    elif sys.argv[0].endswith('.py'):
        runpy.run_path(sys.argv[0], run_name='__main__')
    else:
        runpy.run_module('uninext', run_name='__main__')
except SystemExit as left:
    status = left.code
print()
print(json.dumps([status or 0, sorted(sys.modules)]))
"""


class Budget(NamedTuple):
    """What is run, what it must not import, how many modules it may."""

    argv: tuple[str, ...]
    absent: set[str]
    at_most: int


TOOLS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob('tools/**/*.py'))
HELP = [('uninext', '--help'), ('uninext', 'predict', '--help')]
HELP += [(tool, '--help') for tool in TOOLS]
FAST = {
    'import': Budget(('-c', 'import uninext'), NEVER | NO_NETWORK | {'numpy'}, 180),
    'rooms without torch': Budget(
        (
            '-c',
            'import uninext.cli, uninext.utils, uninext.formats, uninext.converters\n'
            'import uninext.evaluation.result_files, uninext.utils.tokenizer\n'
            'import uninext.analysis.curves',
        ),
        NEVER | NO_NETWORK,
        415,  # a module of ours for each command: five came
    ),
    'eval': Budget(
        ('uninext', 'eval', 'coco', '--gt', 'gt.json', '--pred', 'pred.json'),
        NEVER | NO_NETWORK,
        390,
    ),
    'convert': Budget(
        ('uninext', 'convert', 'in.pth', 'out.pth', '--no-check'),
        NEVER | NO_NETWORK - {'torch'},
        1280,
    ),
}
FAST |= {' '.join(argv): Budget(argv, NEVER | NO_NETWORK, 370) for argv in HELP}
NETWORK = {
    'check of convert': Budget(
        (
            '-c',
            'from uninext.cli.convert import check_fit\n'
            'try:\n'
            "    check_fit('stage2_image', {})\n"
            'except ValueError as error:\n'
            "    assert 'missing' in str(error)\n",
        ),
        NEVER | NO_TRAINING,
        1830,
    ),
    'inferencer': Budget(
        ('-c', 'from uninext import UninextInferencer'), NEVER | NO_TRAINING, 1810
    ),
    'predict': Budget(
        ('uninext', 'predict', 'a.png', '--categories', 'circle', '--out', 'out'),
        NEVER | NO_TRAINING,
        1830,
    ),
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands above name."""
    import torch

    folder = tmp_path_factory.mktemp('files')
    Image.fromarray(np.full((64, 96, 3), 200, np.uint8)).save(folder / 'a.png')
    box = dict(image_id=1, category_id=1, bbox=[1, 1, 2, 2])
    content = dict(
        images=[dict(id=1, width=9, height=9, file_name='a.png')],
        categories=[dict(id=1, name='cat')],
        annotations=[dict(box, id=1, area=4, iscrowd=0)],
    )
    (folder / 'gt.json').write_text(json.dumps(content))
    (folder / 'pred.json').write_text(json.dumps([dict(box, score=0.5)]))
    key = 'detr.detr.transformer.level_embed'
    torch.save({'model': {key: torch.zeros(4, 2)}}, folder / 'in.pth')
    return folder


def check(budget: Budget, folder: Path) -> None:
    argv = [str(ROOT / word) if word in TOOLS else word for word in budget.argv]
    done = run_python(_REPORT, *argv, cwd=folder)
    assert done.returncode == 0, done.stderr
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done.stderr
    roots = {m for name in modules for m in _parents(name)}
    assert not budget.absent & roots, sorted(budget.absent & roots)
    assert len(modules) <= budget.at_most


def _parents(name: str) -> set[str]:
    parts = name.split('.')
    return {'.'.join(parts[: i + 1]) for i in range(len(parts))}


@pytest.mark.parametrize('name', FAST)
def test_without_a_network(name, folder):
    check(FAST[name], folder)


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORK)
def test_with_a_network(name, folder):
    check(NETWORK[name], folder)


def test_the_check_finds_what_is_imported(folder):
    with pytest.raises(AssertionError, match=r"\['email.message'\]"):
        code = ('-c', 'import email.message')
        check(Budget(code, {'email.message', 'torch'}, 10**6), folder)
    with pytest.raises(AssertionError, match='<= 1'):
        check(Budget(('-c', ''), set(), 1), folder)
