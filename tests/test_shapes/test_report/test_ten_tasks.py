"""The ten-task table: rows, smaller splits, and a small random model end to end."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.config import Config

from helpers.small_uninext import build, small_video_config
from helpers.tools import load_tool
from uninext.shapes import generate_suite
from uninext.shapes.report import ten_tasks
from uninext.shapes.report.ten_tasks import (
    TEN_TASKS,
    MeasuredMetric,
    TaskMetric,
    first_scenes,
    load_task_configs,
    measure_ten_tasks,
    point_at_shapes,
    ten_tasks_json,
    ten_tasks_table,
)

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / 'configs/uninext/eval'

SIZE_WH, LENGTH = (80, 64), 3
IMAGES = {
    'images': [
        {'id': 1, 'file_name': 'a.jpg'},
        {'id': 2, 'file_name': 'a.jpg'},
        {'id': 3, 'file_name': 'b.jpg'},
    ],
    'annotations': [{'id': i, 'image_id': i} for i in (1, 2, 3)],
    'categories': [{'id': 1, 'name': 'object'}],
}


def measured(value: float) -> MeasuredMetric:
    return MeasuredMetric(
        *('OD', 'od', 'AP', 'coco/x', 0.5), measured=value, scenes=4, seconds=1.0
    )


@pytest.fixture
def tool() -> ModuleType:
    return load_tool('tools/analysis_tools/ten_tasks.py')


@pytest.fixture(scope='module')
def configs() -> dict[str, Config]:
    return load_task_configs(FOLDER)


# ----------------------------------------------------------------------------- tables


def test_no_rows_are_a_table_and_json_too():
    assert len(ten_tasks_table([]).splitlines()) == 2
    assert json.loads(ten_tasks_json([], 'x.pth')) == {
        'checkpoint': 'x.pth',
        'metrics': [],
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
    (record,) = json.loads(ten_tasks_json([row], 'x'))['metrics']
    assert record['is_reached'] is (cells[1] == 'yes')
    assert record['measured'] == (None if math.isnan(value) else value)


def test_all_ten_tasks_are_asked_for():
    assert [*dict.fromkeys(row.task for row in TEN_TASKS)] == [
        *('OD', 'IS', 'REC', 'RES', 'SOT', 'VOS', 'MOT', 'MOTS', 'VIS', 'R-VOS')
    ]
    assert all(0 < row.at_least < 1 for row in TEN_TASKS)
    single = {row.task: row.scene_key for row in TEN_TASKS if row.scene_key != row.key}
    assert single == {'REC': 'refexp/bbox_mIoU'}  # one expression is right or wrong


# --------------------------------------------------------------------- smaller splits


def test_records_of_one_image_stay_together():
    before = json.dumps(IMAGES)
    cut = first_scenes(IMAGES, 1)
    assert [record['id'] for record in cut['images']] == [1, 2]
    assert [a['image_id'] for a in cut['annotations']] == [1, 2]
    assert cut['categories'] == IMAGES['categories']
    assert first_scenes(IMAGES, 9) == IMAGES
    assert json.dumps(IMAGES) == before


def test_all_scenes_stay_where_expressions_alone_are_cut():
    expressions = {'expressions': ['a', 'b'], 'exp_id': ['0', '1'], 'kinds': ['x', 'y']}
    records = [{**r, **expressions, 'height': 9} for r in IMAGES['images']]
    content = {**IMAGES, 'images': records}
    before = json.dumps(content)
    cut = first_scenes(content, None, 1)
    assert [r['expressions'] for r in cut['images']] == [['a']] * 3
    assert [r['exp_id'] + r['kinds'] for r in cut['images']] == [['0', 'x']] * 3
    assert cut['annotations'] == IMAGES['annotations']
    assert first_scenes(content, None, 2) == content
    assert first_scenes(IMAGES, None, 1) == IMAGES
    assert json.dumps(content) == before


def test_configs_read_another_copy_and_split(configs: dict[str, Config]):
    before = {name: cfg.test_dataloader.to_dict() for name, cfg in configs.items()}
    moved = point_at_shapes(configs, 'my/shapes', 'test')
    files = {n: c.test_dataloader.dataset.ann_file for n, c in moved.items()}
    assert files['od'] == 'annotations/instances_test.json'
    assert files['rvos'] == 'refs_test.json'
    for name, cfg in moved.items():
        dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
        assert dataset.data_root == 'my/shapes/'
        assert dataset.data_prefix.img in ('test/', 'videos/test/')
        if 'ann_file' in evaluator:
            assert evaluator.ann_file == f'my/shapes/{dataset.ann_file}'
        assert configs[name].test_dataloader.to_dict() == before[name]
    back = point_at_shapes(moved, 'data/shapes', 'val')
    assert {n: c.test_dataloader.to_dict() for n, c in back.items()} == before


# ----------------------------------------------------------------------------- errors


def test_what_is_absent_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match='no config .*od_shapes.py'):
        load_task_configs(tmp_path)
    configs = {row.config: Config() for row in TEN_TASKS}
    with pytest.raises(ValueError, match='no checkpoint'):
        measure_ten_tasks(configs, tmp_path / 'x.pth', tmp_path)
    for what in ('videos', 'images'):
        with pytest.raises(ValueError, match=f'number of {what} must be >= 1, got 0'):
            measure_ten_tasks(configs, 'x.pth', tmp_path, **{f'num_{what}': 0})
    with pytest.raises(ValueError, match='number of expressions must be >= 1'):
        measure_ten_tasks(configs, 'x.pth', tmp_path, num_expressions=0)
    del configs['vis']
    with pytest.raises(ValueError, match=r"no config for \['vis'\]"):
        measure_ten_tasks(configs, 'x.pth', tmp_path)


def test_one_checkpoint_is_one_network(configs: dict[str, Config], tmp_path: Path):
    weights = tmp_path / 'x.pth'
    weights.touch()
    changed = {**configs, 'vis': copy.deepcopy(configs['vis'])}
    changed['vis'].model.num_levels = 3
    with pytest.raises(ValueError, match="'od' and 'vis' describe different networks"):
        measure_ten_tasks(changed, weights, tmp_path)


def test_the_tool_says_what_to_do(
    tool: ModuleType, configs: dict[str, Config], tmp_path: Path, capsys, monkeypatch
):
    class Found:
        model = torch.nn.Module()

    own = copy.deepcopy(configs)
    monkeypatch.setattr(ten_tasks, 'load_task_configs', lambda _: own)
    monkeypatch.setattr(ten_tasks, 'UninextInferencer', lambda *_: Found)
    weights = tmp_path / 'x.pth'
    weights.touch()
    absent = f'{tmp_path}/absent/'
    options = ['--cfg-options', f'test_dataloader.dataset.data_root={absent}']
    out = ['--work-dir', str(tmp_path / 'out')]
    assert tool.main([str(weights), *out, *options]) == 2
    message = capsys.readouterr().err
    assert 'tools/dataset_converters/shapes.py' in message
    assert tool.main([str(weights), '--page', 'x.md']) == 2
    assert '--show-dir DIR' in capsys.readouterr().err


@pytest.mark.parametrize('number', [0, 1, 5])
def test_what_was_measured_stays_when_it_is_interrupted(
    tool: ModuleType, tmp_path: Path, capsys, monkeypatch, number: int
):
    def measure(*_, **__):
        for row in TEN_TASKS[:number]:
            yield MeasuredMetric(**vars(row), measured=0.5, scenes=1, seconds=1)
        raise KeyboardInterrupt

    monkeypatch.setattr(ten_tasks, 'load_task_configs', lambda _: {})
    monkeypatch.setattr(ten_tasks, 'measure_ten_tasks', measure)
    assert tool.main(['x.pth', '--work-dir', str(tmp_path)]) == 130
    assert capsys.readouterr().err == '\ninterrupted\n'
    written = tmp_path / 'ten_tasks.json'
    assert written.exists() == (number > 0)
    if number:
        assert len(json.loads(written.read_text())['metrics']) == number


# ------------------------------------------------------------------------- end to end


@pytest.fixture(scope='module')
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images and two videos of each kind, tiny."""
    root = tmp_path_factory.mktemp('shapes')
    numbers = (1, 1, 3), (0, 0, 2)
    generate_suite(root, *numbers, SIZE_WH, LENGTH, report=lambda _: None)
    return root


