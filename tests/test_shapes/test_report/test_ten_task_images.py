"""Scenes by metric, as pages and as a video."""

from __future__ import annotations

import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.structures import InstanceData

from uninext.formats.rle import encode_mask
from uninext.shapes.report import ten_task_images as drawing
from uninext.shapes.report.beyond_tasks import BeyondMetric
from uninext.shapes.report.evaluated_scenes import EvaluatedScene, SceneFrame
from uninext.shapes.report.ten_task_images import (
    PickedScene,
    SceneAlbum,
    draw_frame,
    draw_page,
    page_name,
    paint_dashed,
    pick_scenes,
    ten_tasks_page,
    write_task_pages,
    write_task_video,
)
from uninext.shapes.report.ten_tasks import BOXES, MASKS, TEN_TASKS, MeasuredMetric

HEIGHT, WIDTH = 48, 64
OD, IS, REC, SOT = (TEN_TASKS[i] for i in (0, 1, 2, 4))
GREY = 90


def instances(*boxes: tuple, with_ids: bool = False) -> InstanceData:
    masks = []
    for x1, y1, x2, y2 in boxes:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[y1:y2, x1:x2] = True
        masks.append(encode_mask(mask))
    count = len(boxes)
    return InstanceData(
        bboxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.zeros(count, np.int64),
        scores=np.ones(count, np.float32),
        masks=masks,
        **(dict(instances_ids=np.arange(count)) if with_ids else {}),
    )


@pytest.fixture
def grey(tmp_path: Path) -> str:
    path = tmp_path / 'grey.png'
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), GREY, np.uint8))
    return str(path)


def scene(path: str, length: int = 1, found=(), true=(), **metrics: float):
    is_video = length > 1
    frame = SceneFrame(path, instances(*found, with_ids=is_video), instances(*true))
    return EvaluatedScene('star, ring', ('star', 'ring'), (frame,) * length, metrics)


# ---------------------------------------------------------------------------- choosing


def test_nothing_is_picked_of_nothing():
    assert pick_scenes([], 'x') == []
    assert pick_scenes([scene('a', y=1.0)], 'x') == []
    assert SceneAlbum().pick() == {}


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ([0.5], [('best', 0.5)]),
        ([0.2, 0.7], [('best', 0.7), ('worst', 0.2)]),
        ([0.2, 0.7, 0.4], [('best', 0.7), ('median', 0.4), ('worst', 0.2)]),
        ([math.nan, 0.4, -1.0], [('best', 0.4)]),
        ([0.1, 0.2, 0.3, 0.4, 0.5], [('best', 0.5), ('median', 0.3), ('worst', 0.1)]),
    ],
)
def test_the_best_the_median_and_the_worst(values: list[float], expected: list):
    scenes = [scene('a', x=value) for value in values]
    picked = pick_scenes(scenes, 'x')
    assert [(p.rank, p.value) for p in picked] == expected
    assert all(p.scene.metrics['x'] == p.value for p in picked)
    reverse = pick_scenes(scenes[::-1], 'x')
    assert [p.value for p in reverse] == [p.value for p in picked]


def test_an_album_picks_by_the_first_metric_of_each_task():
    album = SceneAlbum()
    for name in ('od', 'mot', 'rec'):
        (evaluator,) = album.hooks_of(name, Config(dict(test_evaluator=dict(type='x'))))
        for value in (0.1, 0.9):
            metrics = {row.key: 1 - value for row in TEN_TASKS if row.config == name}
            metrics[next(r for r in TEN_TASKS if r.config == name).scene_key] = value
            evaluator.scenes.append(scene('a', **metrics))
    picked = album.pick()
    assert [row.task for row in picked] == ['OD', 'IS', 'REC', 'RES', 'MOT']
    by_task = {row.task: [p.value for p in entries] for row, entries in picked.items()}
    assert by_task['OD'] == by_task['MOT'] == by_task['REC'] == [0.9, 0.1]
    assert by_task['IS'] == pytest.approx([0.9, 0.1])


# ----------------------------------------------------------------------------- drawing


