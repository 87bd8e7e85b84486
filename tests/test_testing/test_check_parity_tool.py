from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.tools import load_tool, message_of_failure
from uninext.testing import parity_losses, parity_video, random_model, video_numbers
from uninext.testing.stored_numbers import Comparison

TOOL = 'tools/analysis_tools/check_parity.py'


@pytest.fixture
def tool():
    return load_tool(TOOL)


@pytest.fixture
def numbers(tmp_path) -> str:
    np.savez(tmp_path / 'numbers.npz', **{'a/loss/loss_prj': np.ones(())})
    return str(tmp_path / 'numbers.npz')


class Model:
    def to(self, device):
        return self


@pytest.mark.parametrize(('error', 'status'), [(1e-5, 0), (1e-2, 1)])
def test_status_says_whether_all_agree(
    tool, numbers, monkeypatch, capsys, error, status
) -> None:
    asked = {}

    def build(config, table, seed):
        asked.update(config=Path(config).name, table=table, seed=seed)
        return Model()

    results = [
        Comparison('x', (2,), 0.0, 1e-3),
        Comparison('y', (), error, 1e-3),
    ]
    monkeypatch.setattr(random_model, 'build_random_model', build)
    monkeypatch.setattr(random_model, 'config_suffix', lambda table: '_vit-h')
    monkeypatch.setattr(parity_losses, 'compare_losses', lambda model, numbers: results)
    table = 'vit-h_stage1.tsv'
    assert tool.main(['losses', table, numbers, '--seed', '3']) == status
    expected = dict(config='stage1_pretrain_vit-h.py', table=table, seed=3)
    assert asked == expected
    out = capsys.readouterr().out
    assert f'{2 - status} of 2 agree' in out
    assert f'worst: {error:.2e} y' in out


@pytest.mark.parametrize(
    ('table', 'config'),
    [
        ('official_r50_stage1.tsv', 'stage1_pretrain'),
        ('elsewhere/stage2_of_mine.tsv', 'stage2_image'),
        ('official_r50_stage3.tsv', 'stage3_video'),
    ],
)
@pytest.mark.parametrize('backbone', ['', '_convnext-l', '_vit-h'])
def test_the_name_of_the_table_tells_the_config(tool, table, config, backbone) -> None:
    """97ef9bd went by the group "sot", which padded losses of stage 3 have not."""
    name = tool.default_config(Path('some/stage1/folder') / table, backbone)
    assert name == f'{config}{backbone}.py'
    assert (tool.CONFIGS / name).is_file()


def test_a_table_that_does_not_tell_needs_a_config(tool, numbers, monkeypatch, capsys):
    monkeypatch.setattr(random_model, 'config_suffix', lambda table: '')
    assert tool.main(['losses', 'table.tsv', numbers]) == 2
    assert 'table.tsv does not tell the stage' in capsys.readouterr().err


@pytest.mark.parametrize(('error', 'status'), [(0.004, 0), (0.02, 1)])
def test_videos_end_with_a_table(
    tool, numbers, monkeypatch, capsys, error, status
) -> None:
    asked = {}

    def model(config, table, numbers, device):
        asked.update(config=Path(config).name, device=device)

    results = [
        Comparison('mot/frame0/ids', (3,), 0.0, 0.0),
        Comparison('mot/frame0/boxes_xyxy', (3, 4), 0.001, 0.01),
        Comparison('mot/frame1/boxes_xyxy', (2, 4), error, 0.01),
        Comparison('vis/final/masks0', (2, 9), 0.0, 5e-4),
        Comparison('vis/final/masks1', (2, 9), 1e-4, 5e-4),
    ]
    monkeypatch.setattr(video_numbers, 'SharpenedModel', model)
    monkeypatch.setattr(random_model, 'config_suffix', lambda table: '')
    monkeypatch.setattr(parity_video, 'compare_video', lambda *given: results)
    command = ['video', 'official_r50_stage3.tsv', numbers, '--data', 'folder']
    assert tool.main(command) == status
    assert asked == dict(config='stage3_video.py', device='cpu')
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    failed = ['FAIL', 'at', 'mot/frame1/boxes_xyxy'] * status
    assert ['mot', 'ids', '1/1', '0', '0'] in rows
    boxes = f'{2 - status}/2', f'{error:.2g}', '0.01'
    assert ['mot', 'boxes_xyxy', *boxes, *failed] in rows
    assert ['vis', 'masks', '2/2', '0.0001', '0.0005'] in rows
    assert f'{5 - status} of 5 agree' in out
    assert (
        'not among the numbers: sot, vos_davis, vos_ytvos, rvos, refdavis, mots' in out
    )


def test_videos_need_their_frames(tool, capsys) -> None:
    argv = ('video', 'table.tsv', 'numbers.npz')
    assert '--data FOLDER' in message_of_failure(tool.main, capsys, *argv)


def test_what_cannot_be_checked(tool, numbers, tmp_path, capsys) -> None:
    assert tool.main(['forward', 'gone.tsv', str(tmp_path / 'gone.npz')]) == 2
    assert tool.main(['losses', str(tmp_path / 'gone.tsv'), numbers]) == 2
    err = capsys.readouterr().err
    assert 'gone.npz' in err and 'gone.tsv is not a file' in err
