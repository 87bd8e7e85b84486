"""What users give to a session, checked and brought to one form.

Categories, expressions, boxes, masks and frames become prompts and targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from uninext.structures import Prompt, Target, parse_categories

MAX_LABELS = 64  # targets of one mask; more are taken for grey tones
UNKNOWN_LABEL = 255  # of benchmarks: pixels that are not known
NUM_LISTED = 6  # numbers that an error names
MIN_SIDE = 4  # pixels of a frame; fewer show nothing
MAX_RATIO = 100  # of the sides of a frame; resized, one would vanish


def prompts_of(
    prompt: Any,
    categories: Any,
    expression: Any,
    box: Any,
    mask: Any,
    shown_in: Any = None,
) -> list[Prompt | Target]:
    """Prompts and targets of what was given to :meth:`VideoSession.add`.

    Raises:
        ValueError: If nothing or several objects are given, one is empty or of another
            type, or an image is given that shows none.
    """
    given = [x for x in (prompt, categories, expression, box, mask) if x is not None]
    if len(given) != 1:
        raise ValueError(
            'add() takes one of categories=..., expression=..., box=..., mask=..., or '
            f'a prompt; got {len(given)} of them.'
        )
    if shown_in is not None:
        check_shown_in(shown_in, box, mask)
    if isinstance(prompt, (Prompt, Target)):
        return [prompt]
    if isinstance(prompt, str):
        expression = prompt
    elif prompt is not None:
        if not isinstance(prompt, (list, tuple, set)) or not all(
            isinstance(name, str) for name in prompt
        ):
            raise ValueError(
                'A prompt must be an expression, a list of strings, a Prompt or a '
                'Target. Give a box as box=..., a mask as mask=...; got '
                f'{prompt!r:.80}.'
            )
        categories = prompt
    if categories is not None:
        return [Prompt.from_categories(parse_categories(categories))]
    if expression is not None:
        if not isinstance(expression, str):
            raise ValueError(
                f'An expression must be a string, got {type(expression).__name__}. Add '
                'several one by one.'
            )
        return [Prompt.from_expression(expression)]
    return _boxes(box, shown_in) if box is not None else _masks(mask, shown_in)


def check_shown_in(shown_in: Any, box: Any, mask: Any) -> None:
    """Raise ``ValueError`` if it is no image, or nothing is shown in it."""
    if box is None and mask is None:
        raise ValueError(
            'shown_in is another image that shows a target: give its box=... or '
            'mask=... in that image besides.'
        )
    try:
        checked_frame(shown_in)
    except ValueError as error:
        raise ValueError(f'shown_in is no image. {error}') from error


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


def _boxes(box: Any, shown_in: np.ndarray | None) -> list[Target]:
    return [Target(one, shown_in=shown_in) for one in checked_boxes(box)]


def _masks(mask: Any, shown_in: np.ndarray | None) -> list[Target]:
    masks = _tensor(mask, 'mask')
    if masks.dim() not in (2, 3) or not masks.numel():
        raise ValueError(
            'mask must be (height, width), or (n, height, width) for n targets; got '
            f'the shape {tuple(masks.shape)}.'
        )
    values = (masks.double() if masks.is_floating_point() else masks).numpy()
    masks = masks_of_numbers(values)
    return [Target(mask=torch.from_numpy(m), shown_in=shown_in) for m in masks]


def masks_of_numbers(values: np.ndarray) -> np.ndarray:
    """Tell the targets of a mask apart.

    Args:
        values: (H, W): of bool one target, of whole numbers a target for each number
            but 0. (n, H, W): one target each.

    Returns:
        (n, H, W) bool, a copy, in the order of the numbers.

    Raises:
        ValueError: If numbers are not whole, not finite or negative, or it is not
            clear which targets they mean; it says what to pass.
    """
    masks = values.reshape(-1, *values.shape[-2:])
    if values.dtype == bool:
        return masks.copy()
    if not np.isfinite(values).all():
        raise ValueError('mask holds nan or infinite numbers. Give a mask of bool.')
    if (values != np.floor(values)).any():
        raise ValueError(
            f'mask holds numbers that are not whole, in {values.min():g}..'
            f'{values.max():g}. Give a mask of bool: mask > 0.5, or another threshold.'
        )
    labels = [np.unique(mask[mask != 0]) for mask in masks]
    if values.ndim == 3 and any(len(own) > 1 for own in labels):
        raise ValueError(
            'mask (n, height, width) is one target for each of n, and one of them '
            f'holds several numbers: {_listed(max(labels, key=len))}. Give n masks of '
            'bool, or a map (height, width) of the numbers of its targets.'
        )
    for own in labels:
        _check_labels(own, values.dtype)
    if len(labels) > 1 or len(labels[0]) < 2:
        return masks != 0
    return values == labels[0][:, None, None]


def _check_labels(labels: np.ndarray, dtype: np.dtype) -> None:
    """Whether numbers besides 0 are those of targets."""
    if len(labels) and (labels[0] < 0 or len(labels) > MAX_LABELS):
        raise ValueError(
            f'mask holds {len(labels)} numbers or colours: {_listed(labels)}. Numbers '
            f'of targets are 1 and more, of {MAX_LABELS} targets at most; of grey '
            'tones give a mask of bool, mask >= 128.'
        )
    if dtype == np.uint8 and len(labels) > 1 and labels[-1] == UNKNOWN_LABEL:
        raise ValueError(
            f'mask holds the numbers {_listed(labels)}. {UNKNOWN_LABEL} may be white '
            'of grey tones, or stand for pixels that are not known: give mask >= 128 '
            f'for the first, set {UNKNOWN_LABEL} to 0 for the second.'
        )


def _listed(labels: np.ndarray) -> str:
    """The first few numbers, and the last."""
    if len(labels) <= NUM_LISTED:
        return ', '.join(f'{label:g}' for label in labels)
    return f'{_listed(labels[: NUM_LISTED - 1])}, ..., {labels[-1]:g}'


def _tensor(values: Any, name: str) -> torch.Tensor:
    """A copy, so that later changes of what was given change nothing here."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().clone()
    try:
        return torch.tensor(np.asarray(values))
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f'{name} must be made of numbers, got {values!r}.') from error


def checked_frame(frame: Any) -> tuple[int, int]:
    """Height and width of a frame.

    Raises:
        ValueError: If it is not (height, width, 3) uint8, or too small or too thin to
            show anything.
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
    height, width = frame.shape[:2]
    shorter, longer = sorted((height, width))
    if shorter < MIN_SIDE or longer > MAX_RATIO * shorter:
        raise ValueError(
            f'An image of {width} x {height} pixels (width x height) shows nothing: '
            f'{MIN_SIDE} x {MIN_SIDE} are needed, and one side may be {MAX_RATIO} '
            'times as long as the other at most.'
        )
    return height, width
