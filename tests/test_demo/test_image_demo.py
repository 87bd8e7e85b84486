from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from helpers.tools import load_tool


@pytest.fixture
def demo() -> ModuleType:
    return load_tool('demo/image_demo.py')


def test_a_folder_without_data_is_one_line_of_error(
    demo: ModuleType, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.delenv('UNINEXT_TRACEBACK', raising=False)
    out = ['--out', str(tmp_path / 'out')]
    assert demo.main(['--data', str(tmp_path / 'absent'), *out]) == 2
    assert 'There is no folder' in capsys.readouterr().err
    assert demo.main(['--data', str(tmp_path), *out]) == 2
    assert 'no COCO annotations' in capsys.readouterr().err


@pytest.mark.slow
def test_it_trains_judges_and_draws(
    demo: ModuleType, tmp_path: Path, capsys, monkeypatch
):
    from uninext.shapes import generate_image_set

    monkeypatch.setattr(demo, 'NUM_SENTENCES', 2)
    monkeypatch.setattr(demo, 'NUM_PICTURES', 1)
    data, out = tmp_path / 'data', tmp_path / 'out'
    generate_image_set(data, 3, 1, size=64)
    assert demo.main(['--data', str(data), '--out', str(out), '--iters', '1']) == 0
    printed = capsys.readouterr().out
    assert 'mAP of boxes, asked by category names' in printed
    assert 'P@0.5 of masks, asked by sentences' in printed
    assert (out / 'pictures/contact_sheet.png').is_file()
    assert (out / 'run/iter_1.pth').is_file()
    assert (out / 'config.py').is_file()
