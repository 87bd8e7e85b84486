"""Ten tasks as images and a video: two examples and a failure each.

What is shown is chosen by the task's own metric, not by hand: the best, the median and
the worst scene.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import mmcv
import numpy as np
from mmengine.config import Config

from uninext.apis.results import AskedPrompt, Result
from uninext.formats.rle import decode_segmentation
from uninext.shapes.report.beyond_tasks import BeyondMetric, beyond_tasks_table
from uninext.shapes.report.evaluated_scenes import EvaluatedScene, SceneEvaluator
from uninext.shapes.report.ten_tasks import (
    BOXES,
    MASKS,
    TEN_TASKS,
    MeasuredMetric,
    TaskMetric,
    ten_tasks_table,
)
from uninext.utils.files import replacing
from uninext.utils.video_writer import VideoWriter
from uninext.visualization import make_contact_sheet
from uninext.visualization.lettering import add_caption, pad_to_height, side_by_side
from uninext.visualization.palette import BAR_COLOR, BLACK, WHITE

TASK_NAMES = {
    'OD': 'object detection',
    'IS': 'instance segmentation',
    'REC': 'referring expression comprehension',
    'RES': 'referring expression segmentation',
    'SOT': 'single object tracking',
    'VOS': 'video object segmentation',
    'MOT': 'multiple object tracking',
    'MOTS': 'multiple object tracking and segmentation',
    'VIS': 'video instance segmentation',
    'R-VOS': 'referring video object segmentation',
}
VIDEO_NAME = 'ten_tasks.mp4'
DATA_COMMAND = (
    'python tools/dataset_converters/shapes.py data/shapes --train 4000 --val 200 '
    '--videos 300 30 --size 320 240 --frames 16'
)
PAGE_HEAD = """# What the shipped model finds

