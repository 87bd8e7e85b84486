from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from uninext.analysis.curves import draw_curves
from uninext.analysis.run_logs import read_run, smooth, summary_table, wanted_keys


def write_log(work_dir: Path, rows: list[dict], start: str = '20260101_000000') -> Path:
    folder = work_dir / start / 'vis_data'
    folder.mkdir(parents=True)
    lines = ''.join(json.dumps(row) + '\n' for row in rows)
    (folder / 'scalars.json').write_text(lines)
    (folder / 'config.py').write_text("train_cfg = dict(max_iters=100, type='x')\n")
    return folder / 'scalars.json'


def row(iteration: int, loss: float, **more: float) -> dict:
    scalars = {'loss': loss, 'loss/coco': loss / 2, 'loss_ce': 1.0, 'time': 2.0}
    return {**scalars, 'data_time': 0.5, 'memory': 700, 'iter': iteration, **more}


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    """Killed in the middle of a line, and resumed from before."""
    folder = tmp_path / 'run'
    first = write_log(folder, [row(10, 8.0), row(20, 99.0), row(30, 99.0)])
    with first.open('a') as file:
        file.write('{"loss": 1.0, "it')
    second = [row(20, 4.0), row(30, 2.0, time=4.0), {'coco/bbox_mAP': 0.5, 'step': 30}]
    write_log(folder, second, '20260102_000000')
    return folder


def test_no_log(tmp_path: Path):
    with pytest.raises(ValueError, match='no log in .*Give the work_dir'):
        read_run(tmp_path)
    write_log(tmp_path, [])
    with pytest.raises(ValueError, match='empty: the run has not logged'):
        read_run(tmp_path)
    with pytest.raises(ValueError, match='no run'):
        draw_curves([], tmp_path / 'x.png')
    assert smooth([], 3) == []


def test_a_resumed_run_is_one_run(work_dir: Path):
    run = read_run(work_dir)
    assert run.name == 'run'
    assert run.max_iters == 100
    assert run.sources == ['coco']
    assert run.curve('loss') == ([10, 20, 30], [8.0, 4.0, 2.0])
    assert run.curve('coco/bbox_mAP') == ([30], [0.5])
    assert run.curve('nothing') == ([], [])
    assert 'coco/bbox_mAP' in run.keys


def test_a_log_alone_and_its_folder_are_runs_too(work_dir: Path):
    start = work_dir / '20260102_000000'
    by_folder = read_run(start)
    by_file = read_run(start / 'vis_data' / 'scalars.json', name='second')
    assert by_folder.training == by_file.training
    assert list(by_file.training) == [20, 30]
    assert by_file.name == 'second'


def test_damage_is_an_error_unless_it_is_the_end(tmp_path: Path):
    log = write_log(tmp_path, [row(10, 1.0)])
    log.write_text('{"lo\n' + log.read_text())
    with pytest.raises(ValueError, match='Line 1 of .* is damaged'):
        read_run(tmp_path)


def test_the_table_says_how_fast_and_how_long(work_dir: Path, tmp_path: Path):
    table = summary_table([read_run(work_dir)]).splitlines()
    cells = [cell.strip() for cell in table[2].split('|')[1:-1]]
    # 2, 2 and 4 seconds: 70 iterations are left at 8/3 s
    assert cells[:4] == ['run', '30/100', '2', '2.67']
    assert cells[4] == '19%'  # 1.5 of 8 s
    assert cells[5:] == ['4', '700 MB', '0:03:07', '8', '2']
    assert table[-1] == '| coco | 4 to 1 |'
    write_log(tmp_path / 'bare', [{'step': 0, 'od/AP': 0.1}])
    assert '| bare | 0/100 | - |' in summary_table([read_run(tmp_path / 'bare')])


def test_means_of_a_window():
    assert smooth([1.0, 3.0, 5.0, 7.0], 1) == [1.0, 3.0, 5.0, 7.0]
    assert smooth([1.0, 3.0, 5.0, 7.0], 2) == [1.0, 2.0, 4.0, 6.0]
    with pytest.raises(ValueError, match='at least 1, got 0'):
        smooth([1.0], 0)


def test_scalars_by_regular_expression():
    assert wanted_keys(['loss', 'loss/a', 'loss/b'], 'loss/.*') == ['loss/a', 'loss/b']
    with pytest.raises(ValueError, match=r'No scalar is called .*there are: loss'):
        wanted_keys(['loss'], 'los')
    with pytest.raises(ValueError, match='no regular expression'):
        wanted_keys(['loss'], '(')


@pytest.mark.parametrize('count', [1, 2])
def test_curves_become_an_image(work_dir: Path, tmp_path: Path, count: int):
    runs = [read_run(work_dir, name) for name in ('a', 'b')[:count]]
    out = draw_curves(runs, tmp_path / 'new' / 'x.png', window=2, title='t')
    image = cv2.imread(str(out))
    assert image.shape[1] > 1000
    assert (image.reshape(-1, 3).min(0) < 100).all()  # curves on white
    assert [p.name for p in out.parent.iterdir()] == ['x.png']


def test_chosen_curves_and_formats(work_dir: Path, tmp_path: Path):
    out = draw_curves([read_run(work_dir)], tmp_path / 'x.svg', keys=['time', 'loss'])
    text = out.read_text()
    assert '<svg' in text
    with pytest.raises(ValueError, match=r"one of \['.jpg'"):
        draw_curves([read_run(work_dir)], tmp_path / 'x.txt')
