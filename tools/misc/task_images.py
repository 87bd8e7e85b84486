"""Draw the images of docs/tasks: what each of the ten tasks asks for and finds.

Scenes are generated (docs/shapes.md), held-out ones of seed 0, so that a reader who
generates the set has the same files. Without --model the predictions are the
annotations.

Example:
    python tools/misc/task_images.py docs/assets/tasks
    python tools/misc/task_images.py work_dirs/tasks --model uninext_tiny
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import run_tool

if TYPE_CHECKING:
    import numpy as np

    from uninext.apis import Result, UninextInferencer

SIZE_WH, NUM_FRAMES = (320, 240), 16
SHOWN_FRAMES = (0, 7, 15)
NUM_IMAGES, NUM_VIDEOS = 12, 3
IMAGE_SCALE, FRAME_SCALE = 2, 1.5  # drawn larger than generated: labels stay sharp
GAP = 12  # pixels between panels
JPEG_QUALITY = 82


@dataclass(frozen=True)
class Panel:
    """A question about an image or video.

    Attributes:
        source: Name of an image or video of the held-out split.
        ask: ``categories`` or ``expression``, or ``objects``: numbers of the targets.
        prompt: How targets are shown: 'box' or 'mask'.
    """

    source: str
    ask: dict[str, Any]
    prompt: str = 'mask'

    @property
    def is_video(self) -> bool:
        """Whether it is about a video."""
        return not self.source.startswith('val_')


@dataclass(frozen=True)
class Task:
    """An image of the docs.

    Attributes:
        name: Of the file.
        with_masks: Whether the task answers with masks.
        panels: Side by side, or frames of one video.
    """

    name: str
    with_masks: bool
    panels: tuple[Panel, ...]


TASKS = (
    Task(
        'od',
        False,
        (
            Panel('val_000001', dict(categories='circle, cross')),
            Panel('val_000005', dict(categories='ring')),
        ),
    ),
    Task(
        'is',
        True,
        (
            Panel('val_000007', dict(categories='ring, circle')),
            Panel('val_000011', dict(categories='cross, square')),
        ),
    ),
    Task(
        'rec',
        False,
        (
            Panel('val_000006', dict(expression='the cross right of the green star')),
            Panel('val_000007', dict(expression='the ring above the small ring')),
        ),
    ),
    Task(
        'res',
        True,
        (
            Panel('val_000011', dict(expression='the square below the red cross')),
            Panel('val_000001', dict(expression='the cross below the ring')),
        ),
    ),
    Task('sot', False, (Panel('scene_00001', dict(objects=(6,)), 'box'),)),
    Task('vos', True, (Panel('scene_00002', dict(objects=(1, 2, 3))),)),
    Task('mot', False, (Panel('crowd_00000', dict(categories='cross, triangle')),)),
    Task('mots', True, (Panel('crowd_00000', dict(categories='cross, star')),)),
    Task('vis', True, (Panel('scene_00001', dict(categories='cross, ring')),)),
    Task('rvos', True, (Panel('scene_00000', dict(expression='the striped ring')),)),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('out', type=Path, metavar='OUT', help='folder of the images')
    parser.add_argument('--model', help='name, config or weights; none: annotations')
    parser.add_argument('--checkpoint', help='weights, if --model is a config')


def run(args: argparse.Namespace) -> None:
    """Draw all images."""
    import cv2

    from uninext.apis import UninextInferencer
    from uninext.shapes import generate_suite

    find = None
    with tempfile.TemporaryDirectory() as folder:
        if args.model is not None:
            find = UninextInferencer(args.model, args.checkpoint)
        root = Path(folder)
        numbers = ((1, NUM_IMAGES, 0), (1, NUM_VIDEOS, 0))
        generate_suite(root, *numbers, SIZE_WH, NUM_FRAMES, report=lambda line: None)
        args.out.mkdir(parents=True, exist_ok=True)
        for task in TASKS:
            image = draw_task(task, root, find)
            path = args.out / f'{task.name}.jpg'
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            print(f'{path}: {path.stat().st_size // 1024} KB')


def draw_task(task: Task, root: Path, find: UninextInferencer | None) -> np.ndarray:
    """Draw one task, (H, W, 3) uint8 BGR, as ``find`` or the annotations say."""
    import numpy as np

    drawn = []
    for panel in task.panels:
        predictions = annotated(panel, root)
        if find is not None:
            predictions = answered(panel, predictions, find)
        for prediction in predictions:
            if not task.with_masks:
                prediction.masks = None
            scale = FRAME_SCALE if panel.is_video else IMAGE_SCALE
            drawn.append(prediction.enlarged(scale).plot())
    gap = np.full((drawn[0].shape[0], GAP, 3), 255, np.uint8)
    columns = [part for one in drawn for part in (gap, one)]
    return np.hstack(columns[1:])


def annotated(panel: Panel, root: Path) -> list[Result]:
    """What the annotations answer: one result, or one for each frame that is shown."""
    expression = panel.ask.get('expression')
    if panel.is_video:
        name = 'mot' if panel.source.startswith('crowd') else 'vis'
        path, records = root / f'{"refs" if expression else name}_val.json', 'videos'
    else:
        name = 'refs' if expression else 'instances'
        path, records = root / f'annotations/{name}_val.json', 'images'
    content = json.loads(path.read_text())
    ids = {
        record['id']
        for record in content[records]
        if panel.source in record.get('file_name', record.get('name'))
        and (expression is None or expression in record['expressions'])
    }
    names = {c['id']: c['name'] for c in content['categories']}
    found = [
        (names[annotation['category_id']], annotation)
        for annotation in content['annotations']
        if annotation[f'{records[:-1]}_id'] in ids
    ]
    wanted = panel.ask.get('categories', '').split(', ')
    if 'objects' in panel.ask:
        found = [(n, a) for n, a in found if a['object_id'] in panel.ask['objects']]
    elif expression is None:
        found = [(name, a) for name, a in found if name in wanted]
    if not panel.is_video:
        image = root / f'val/{panel.source}.jpg'
        parts = [(name, a['bbox'], a['segmentation'], -1) for name, a in found]
        return [_result(image, None, panel, parts)]
    results = []
    for frame in SHOWN_FRAMES:
        parts = [
            (name, a['bboxes'][frame], a['segmentations'][frame], a['object_id'])
            for name, a in found
            if a['bboxes'][frame] is not None
        ]
        image = root / f'videos/val/{panel.source}/{frame:05d}.jpg'
        results.append(_result(image, frame, panel, parts))
    return results


def answered(
    panel: Panel, ground_truth: list[Result], find: UninextInferencer
) -> list[Result]:
    """What a model predicts; the first of ``ground_truth`` shows it the targets."""
    ask = dict(panel.ask)
    if ask.pop('objects', None):
        first = ground_truth[0]
        ask[panel.prompt] = first.boxes_xyxy if panel.prompt == 'box' else first.masks
    source = Path(ground_truth[0].path)
    if not panel.is_video:
        return find(source, **ask)
    results = find(source.parent, as_video=True, **ask)
    return [results[frame] for frame in SHOWN_FRAMES]


def _result(
    path: Path, frame: int | None, panel: Panel, parts: list[tuple[Any, ...]]
) -> Result:
    """Annotations as if they had been found: name, box xywh, segmentation, id each."""
    import cv2
    import numpy as np

    from uninext.apis import AskedPrompt, Result
    from uninext.formats.rle import decode_segmentation

    width, height = SIZE_WH
    expression = panel.ask.get('expression')
    names = (
        [expression]
        if expression
        else panel.ask.get('categories', 'target').split(', ')
    )
    text = expression or ', '.join(names)
    boxes = np.array([box for _, box, _, _ in parts], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = [decode_segmentation(mask, height, width) for _, _, mask, _ in parts]
    return Result(
        image=cv2.imread(str(path)),
        prompts=(AskedPrompt(text, tuple(names), single=len(names) == 1),),
        boxes_xyxy=boxes,
        scores=np.ones(len(parts), np.float32),
        label_ids=np.array(
            [names.index(n) if n in names else 0 for n, _, _, _ in parts], np.int64
        ),
        prompt_ids=np.zeros(len(parts), np.int64),
        track_ids=None if frame is None else np.array([i for *_, i in parts], np.int64),
        masks=np.array(masks, bool).reshape(-1, height, width),
        path=str(path),
        frame=frame,
    )


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