Generated scenes that it never saw ([Shapes](shapes.md)), every task evaluated by its
own config. Table and images are as a command writes them:"""
BEYOND_HEAD = """What these metrics do not show: relations among expressions, and what
is asked of images that do not show it."""
PAGE_NOTE = """Two examples and a failure of each task, chosen by its metric on single
images or videos: the best, the median and the worst. Colours are what was found,
dashes what is true. [What to ask, and how](tasks/index.md)."""
LEGEND = 'Colours: found. Dashed: true.'
CELL_WIDTH, CELLS_OF_VIDEO = 320, 4
FONT_SIZE, TITLE_FONT_SIZE = 12, 15
DASH = 4  # pixels of a dash, and of the gap after it
MAX_BYTES = 300_000  # of a page: what a documentation page loads at once
QUALITIES = (92, 88, 84, 80, 75, 70, 60, 50, 40)
VIDEO_SIZE_WH, VIDEO_BAR, VIDEO_FPS = (480, 360), 80, 8
IMAGE_SECONDS, PAUSE_SECONDS = 1.5, 0.5


@dataclass(frozen=True, eq=False)
class PickedScene:
    """A scene that is shown.

    Attributes:
        rank: ``'best'``, ``'median'`` or ``'worst'``.
        value: Its metric.
        scene: The prompt, predictions and ground truth.
    """

    rank: str
    value: float
    scene: EvaluatedScene


class SceneAlbum:
    """Collects the scenes of all tasks while they are measured.

    Attributes:
        evaluators: Name of the config -> its scenes' evaluator.
    """

    def __init__(self) -> None:
        self.evaluators: dict[str, SceneEvaluator] = {}

    def hooks_of(self, name: str, cfg: Config) -> list[SceneEvaluator]:
        """The hook of the run of a config, as :func:`measure_ten_tasks` takes it."""
        self.evaluators[name] = SceneEvaluator(cfg.test_evaluator)
        return [self.evaluators[name]]

    def pick(self) -> dict[TaskMetric, list[PickedScene]]:
        """The scenes to show of every task that was measured, by its first metric."""
        first = {row.task: row for row in reversed(TEN_TASKS)}
        return {
            first[task]: pick_scenes(
                self.evaluators[first[task].config].scenes, first[task].scene_key
            )
            for task in TASK_NAMES
            if first[task].config in self.evaluators
        }


def pick_scenes(scenes: Sequence[EvaluatedScene], key: str) -> list[PickedScene]:
    """Choose the best, the median and the worst scene by a key of their metrics.

    Returns:
        As many as there are, at most three, from the best to the worst. Scenes whose
        metric could not be measured (NaN or below 0) are left out.
    """
    valued = [(s.metrics.get(key, math.nan), s) for s in scenes]
    valued = sorted((v for v in valued if v[0] >= 0), key=lambda v: -v[0])
    last = len(valued) - 1
    places = {0: 'best', (last + 1) // 2: 'median', last: 'worst'}
    if last < 2:
        places = dict(zip(range(last + 1), ('best', 'worst')))
    return [PickedScene(rank, *valued[i]) for i, rank in places.items()]


# ------------------------------------------------------------------------------ frames


def draw_frame(
    scene: EvaluatedScene, index: int, kind: str, width: int = CELL_WIDTH
) -> np.ndarray:
    """Draw the predictions of a frame, and the ground truth, dashed.

    Args:
        scene: Of a run.
        index: Of the frame.
        kind: ``BOXES`` or ``MASKS``: what is drawn of the ground truth; masks that were
            found are left out where boxes are evaluated.
        width: Of the image that is made, pixels; the height follows.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    frame = scene.frames[index]
    image = mmcv.imread(frame.path)
    size_hw, scale = image.shape[:2], width / image.shape[1]
    size_wh = width, max(1, round(size_hw[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    predictions, true = frame.predictions, frame.ground_truth
    with_masks = kind == MASKS and 'masks' in predictions
    plot = Result(
        image=cv2.resize(image, size_wh, interpolation=method),
        prompts=(AskedPrompt(scene.prompt, scene.names, len(scene.names) == 1),),
        boxes_xyxy=predictions.bboxes * scale,
        scores=predictions.scores,
        label_ids=predictions.labels,
        prompt_ids=np.zeros(len(predictions), np.int64),
        track_ids=predictions.get('instances_ids'),
        masks=_masks(predictions.masks, size_hw, size_wh) if with_masks else None,
    ).plot()
    plot = np.ascontiguousarray(plot[..., ::-1])
    if kind == BOXES or 'masks' not in true:
        paths = [_box_path(box, size_wh) for box in true.bboxes * scale]
    else:
        paths = [
            contour[:, 0]
            for mask in _masks(true.masks, size_hw, size_wh)
            for contour in cv2.findContours(
                mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
            )[0]
        ]
    for path in paths:
        paint_dashed(plot, path)
    return plot


def paint_dashed(image: np.ndarray, path: np.ndarray) -> None:
    """Draw a path in dashes of white and black, one pixel wide, in place.

    Args:
        image: (H, W, 3) uint8.
        path: (n, 2) x and y of its pixels; what is outside of the image is left out.
    """
    height, width = image.shape[:2]
    is_white = np.arange(len(path)) // DASH % 2 == 0
    x, y = np.asarray(path, int).reshape(-1, 2).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    for chosen, color in ((inside & is_white, WHITE), (inside & ~is_white, BLACK)):
        image[y[chosen], x[chosen]] = color


def _box_path(box_xyxy: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Pixels around a box, clipped to the image."""
    limits = np.array(size_wh * 2) - 1
    x1, y1, x2, y2 = np.clip(np.round(box_xyxy), 0, limits).astype(int).tolist()
    right, down = np.arange(x1, x2 + 1), np.arange(y1, y2 + 1)
    sides = [
        np.stack([right, np.full_like(right, y1)], 1),
        np.stack([np.full_like(down, x2), down], 1),
        np.stack([right[::-1], np.full_like(right, y2)], 1),
        np.stack([np.full_like(down, x1), down[::-1]], 1),
    ]
    return np.concatenate(sides)


def _masks(
    rles: Sequence[dict], size_hw: tuple[int, int], size_wh: tuple[int, int]
) -> np.ndarray:
    """(n, H, W) bool in the size of the drawing."""
    masks = [
        cv2.resize(
            decode_segmentation(rle, *size_hw).astype(np.uint8),
            size_wh,
            interpolation=cv2.INTER_NEAREST,
        )
        for rle in rles
    ]
    return np.array(masks, bool).reshape(-1, size_wh[1], size_wh[0])


# ------------------------------------------------------------------------------- pages


def draw_page(row: TaskMetric, picked: Sequence[PickedScene]) -> np.ndarray:
    """A page of a task, (H, W, 3) uint8 RGB: images side by side, videos as strips.

    Raises:
        ValueError: If nothing was picked.
    """
    if not picked:
        raise ValueError(f'There is no scene of {row.task} to draw.')
    blocks = []
    for entry in picked:
        count = len(entry.scene.frames)
        chosen = np.linspace(0, count - 1, min(count, CELLS_OF_VIDEO))
        chosen = chosen.round().astype(int).tolist()
        frames = [draw_frame(entry.scene, i, row.kind) for i in chosen]
        block = make_contact_sheet(frames, CELLS_OF_VIDEO, CELL_WIDTH)
        numbers = ', '.join(str(i + 1) for i in chosen)
        where = '' if count == 1 else f'  (frames {numbers})'
        text = f'{entry.rank}: {row.scene_metric} {entry.value:.2f}{where}\n'
        text += f'Asked: {entry.scene.prompt}'
        blocks.append(add_caption(block, text, FONT_SIZE))
    if all(len(entry.scene.frames) == 1 for entry in picked):
        page = side_by_side(blocks)
    else:
        width = max(block.shape[1] for block in blocks)
        paddings = [(0, 0, 0, width - block.shape[1]) for block in blocks]
        page = np.concatenate(
            [
                cv2.copyMakeBorder(b, *p, cv2.BORDER_CONSTANT, value=BAR_COLOR)
                for b, p in zip(blocks, paddings)
            ]
        )
    title = f'{row.task}, {TASK_NAMES[row.task]}. {LEGEND}'
    return add_caption(page, title, TITLE_FONT_SIZE)


def write_task_pages(
    folder: str | Path, picked: Mapping[TaskMetric, Sequence[PickedScene]]
) -> dict[str, Path]:
    """Write a page a task, :func:`page_name`; none where nothing was measured.

    Returns:
        Task -> file. A page has at most 300 kB where JPEG can do it.

    Raises:
        FileError: A ValueError, if a file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pages = {}
    for row, scenes in picked.items():
        if scenes:
            pages[row.task] = folder / page_name(row.task)
            content = _jpeg(draw_page(row, scenes))
            with replacing(pages[row.task]) as temporary:
                temporary.write_bytes(content)
    return pages


def page_name(task: str) -> str:
    """File of the page of a task: ``'R-VOS'`` -> ``'rvos.jpg'``."""
    return f'{task.lower().replace("-", "")}.jpg'


def ten_tasks_page(
    rows: Sequence[MeasuredMetric],
    beyond: Sequence[BeyondMetric],
    picked: Mapping[TaskMetric, Sequence[PickedScene]],
    images: str,
    command: str,
) -> str:
    """The documentation's page of what a checkpoint finds, in Markdown.

    ``images`` is their folder from the page, ``command`` what makes the page.
    """
    parts = [
        PAGE_HEAD,
        f'```bash\n{DATA_COMMAND}\n{command}\n```',
        ten_tasks_table(rows),
        BEYOND_HEAD,
        beyond_tasks_table(beyond),
        PAGE_NOTE,
    ]
    parts.append(f'All ten in a video: `make demo`, `demo_output/{VIDEO_NAME}`.')
    for row, scenes in picked.items():
        if scenes:
            name = TASK_NAMES[row.task]
            shown = '; '.join(f'{s.rank} {s.value:.2f}' for s in scenes)
            path = f'{images}/{page_name(row.task)}'
            parts.append(f'## {row.task}: {name}')
            metric = row.scene_metric
            parts.append(f'![Predictions of {name}, {metric}: {shown}.]({path})')
    return '\n\n'.join(parts) + '\n'


def _jpeg(page: np.ndarray) -> bytes:
    for quality in QUALITIES:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        _, content = cv2.imencode('.jpg', page[..., ::-1], options)
        if len(content) <= MAX_BYTES:
            break
    return content.tobytes()


# ------------------------------------------------------------------------------- video


def write_task_video(
    path: str | Path, picked: Mapping[TaskMetric, Sequence[PickedScene]]
) -> Path:
    """Write all tasks one after another as an H.264 video, each with its caption.

    Images stand still for a moment; of a video task, the best video is played.

    Raises:
        ValueError: If there is nothing to show, or the file cannot be written.
    """
    if not any(picked.values()):
        raise ValueError('There is no scene of any task to make a video of.')
    with VideoWriter(path, VIDEO_FPS) as video:
        for number, (row, scenes) in enumerate(picked.items(), start=1):
            for image in _video_frames(f'{number}/{len(picked)}', row, scenes):
                video.write(np.ascontiguousarray(image[..., ::-1]))
    return Path(path)


def _video_frames(
    number: str, row: TaskMetric, picked: Sequence[PickedScene]
) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 RGB of one task, all of one size."""
    is_video = any(len(entry.scene.frames) > 1 for entry in picked)
    for entry in picked[:1] if is_video else picked[:2]:
        title = f'{number}  {row.task}, {TASK_NAMES[row.task]}: '
        title += f'{row.scene_metric} {entry.value:.2f}'
        text = f'Asked: {entry.scene.prompt}. {LEGEND}'
        frames = entry.scene.frames
        for index in range(len(frames)):
            image = draw_frame(entry.scene, index, row.kind, VIDEO_SIZE_WH[0])
            still = _on_canvas(image, title, text)
            seconds = PAUSE_SECONDS if is_video else IMAGE_SECONDS
            is_last = index == len(frames) - 1
            yield from [still] * (round(seconds * VIDEO_FPS) if is_last else 1)


def _on_canvas(image: np.ndarray, title: str, text: str) -> np.ndarray:
    """An image below its caption, in the size of the video."""
    width, height = VIDEO_SIZE_WH
    shrink = min(1.0, height / len(image))
    if shrink < 1:
        size_wh = round(image.shape[1] * shrink), height
        image = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    left = (width - image.shape[1]) // 2
    right, below = width - image.shape[1] - left, height - len(image)
    canvas = cv2.copyMakeBorder(
        image, 0, below, left, right, cv2.BORDER_CONSTANT, value=BAR_COLOR
    )
    bottom = height + VIDEO_BAR
    for size in range(17, 7, -1):  # the largest letters that fit
        captioned = add_caption(canvas, f'{title}\n{text}', size)
        if len(captioned) <= bottom:
            break
    assert len(captioned) <= bottom, 'the most lines of the smallest letters fit'
    return pad_to_height(captioned, bottom)
