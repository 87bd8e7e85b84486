"""Examples to try, generated here: images, videos and prompts.

They are scenes of the Shapes suite that no model was trained on, with expressions that
the generator knows to be true of one object.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from uninext.shapes import SCENE, Scene, describe, draw_scene, generate_video
from uninext.shapes.painting import write_jpeg
from uninext.utils.video_writer import VideoWriter

SEED = 2026  # no set of the documentation has it
SPLIT = 2  # the test split; see uninext.shapes.video_set
SIZE_WH = (320, 240)
NUM_FRAMES = 36
FPS = 12


class Example(NamedTuple):
    """An image or video, and what to ask: values of the page's fields."""

    path: str
    categories: str = ''
    expressions: str = ''
    boxes: str = ''


def write_examples(folder: Path) -> tuple[list[Example], list[Example]]:
    """Draw them into a folder that is there.

    Returns:
        Images: by categories, by an expression, by a box, by all at once. Videos: by
        categories and an expression, by a box.
    """
    return _images(folder), _videos(folder)


def _images(folder: Path) -> list[Example]:
    scenes, paths = [], []
    for number in range(4):
        rng = np.random.default_rng([SEED, SPLIT, number])
        scenes.append(draw_scene(rng, SIZE_WH, (5, 6)))
        paths.append(str(folder / f'scene_{number + 1}.jpg'))
        write_jpeg(Path(paths[-1]), scenes[-1].image)
    expressions = [_longest_expression(scene) for scene in scenes]
    boxes = [_text(scene.objects[-1].box) for scene in scenes]
    return [
        Example(paths[0], categories=_names(scenes[0])),
        Example(paths[1], expressions=expressions[1]),
        Example(paths[2], boxes=boxes[2]),
        Example(paths[3], _names(scenes[3]), expressions[3], boxes[3]),
    ]


def _videos(folder: Path) -> list[Example]:
    paths, videos = [], []
    for number in range(2):
        path = folder / f'video_{number + 1}.mp4'
        rng = np.random.default_rng([SEED, SPLIT, number, SCENE.number])
        with tempfile.TemporaryDirectory(dir=folder) as frames:
            video = generate_video(rng, Path(frames), SIZE_WH, NUM_FRAMES)
            with VideoWriter(path, FPS) as writer:
                for frame in video.frames:
                    writer.write(cv2.imread(str(frame)))
        paths.append(str(path))
        videos.append(video)
    categories = ', '.join(sorted({t.words['category'] for t in videos[0].tracks}))
    still = (e.text for e in videos[0].target().expressions if e.kind != 'motion')
    x, y, w, h = videos[1].target().boxes_xywh[0]
    return [
        Example(paths[0], categories, next(still, '')),
        Example(paths[1], boxes=_text((x, y, x + w, y + h))),
    ]


def _longest_expression(scene: Scene) -> str:
    rng = np.random.default_rng(0)
    facts = scene.facts
    found = (describe(facts, i, rng) for i in range(len(scene.objects)))
    return max((e.text for part in found for e in part), key=len, default='')


def _names(scene: Scene) -> str:
    return ', '.join(sorted({obj.words['category'] for obj in scene.objects}))


def _text(box: Sequence[float]) -> str:
    return ' '.join(f'{value:.0f}' for value in box)
