"""Results without a network: rectangles with names, tracks and masks."""

from __future__ import annotations

import numpy as np

from uninext.apis import AskedPrompt, Result

HEIGHT, WIDTH = 60, 80
CATEGORIES = AskedPrompt('dog, cat', ('dog', 'cat'), single=False)
EXPRESSION = AskedPrompt('the cat', ('the cat',), single=True)
BOXES = ((2, 4, 12, 10), (20, 15, 75, 55), (0, 0, 80, 60))


def make_result(num=3, frame=None, tracks=None, with_masks=True, labels=(1, 0, 0)):
    """``num`` rectangles: a cat, a dog and an expression."""
    masks = np.zeros((num, HEIGHT, WIDTH), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, BOXES):
        mask[y1:y2, x1:x2] = True
    return Result(
        image=np.full((HEIGHT, WIDTH, 3), 50, np.uint8),
        prompts=(CATEGORIES, EXPRESSION),
        boxes_xyxy=np.array(BOXES[:num], np.float32).reshape(-1, 4),
        scores=np.array([0.9, 0.5, 0.25], np.float32)[:num],
        label_ids=np.array(labels[:num], np.int64),
        prompt_ids=np.array([0, 0, 1], np.int64)[:num],
        track_ids=None if tracks is None else np.array(tracks, np.int64),
        masks=masks if with_masks else None,
        frame=frame,
    )


def make_video(with_masks=True):
    """Track 0 pauses, then changes its name; track 1 comes late; one has no track."""
    given = dict(with_masks=with_masks)
    return [
        make_result(2, 0, [0, -1], **given),
        make_result(0, 1, [], **given),
        make_result(2, 2, [0, 1], **given),
        make_result(1, 3, [0], labels=(0,), **given),
    ]
