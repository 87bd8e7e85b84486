"""Seconds of whole commands, each in a process of its own, on files that are made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from uninext.analysis.speed_rows import Row, wanted
from uninext.analysis.timing import measure


def command_rows(
    folder: Path,
    words: Sequence[str],
    calls: int,
    report: Callable[[str], None] = print,
) -> list[Row]:
    """Commands whose row has one of the words (default: all).

    Args:
        folder: Empty; for what is read and written.
        words: Of rows that are wanted.
        calls: That count, of each command.
        report: Gets a line a row.

    Raises:
        ValueError: If one fails, or does not write what it should.
    """
    box = dict(image_id=1, category_id=1, bbox=[0, 0, 9, 9])
    ground_truth = dict(
        images=[dict(id=1, width=20, height=20)],
        categories=[dict(id=1, name='cat')],
        annotations=[dict(box, id=1, iscrowd=0, area=81)],
    )
    (folder / 'gt.json').write_text(json.dumps(ground_truth))
    (folder / 'pred.json').write_text(json.dumps([dict(box, score=0.9)]))
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / 'image.jpg'), pixels)
    out, layer = str(folder / 'out'), folder / 'layer.pth'
    torch.save({'layer1.0.conv1.weight': torch.zeros(64, 64, 1, 1)}, layer)
    files = ['--gt', str(folder / 'gt.json'), '--pred', str(folder / 'pred.json')]
    image = [str(folder / 'image.jpg'), '--categories', 'circle', '--device', 'cpu']
    image += ['--out', out, '--overwrite']
    commands = {
        'uninext --help': (['--help'], 'predict'),
        'uninext predict, one small image': (['predict', *image], ''),
        'uninext eval coco, one box': (['eval', 'coco', *files], '"AR100": 1.0'),
        'uninext convert, one layer': (
            ['convert', '--backbone-only', str(layer), f'{out}.pth'],
            '',
        ),
    }
    rows = []
    for name, (words_of, expected) in commands.items():
        if wanted(name, words):
            call = lambda w=words_of, e=expected: _run(w, e)  # noqa: E731
            rows.append(Row(name, measure(call, calls, 1).median))
            report(f'{name}: {rows[-1].seconds:.2f} s')
    return rows


def _run(arguments: Sequence[str], expected: str) -> None:
    command = [sys.executable, '-m', 'uninext', *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or expected not in done.stdout:
        raise ValueError(
            f'{" ".join(command)} ended with status {done.returncode}, expected 0 and '
            f'{expected!r} in its output: {done.stdout[-500:]}{done.stderr[-500:]} '
            'It is not timed.'
        )