def test_dashes_follow_the_path_and_leave_out_what_is_outside():
    image = np.full((6, 20, 3), GREY, np.uint8)
    paint_dashed(image, np.zeros((0, 2)))
    assert (image == GREY).all()
    path = np.stack([np.arange(-2, 30), np.full(32, 3)], 1)
    paint_dashed(image, path)
    row = image[3, :, 0]
    assert set(row.tolist()) == {0, 255}
    assert (np.delete(image, 3, axis=0) == GREY).all()
    white = [i // drawing.DASH % 2 == 0 for i in range(32)]  # from the path's start
    assert [value == 255 for value in row] == white[2:22]


@pytest.mark.parametrize('width', [WIDTH, 32, 160])
def test_a_frame_without_anything_is_its_image(grey: str, width: int):
    image = draw_frame(scene(grey), 0, MASKS, width)
    assert image.shape == (width * HEIGHT // WIDTH, width, 3)
    assert (image == GREY).all()


def test_the_ground_truth_is_dashed_where_it_is(grey: str):
    box = (10, 8, 40, 30)
    boxes = draw_frame(scene(grey, true=[box]), 0, BOXES, WIDTH)
    changed = (boxes != GREY).any(axis=2)
    expected = np.zeros_like(changed)
    expected[8:31, 10:41] = True
    expected[9:30, 11:40] = False
    assert np.array_equal(changed, expected)
    masks = draw_frame(scene(grey, true=[box]), 0, MASKS, WIDTH)
    inner = np.zeros_like(changed)
    inner[8:30, 10:40] = True
    inner[9:29, 11:39] = False
    assert np.array_equal((masks != GREY).any(axis=2), inner)


def test_masks_are_tinted_only_where_masks_are_evaluated(grey: str):
    one = scene(grey, found=[(10, 8, 60, 44)])
    centre = (slice(24, 28), slice(32, 36))
    assert (draw_frame(one, 0, BOXES, WIDTH)[centre] == GREY).all()
    assert (draw_frame(one, 0, MASKS, WIDTH)[centre] != GREY).any()


def test_a_page_needs_a_scene():
    with pytest.raises(ValueError, match='no scene of OD'):
        draw_page(OD, [])


def test_images_stand_side_by_side_and_videos_below_each_other(grey: str):
    images = [PickedScene(r, 0.5, scene(grey)) for r in ('best', 'worst')]
    one, two = draw_page(OD, images[:1]), draw_page(OD, images)
    assert two.shape[1] == 2 * one.shape[1]
    videos = [PickedScene(r, 0.5, scene(grey, 6)) for r in ('best', 'worst')]
    strip, strips = draw_page(SOT, videos[:1]), draw_page(SOT, videos)
    assert strips.shape[1] == strip.shape[1] >= 4 * drawing.CELL_WIDTH
    assert strips.shape[0] > strip.shape[0] + drawing.CELL_WIDTH * HEIGHT // WIDTH
    uneven = [videos[0], PickedScene('worst', 0.1, scene(grey, 2))]
    assert draw_page(SOT, uneven).shape == strips.shape


def test_pages_are_small_files(tmp_path: Path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    path = tmp_path / 'noise.png'
    cv2.imwrite(str(path), noise)
    picked = {OD: [PickedScene('best', 1.0, scene(str(path)))], IS: []}
    pages = write_task_pages(tmp_path / 'a', picked)
    assert pages == {'OD': tmp_path / 'a/od.jpg'}
    monkeypatch.setattr(drawing, 'MAX_BYTES', pages['OD'].stat().st_size - 1)
    (smaller,) = write_task_pages(tmp_path / 'b', picked).values()
    assert smaller.stat().st_size <= drawing.MAX_BYTES
    assert cv2.imread(str(smaller)).shape == cv2.imread(str(pages['OD'])).shape


def test_names_of_pages_are_those_of_the_tasks():
    names = [page_name(task) for task in drawing.TASK_NAMES]
    assert names[-1] == 'rvos.jpg'
    assert len(set(names)) == 10
    assert set(drawing.TASK_NAMES) == {row.task for row in TEN_TASKS}


# ------------------------------------------------------------------------------- video


def test_a_video_of_nothing_is_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match='no scene of any task'):
        write_task_video(tmp_path / 'x.mp4', {OD: []})
    assert not list(tmp_path.iterdir())


def test_all_tasks_are_in_the_video(grey: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(drawing, 'VIDEO_SIZE_WH', (160, 96))  # lower than 4:3
    monkeypatch.setattr(drawing, 'VIDEO_BAR', 72)
    images = [PickedScene(r, 0.5, scene(grey)) for r in ('best', 'median', 'worst')]
    videos = [PickedScene(r, 0.5, scene(grey, 5)) for r in ('best', 'worst')]
    path = write_task_video(tmp_path / 'x.mp4', {OD: images, IS: [], SOT: videos})
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == 'h264'
        shapes = [frame.to_ndarray(format='rgb24').shape for frame in file.decode()]
    still = round(drawing.IMAGE_SECONDS * drawing.VIDEO_FPS)
    pause = round(drawing.PAUSE_SECONDS * drawing.VIDEO_FPS)
    assert shapes == [(168, 160, 3)] * (2 * still + 4 + pause)


def test_the_page_shows_table_and_images(grey: str):
    row = MeasuredMetric(**vars(OD), measured=0.5, scenes=3, seconds=2)
    best = [PickedScene('best', 0.75, scene(grey))]
    picked = {OD: best, REC: best, SOT: []}
    beyond = [BeyondMetric('relations', 'P@0.5', 0.85, False, 0.9, 7)]
    text = ten_tasks_page([row], beyond, picked, 'assets/x', 'python tool.py A')
    assert f'{drawing.DATA_COMMAND}\npython tool.py A\n```' in text
    assert '| OD | box AP | 0.80 | 0.500 | no | 3 | 2 |' in text
    assert '| relations | P@0.5 | at least 0.85 | 0.900 | yes | 7 |' in text
    assert '## OD: object detection' in text
    assert 'box AP: best 0.75.](assets/x/od.jpg)' in text
    assert 'box IoU: best 0.75.](assets/x/rec.jpg)' in text  # of one expression
    assert 'demo_output/ten_tasks.mp4' in text
    assert 'sot.jpg' not in text
