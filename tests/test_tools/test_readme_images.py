"""The README's first images: what is asked when, and a small model end to end."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from helpers.small_uninext import build, small_video_config
from helpers.tools import load_tool
from uninext.shapes import generate_video


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    tool = load_tool('tools/misc/readme_images.py')
    tool.SIZE_WH, tool.LENGTH, tool.SCALE, tool.FONT_SIZE = (96, 64), 8, 1, 8
    return tool


@pytest.mark.parametrize('seed', range(8))
def test_all_kinds_of_prompts_come_and_some_go(tool, tmp_path: Path, seed: int):
    rng = np.random.default_rng(seed)
    video = generate_video(rng, tmp_path / 'v', tool.SIZE_WH, tool.LENGTH, (6, 9))
    asked, active = [], []
    for frame, events in sorted(tool.plan(video).items()):
        assert 0 <= frame < tool.LENGTH
        for sign, prompt in events:
            ((kind, value),) = prompt.items()
            if sign == '-':
                active.remove(kind)
                continue
            active.append(kind)
            asked.append(kind)
            if kind == 'box':
                assert any(
                    value == tool._xyxy(t, frame)
                    for t in video.tracks
                    if t.visible[frame]
                )
            elif kind == 'mask':
                assert value.shape == (64, 96) and value.any()
            else:
                assert value
    assert asked == ['categories', 'expression', 'box', 'mask']
    assert active == ['box', 'mask']


def test_a_small_model_end_to_end(tool, tmp_path: Path, monkeypatch):
    from uninext.apis import UninextInferencer

    model = UninextInferencer(build(small_video_config()), scale=None)
    monkeypatch.setattr('uninext.apis.UninextInferencer', lambda *_: model)
    assert tool.main([str(tmp_path)]) == 0
    with Image.open(tmp_path / 'session.webp') as animation:
        assert animation.n_frames == tool.LENGTH
        assert animation.width == 96
    with Image.open(tmp_path / 'prompts.jpg') as panels:
        assert panels.width == 2 * 96 + tool.GAP
