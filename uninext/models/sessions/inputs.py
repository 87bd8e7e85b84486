"""What users give to a session, checked and brought to one form.

Names, sentences, boxes, masks and frames enter; prompts and targets leave.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from uninext.structures import Prompt, Target, parse_names


def prompts_of(
    prompt: Any, names: Any, sentence: Any, box: Any, mask: Any
) -> list[Prompt | Target]:
    """Prompts and targets of what was given to :meth:`VideoSession.add`.

    Raises:
        ValueError: If nothing or several things are given, or one is empty or of
            another type.
    """
    given = [x for x in (prompt, names, sentence, box, mask) if x is not None]
    if len(given) != 1:
        raise ValueError(
            'add() takes one of names=[...], sentence=..., box=..., mask=..., or a '
            f'prompt; got {len(given)} of them.'
        )
    if isinstance(prompt, (Prompt, Target)):
        return [prompt]
    if isinstance(prompt, str):
        sentence = prompt
    elif prompt is not None:
        if not isinstance(prompt, (list, tuple, set)) or not all(
            isinstance(name, str) for name in prompt
        ):
            raise ValueError(
                'A prompt must be a sentence, a list of strings, a Prompt or a Target. '
                f'Give a box as box=..., a mask as mask=...; got {prompt!r:.80}.'
            )
        names = prompt
    if names is not None:
        return [Prompt.from_names(parse_names(names))]
    if sentence is not None:
        if not isinstance(sentence, str):
            raise ValueError(
                f'A sentence must be a string, got {type(sentence).__name__}. Add '
                'several sentences one by one.'
            )
        return [Prompt.from_expression(sentence)]
    return _boxes(box) if box is not None else _masks(mask)


def checked_boxes(box: Any) -> torch.Tensor:
    """Boxes of targets as people give them; the one rule for all interfaces.

    Args:
        box: (4,) or (n, 4) numbers: x1, y1, x2, y2 in pixels, x1 < x2 and y1 < y2.

    Returns:
        (n, 4) float32, a copy.

    Raises:
        ValueError: If there is none, or one is not finite, has its corners in another
            order, or is smaller than a pixel.
    """
    boxes = _tensor(box, 'box').float()
    if boxes.dim() not in (1, 2) or boxes.shape[-1] != 4 or not boxes.numel():
        raise ValueError(
            'box must be (x1, y1, x2, y2), or (n, 4) for n targets; got the shape '
            f'{tuple(boxes.shape)}.'
        )
    boxes = boxes.reshape(-1, 4)
    for number, (x1, y1, x2, y2) in enumerate(boxes.tolist(), start=1):
        name = f'Box {number}' if len(boxes) > 1 else 'The box'
        name += f' ({x1:g}, {y1:g}, {x2:g}, {y2:g})'
        if not np.isfinite([x1, y1, x2, y2]).all():
            raise ValueError(f'{name} is not finite.')
        if x1 >= x2 or y1 >= y2:
            raise ValueError(
                f'{name} is empty, or its corners are swapped. Expected left, top, '
                'right, bottom in pixels: x1 < x2 and y1 < y2. Of a box given as x, y, '
                'width, height the right is x + width, the bottom y + height.'
            )
        if min(x2 - x1, y2 - y1) < 1:
            raise ValueError(
                f'{name} is smaller than a pixel. Pixels of the image are expected, '
                'not shares of its sides.'
            )
    return boxes


def _boxes(box: Any) -> list[Target]:
    return [Target(box_xyxy=one) for one in checked_boxes(box)]


def _masks(mask: Any) -> list[Target]:
    masks = _tensor(mask, 'mask')
    if masks.dim() not in (2, 3) or not masks.numel():
        raise ValueError(
            'mask must be (height, width), or (n, height, width) for n targets; got '
            f'the shape {tuple(masks.shape)}.'
        )
    return [Target(mask=m.bool()) for m in masks.reshape(-1, *masks.shape[-2:])]


def _tensor(values: Any, name: str) -> torch.Tensor:
    """A copy, so that later changes of what was given change nothing here."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().clone()
    try:
        return torch.tensor(np.asarray(values))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{name} must be made of numbers, got {values!r}.') from error


def checked_frame(frame: Any) -> tuple[int, int]:
    """Height and width of a frame.

    Raises:
        ValueError: If it is not (height, width, 3) uint8.
    """
    if not isinstance(frame, np.ndarray):
        raise ValueError(
            f'A frame must be a numpy array (height, width, 3), got '
            f'{type(frame).__name__}. (Readers give None at the end of a video, or '
            'where a frame is broken.)'
        )
    if frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise ValueError(
            f'A frame must be (height, width, 3), got the shape {frame.shape}.'
        )
    if frame.dtype != np.uint8:
        raise ValueError(f'A frame must be uint8 in 0..255, got {frame.dtype}.')
    return frame.shape[:2]
