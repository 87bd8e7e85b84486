"""Images of the tasks' pages: every task is drawn, predictions are what is asked."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.tools import load_tool
from uninext.shapes import generate_suite

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    return load_tool('tools/misc/task_images.py')


@pytest.fixture(scope='module')
def scenes(tool, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('scenes')
    numbers = ((1, tool.NUM_IMAGES, 0), (1, tool.NUM_VIDEOS, 0))
    generate_suite(root, *numbers, tool.SIZE_WH, tool.NUM_FRAMES, report=lambda s: None)
    return root


def panels(tool):
    return [(task, panel) for task in tool.TASKS for panel in task.panels]


def test_every_task_has_a_page_that_shows_it(tool):
    assert len(tool.TASKS) == 10
    for task in tool.TASKS:
        page = (ROOT / f'docs/tasks/{task.name}.md').read_text()
        assert f'../assets/tasks/{task.name}.jpg' in page
        for panel in task.panels:
            for asked in panel.ask.values():
                assert not isinstance(asked, str) or asked in page
        assert any(re.search(rf'val/{p.source}\b', page) for p in task.panels)


def test_annotations_answer_what_is_asked(tool, scenes):
    for task, panel in panels(tool):
        results = tool.annotated(panel, scenes)
        assert len(results) == (len(tool.SHOWN_FRAMES) if panel.is_video else 1)
        assert len(results[0]) >= 1, f'{task.name}: nothing to see in {panel.source}'
        for result in results:
            if 'expression' in panel.ask:
                assert len(result) <= 1
            if 'categories' in panel.ask:
                assert set(result.labels) <= set(panel.ask['categories'].split(', '))
            for box, mask in zip(result.boxes_xyxy, result.masks):
                rows, columns = np.nonzero(mask)
                assert box.tolist() == [
                    *(columns.min(), rows.min()),
                    *(columns.max() + 1, rows.max() + 1),
                ]


def test_targets_of_the_pages_are_those_of_the_images(tool, scenes):
    for name in ('sot', 'vos'):
        (task,) = (task for task in tool.TASKS if task.name == name)
        box = tool.annotated(task.panels[0], scenes)[0].boxes_xyxy[0]
        page = (ROOT / f'docs/tasks/{name}.md').read_text()
        assert f'box=[{", ".join(f"{side:g}" for side in box)}]' in page


def test_a_model_is_asked_the_same(tool, scenes):
    asked = []

    def find(source, as_video=False, **ask):
        asked.append(ask)
        count = tool.NUM_FRAMES if as_video else 1
        return [tool.annotated(panel, scenes)[0]] * count

    for _, panel in panels(tool):
        ground_truth = tool.annotated(panel, scenes)
        assert len(tool.answered(panel, ground_truth, find)) == len(ground_truth)
        (key,) = asked[-1]
        assert key == (
            panel.prompt if 'objects' in panel.ask else next(iter(panel.ask))
        )


def test_images_are_written(tool, tmp_path, capsys):
    assert tool.main([str(tmp_path)]) == 0
    for task in tool.TASKS:
        image = cv2.imread(str(tmp_path / f'{task.name}.jpg'))
        wide = len(tool.SHOWN_FRAMES) if task.panels[0].is_video else len(task.panels)
        scale = tool.FRAME_SCALE if task.panels[0].is_video else tool.IMAGE_SCALE
        width, height = (scale * side for side in tool.SIZE_WH)
        assert image.shape == (height, wide * width + (wide - 1) * tool.GAP, 3)
    assert capsys.readouterr().out.count(' KB') == 10
