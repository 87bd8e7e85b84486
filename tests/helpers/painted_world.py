"""A world of coloured rectangles, and a model that finds them by their colour.

The model looks at the pixels of the frame and of templates alone, so that whatever a
session remembers or confuses shows in its results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmdet.models.detectors import BaseDetector
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from torch import Tensor, nn

from uninext.models.detectors import UNINEXT
from uninext.models.detectors.passes import PromptRow
from uninext.models.ops import FoldedNorm
from uninext.models.predictors import InstancePredictor, RowOutputs
from uninext.models.speed_options import SpeedOptions
from uninext.structures import Prompt, VisualPrompt

COLORS = dict(red=(40, 40, 250), green=(40, 250, 40), blue=(250, 40, 40))
COLORS.update(yellow=(40, 250, 250), pink=(250, 40, 250))
HIGH, LOW = 0.9, 0.02
HEIGHT, WIDTH = 64, 128
INK = 8.0  # logit inside of a mask
Pyramid = tuple[tuple[int, int], dict[str, list[int] | None]]


def frame(
    size_hw: tuple[int, int] = (HEIGHT, WIDTH),
    **boxes_xyxy: Sequence[int],
) -> np.ndarray:
    """(H, W, 3) uint8: a black frame with ``color=(x1, y1, x2, y2)`` rectangles."""
    image = np.zeros((*size_hw, 3), np.uint8)
    for color, (x1, y1, x2, y2) in boxes_xyxy.items():
        image[y1:y2, x1:x2] = COLORS[color]
    return image


def box_mask(box: Sequence[int], size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> Tensor:
    """(H, W) bool, True in the box."""
    mask = torch.zeros(size_hw, dtype=torch.bool)
    x1, y1, x2, y2 = box
    mask[y1:y2, x1:x2] = True
    return mask


def painted(
    box: Sequence[int], size_hw: tuple[int, int] = (HEIGHT, WIDTH), corner: int = 1
) -> Tensor:
    """The mask that is made of a box: without its corners, but for the frame's.

    Args:
        box: xyxy, multiples of 4 pixels of the network's input.
        size_hw: Size of the mask.
        corner: Reported pixels a pixel of the network's input.
    """
    mask = box_mask(box, size_hw)
    x1, y1, x2, y2 = box
    height, width = size_hw
    for x in [x1] * (x1 > 0) + [x2 - corner] * (x2 < width):
        for y in [y1] * (y1 > 0) + [y2 - corner] * (y2 < height):
            mask[y : y + corner, x : x + corner] = False
    return mask


def row_outputs(
    scores: Sequence[Sequence[float]],
    boxes: Sequence[Sequence[float]],
    embeds: Sequence[Sequence[float]] | None = None,
    ious: Sequence[float] | None = None,
    label_offset: int = 0,
    pooled: bool = False,
    size_hw: tuple[int, int] = (HEIGHT, WIDTH),
) -> RowOutputs:
    """Queries with these scores of the names (Q, K) and boxes xyxy in pixels."""
    height, width = size_hw
    logits = torch.tensor(scores).float().logit()
    boxes = torch.tensor(boxes).float() / torch.tensor([width, height] * 2)
    cxcywh = bbox_xyxy_to_cxcywh(boxes)
    return RowOutputs(
        logits=logits,
        ious=None if ious is None else torch.tensor(ious).logit()[:, None],
        boxes_cxcywh=cxcywh,
        positive_map=torch.eye(logits.shape[1]).bool(),
        query=boxes,
        centres_xy=cxcywh[:, :2],
        label_offset=label_offset,
        pooled=pooled,
        mask_feat=torch.zeros(1, -(-height // 8), -(-width // 8)),
        embeds=None if embeds is None else torch.tensor(embeds).float(),
    )


class PaintedBoxes(nn.Module):
    """Masks that are the boxes kept in the queries; see :func:`painted`."""

    def __init__(self) -> None:
        super().__init__()
        self.centres: list[Tensor] = []

    def forward(self, query: Tensor, centres_xy: Tensor, mask_feat: Tensor) -> Tensor:
        self.centres.append(centres_xy)
        height, width = (2 * s for s in mask_feat.shape[-2:])
        y = (torch.arange(height) + 0.5)[:, None] / height
        x = (torch.arange(width) + 0.5)[None] / width
        x1, y1, x2, y2 = query[:, :, None, None].unbind(1)
        return torch.where((x > x1) & (x < x2) & (y > y1) & (y < y2), INK, -INK)


class NoPreprocessing(nn.Module):
    """Frames as they are."""

    test_pad_size_divisor = 1

    def forward(self, data: dict, training: bool) -> dict:
        assert not training
        return dict(data, inputs=torch.stack(data['inputs']).float())


class ColorModel(UNINEXT):
    """The door of UNINEXT with another network behind: one query a colour.

    A name or expression means the colours whose words are in it; ``thing`` means all.

    Args:
        with_masks: Whether there is a mask head.
        max_categories: A longer list of names is asked in parts.
        max_rows: Prompts that are asked together.
    """

    def __init__(
        self, with_masks: bool = True, max_categories: int = 99, max_rows: int = 99
    ) -> None:
        BaseDetector.__init__(self)  # no network
        self._folded_norm = FoldedNorm()
        self.speed = SpeedOptions()
        self.level_embed = nn.Parameter(torch.zeros(1))
        self.mask_head = PaintedBoxes() if with_masks else None
        self.data_preprocessor = NoPreprocessing()
        self.predictor = InstancePredictor(with_iou=False)
        self.max_categories, self.max_rows = max_categories, max_rows
        self.num_features = 0
        self.row_counts: list[int] = []
        self.modes: list[bool] = []

    def extract_feat(self, inputs: Tensor) -> Tensor:
        self.num_features += 1
        self.modes.append(self.training)
        return inputs

    def build_pyramid(self, levels: Tensor, samples: list) -> Pyramid:
        size_hw = tuple(levels.shape[-2:])
        assert tuple(samples[0].img_shape) == size_hw
        return size_hw, {c: _where(levels[0], value) for c, value in COLORS.items()}

    def passes(
        self, prompts: Sequence[Prompt | VisualPrompt], max_rows: int | None = None
    ) -> list[list[PromptRow]]:
        rows: dict[object, list[PromptRow]] = {}
        for item, prompt in enumerate(prompts):
            parts = [(prompt, 0)]
            if len(prompt) > self.max_categories:
                parts = [
                    (
                        Prompt.from_categories(
                            prompt.names[i : i + self.max_categories]
                        ),
                        i,
                    )
                    for i in range(0, len(prompt), self.max_categories)
                ]
            mine = rows.setdefault((type(prompt), prompt.pooled), [])
            mine.extend(PromptRow(item, *part) for part in parts)
        step = max_rows or self.max_rows
        return [
            group[i : i + step]
            for group in rows.values()
            for i in range(0, len(group), step)
        ]

    def find(
        self,
        pyramid: Pyramid,
        rows: Sequence[PromptRow],
        images: Sequence[int],
        with_masks: bool = True,
        with_embeds: bool = False,
    ) -> list[RowOutputs]:
        assert list(images) == [0] * len(rows)
        self.row_counts.append(len(rows))
        return [self._find(pyramid, row, with_embeds) for row in rows]

    def _find(self, pyramid: Pyramid, row: PromptRow, with_embeds: bool) -> RowOutputs:
        size_hw, boxes = pyramid
        names = row.prompt.names
        if isinstance(row.prompt, VisualPrompt):
            names = (_template_color(row.prompt),)
        scores = [
            [HIGH if boxes[c] and _means(name, c) else LOW for name in names]
            for c in COLORS
        ]
        return row_outputs(
            scores,
            [boxes[c] or (0, 0, 8, 8) for c in COLORS],
            embeds=(torch.eye(len(COLORS)) * 9).tolist() if with_embeds else None,
            label_offset=row.label_offset,
            pooled=row.prompt.pooled,
            size_hw=size_hw,
        )


def _means(name: str, color: str) -> bool:
    return color in name or 'thing' in name


def _where(image: Tensor, value: Sequence[int]) -> list[int] | None:
    near = (image - torch.tensor(value)[:, None, None]).abs().amax(0) < 60
    if not near.any():
        return None
    rows, columns = near.any(1).nonzero()[:, 0], near.any(0).nonzero()[:, 0]
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def _template_color(prompt: VisualPrompt) -> str:
    """The colour that most of the newest template's target has; '' if there is none."""
    template = prompt.templates[-1]
    pixels = template.image[:, template.prior > 0.5].T  # (n, 3)
    colors: Mapping[str, float] = {
        color: float(((pixels - torch.tensor(value)).abs().amax(1) < 60).sum())
        for color, value in COLORS.items()
    }
    best = max(colors, key=colors.get)
    return best if colors[best] else ''
