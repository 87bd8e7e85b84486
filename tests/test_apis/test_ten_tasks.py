"""The ten-task table: rows, smaller splits, and a small random model end to end."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.config import Config

from uninext.apis import ten_tasks
from uninext.apis.ten_tasks import (
    TEN_TASKS,
    MeasuredFigure,
    TaskFigure,
    first_scenes,
    load_task_configs,
    measure_ten_tasks,
    ten_tasks_json,
    ten_tasks_table,
)
from uninext.datasets.shapes import generate_suite

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs/uninext/eval'
sys.path.append(str(ROOT / 'tests/test_models/test_detectors'))

from small_uninext import build, small_video_config  # noqa: E402

SIZE_WH, LENGTH = (80, 64), 3
PICTURES = {
    'images': [
        {'id': 1, 'file_name': 'a.jpg'},
        {'id': 2, 'file_name': 'a.jpg'},
        {'id': 3, 'file_name': 'b.jpg'},
    ],
    'annotations': [{'id': i, 'image_id': i} for i in (1, 2, 3)],
    'categories': [{'id': 1, 'name': 'object'}],
}


def measured(value: float) -> MeasuredFigure:
    return MeasuredFigure('OD', 'od', 'AP', 'coco/x', 0.5, value, 4, 1.0)


@pytest.fixture
def tool() -> ModuleType:
    path = ROOT / 'tools/analysis_tools/ten_tasks.py'
    spec = importlib.util.spec_from_file_location('ten_tasks_tool', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ----------------------------------------------------------------------------- tables


def test_no_rows_are_a_table_and_json_too():
    assert len(ten_tasks_table([]).splitlines()) == 2
    assert json.loads(ten_tasks_json([], 'x.pth')) == {
        'checkpoint': 'x.pth',
        'figures': [],
    }


@pytest.mark.parametrize(
    ('value', 'cells'),
    [
        (0.75, ['0.750', 'yes']),
        (0.5, ['0.500', 'yes']),
        (0.4999, ['0.500', 'no']),
        (math.nan, ['-', 'no']),
    ],
)
def test_a_row_says_whether_it_is_reached(value: float, cells: list[str]):
    row = measured(value)
    line = ten_tasks_table([row]).splitlines()[-1]
    assert [c.strip() for c in line.split('|')[4:6]] == cells
    (record,) = json.loads(ten_tasks_json([row], 'x'))['figures']
    assert record['is_reached'] is (cells[1] == 'yes')
    assert record['measured'] == (None if math.isnan(value) else value)


def test_all_ten_tasks_are_asked_for():
    assert [*dict.fromkeys(row.task for row in TEN_TASKS)] == [
        *('OD', 'IS', 'REC', 'RES', 'SOT', 'VOS', 'MOT', 'MOTS', 'VIS', 'R-VOS')
    ]
    assert all(0 < row.at_least < 1 for row in TEN_TASKS)


# --------------------------------------------------------------------- smaller splits


def test_nothing_is_cut_to_nothing():
    empty = {'images': [], 'annotations': [], 'categories': []}
    assert first_scenes(empty, 3) == empty


def test_records_of_one_picture_stay_together():
    before = json.dumps(PICTURES)
    cut = first_scenes(PICTURES, 1)
    assert [record['id'] for record in cut['images']] == [1, 2]
    assert [a['image_id'] for a in cut['annotations']] == [1, 2]
    assert cut['categories'] == PICTURES['categories']
    assert first_scenes(PICTURES, 9) == PICTURES
    assert json.dumps(PICTURES) == before


def test_videos_are_cut_by_their_first_frame():
    videos = [{'id': i, 'file_names': [f'{i // 2}/0.jpg', 'x.jpg']} for i in range(4)]
    annotations = [{'id': 7, 'video_id': i} for i in range(4)]
    cut = first_scenes({'videos': videos, 'annotations': annotations}, 1)
    assert cut == {'videos': videos[:2], 'annotations': annotations[:2]}


# ----------------------------------------------------------------------------- errors


def test_what_is_absent_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match='no config .*od_shapes.py'):
        load_task_configs(tmp_path)
    configs = {row.config: Config() for row in TEN_TASKS}
    with pytest.raises(ValueError, match='no checkpoint'):
        measure_ten_tasks(configs, tmp_path / 'x.pth', tmp_path)
    for what in ('videos', 'pictures'):
        with pytest.raises(ValueError, match=f'number of {what} must be >= 1, got 0'):
            measure_ten_tasks(configs, 'x.pth', tmp_path, **{f'num_{what}': 0})
    del configs['vis']
    with pytest.raises(ValueError, match=r"no config for \['vis'\]"):
        measure_ten_tasks(configs, 'x.pth', tmp_path)


def test_the_tool_says_what_to_do(tool: ModuleType, tmp_path: Path, capsys):
    weights = tmp_path / 'x.pth'
    weights.touch()
    absent = f'{tmp_path}/absent/'
    options = ['--cfg-options', f'test_dataloader.dataset.data_root={absent}']
    out = ['--work-dir', str(tmp_path / 'out')]
    assert tool.main([str(weights), *out, *options]) == 2
    message = capsys.readouterr().err
    assert 'tools/dataset_converters/shapes.py' in message


# ------------------------------------------------------------------------- end to end


@pytest.fixture(scope='module')
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures and two videos of each kind, tiny."""
    root = tmp_path_factory.mktemp('shapes')
    generate_suite(root, (1, 3), (1, 2), SIZE_WH, LENGTH, report=lambda _: None)
    return root


