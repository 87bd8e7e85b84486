"""The demo's own steps; what it measures by is tested with ``ten_tasks``."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData

from helpers.tools import load_tool
from uninext import apis
from uninext.apis.video import read_frames
from uninext.shapes.report import ten_tasks
from uninext.shapes.report.evaluated_scenes import EvaluatedScene, SceneFrame
from uninext.shapes.report.ten_tasks import TEN_TASKS, MeasuredMetric
from uninext.utils.files import FileError

NOTHING = InstanceData(
    bboxes=np.zeros((0, 4)), labels=np.zeros(0, int), scores=np.zeros(0)
)


@pytest.fixture
def demo() -> ModuleType:
    return load_tool('demo/ten_tasks_demo.py')


def test_a_checkpoint_that_is_absent_is_said_before_anything_is_made(
    demo: ModuleType, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.delenv('UNINEXT_TRACEBACK', raising=False)
    out = tmp_path / 'out'
    absent = str(tmp_path / 'absent.pth')
    assert demo.main(['--out', str(out), '--checkpoint', absent]) == 2
    assert 'absent.pth' in capsys.readouterr().err
    assert not out.exists()

    def nothing_shipped():
        raise FileError('nothing is shipped')

    monkeypatch.setattr(apis, 'UninextInferencer', nothing_shipped)
    assert demo.main(['--out', str(out)]) == 2
    assert 'nothing is shipped' in capsys.readouterr().err
    assert not out.exists()
    monkeypatch.setenv('UNINEXT_TRACEBACK', '1')
    with pytest.raises(ValueError, match='no checkpoint'):
        demo.main(['--out', str(out), '--checkpoint', absent])


def test_it_evaluates_the_test_split_with_the_shipped_model_and_draws(
    demo: ModuleType, tmp_path: Path, capsys, monkeypatch
):
    given: dict[str, Any] = {}

    def measure(configs, model, work_dir, report, hooks_of, **others):
        given.update(model=model, configs=configs)
        for name, cfg in configs.items():
            data = Path(cfg.test_dataloader.dataset.data_root)
            assert (data / cfg.test_dataloader.dataset.ann_file).is_file()
            metrics = {r.scene_key: 0.5 for r in TEN_TASKS if r.config == name}
            frame = SceneFrame(str(next(data.glob('test/*.jpg'))), NOTHING, NOTHING)
            (evaluator,) = hooks_of(name, cfg)
            evaluator.scenes.append(
                EvaluatedScene('star', ('star',), (frame,), metrics)
            )
            report(f'{name}: done')
        known = dict(measured=0.5, scenes=1, seconds=1)
        return (MeasuredMetric(**vars(row), **known) for row in TEN_TASKS)

    shipped = SimpleNamespace(model=object())
    monkeypatch.setattr(apis, 'UninextInferencer', lambda: shipped)
    monkeypatch.setattr(ten_tasks, 'measure_ten_tasks', measure)
    monkeypatch.setattr(demo, 'SIZE_WH', (80, 64))
    monkeypatch.setattr(demo, 'NUM_FRAMES', 2)
    out = tmp_path / 'out'
    few = ['--num-images', '1', '--num-videos', '1']
    assert demo.main(['--out', str(out), *few]) == 0
    assert given['model'] is shipped.model
    assert len(list((out / 'images').glob('*.jpg'))) == 10
    assert (out / 'ten_tasks.mp4').is_file()
    assert (out / 'ten_tasks.json').is_file()
    assert cv2.imread(str(out / 'scene.jpg')).shape == (64, 80, 3)
    assert len(list(read_frames(str(out / 'video.mp4')))) == 2
    printed = capsys.readouterr().out
    assert (out / 'ten_tasks.md').read_text().strip() in printed
    assert printed.count(': done') == 8
    assert str(out / 'ten_tasks.mp4') in printed