def small(cfg: Config, root: Path, model: Config) -> Config:
    """The config with a toy model, on a generated set of small images."""
    cfg, own = cfg.copy(), cfg.model
    cfg.model = model.copy()
    cfg.model.trackers = own.trackers
    cfg.model.test_cfg.with_masks = own.test_cfg.get('with_masks', True)
    cfg = point_at_shapes({'x': cfg}, root, 'test')['x']
    dataset = cfg.test_dataloader.dataset
    (resize,) = [step for step in dataset.pipeline if step.type == 'Resize']
    assert tuple(resize.scale) == (320, 240)
    resize.scale = SIZE_WH
    cfg.test_dataloader.num_workers = 0
    return cfg


@pytest.mark.slow
def test_a_small_model_end_to_end(
    tool: ModuleType,
    suite: Path,
    configs: dict[str, Config],
    tmp_path: Path,
    capsys,
    monkeypatch,
):
    """Every task runs by its config; metrics are in range, the split is cut."""
    model = small_video_config()
    weights = tmp_path / 'random.pth'
    torch.save({'state_dict': build(model).state_dict()}, weights)
    toys = {name: small(cfg, suite, model) for name, cfg in configs.items()}
    monkeypatch.setattr(ten_tasks, 'load_task_configs', lambda _: toys)
    out, images, page = tmp_path / 'out', tmp_path / 'seen', tmp_path / 'page.md'
    arguments = [str(weights), '--work-dir', str(out), '--show-dir', str(images)]
    arguments += ['--num-videos', '1', '--num-images', '2', '--num-expressions', '1']
    assert tool.main([*arguments, '--page', str(page)]) == 0
    printed = capsys.readouterr().out
    assert (out / 'ten_tasks.md').read_text().strip() in printed
    assert (out / 'beyond_tasks.md').read_text().strip() in printed
    assert printed.count(' scenes in ') == 8
    content = json.loads((out / 'ten_tasks.json').read_text())
    assert content['checkpoint'] == str(weights)
    fields = set(TaskMetric.__dataclass_fields__)
    asked = [{k: f[k] for k in fields} for f in content['metrics']]
    assert asked == [vars(row) for row in TEN_TASKS]
    for metric in content['metrics']:
        is_image = metric['config'] in ('od', 'rec')
        assert metric['scenes'] == (2 if is_image else 1)
        # a class without a target has no AP: -1 by pycocotools' rule
        assert metric['measured'] is None or -1 <= metric['measured'] <= 1
    assert not list(suite.rglob('*.pth'))
    for task in ('od', 'is', 'rec', 'res', 'sot', 'vos', 'mot', 'mots', 'rvos'):
        assert f'(seen/{task}.jpg)' in page.read_text()
        assert (images / f'{task}.jpg').is_file()
    assert (images / 'ten_tasks.mp4').is_file()