def small(cfg: Config, root: Path) -> Config:
    """The config with a toy model, on a generated set of small pictures."""
    model = small_video_config()
    model.followers = cfg.model.followers
    cfg.model = model
    dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
    dataset.data_root = f'{root}/'
    if 'ann_file' in evaluator:
        evaluator.ann_file = evaluator.ann_file.replace('data/shapes', str(root))
    (resize,) = [step for step in dataset.pipeline if step.type == 'Resize']
    assert tuple(resize.scale) == (320, 240)
    resize.scale = SIZE_WH
    cfg.test_dataloader.num_workers = 0
    return cfg


@pytest.mark.slow
def test_a_small_model_end_to_end(
    tool: ModuleType, suite: Path, tmp_path: Path, capsys, monkeypatch
):
    """Every task runs by its config; figures are in range, the split is cut."""
    weights = tmp_path / 'random.pth'
    torch.save({'state_dict': build(small_video_config()).state_dict()}, weights)
    read = load_task_configs

    def load(folder: Path) -> dict[str, Config]:
        return {name: small(cfg, suite) for name, cfg in read(folder).items()}

    monkeypatch.setattr(ten_tasks, 'load_task_configs', load)
    out = tmp_path / 'out'
    numbers = ['--num-videos', '1', '--num-pictures', '2']
    assert tool.main([str(weights), '--work-dir', str(out), *numbers]) == 0
    printed = capsys.readouterr().out
    assert (out / 'ten_tasks.md').read_text().strip() in printed
    assert printed.count(' scenes in ') == 8
    content = json.loads((out / 'ten_tasks.json').read_text())
    assert content['checkpoint'] == str(weights)
    fields = set(TaskFigure.__dataclass_fields__)
    asked = [{k: f[k] for k in fields} for f in content['figures']]
    assert asked == [vars(row) for row in TEN_TASKS]
    for figure in content['figures']:
        is_picture = figure['config'] in ('od', 'rec')
        assert figure['scenes'] == (2 if is_picture else 1)
        # a class without a target has no AP: -1 by pycocotools' rule
        assert figure['measured'] is None or -1 <= figure['measured'] <= 1
    assert not list(suite.rglob('*.pth'))
