"""The visualizer: what was asked for, what is there, and what was found.

Last in the flow. ``DetVisualizationHook`` (``tools/test.py --show-dir``) hands it the
original picture and the data sample that left the predictor.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.dist import master_only
from mmengine.structures import InstanceData

from uninext.registry import VISUALIZERS
from uninext.structures import Prompt
from uninext.visualization.drawing import (
    DrawingScale,
    add_caption,
    instance_color,
    pad_to_height,
    paint_box,
    paint_labels,
    paint_mask,
)

MAX_NAME_LENGTH = 48  # characters of a sentence that go into a file name


@VISUALIZERS.register_module()
class UninextVisualizer(DetLocalVisualizer):
    """mmdet's visualizer for samples that carry a prompt.

    What differs: labels are the words of ``data_sample.prompt`` (``classes`` of the
    dataset where a sample has no prompt); a sentence is written above the picture,
    its best answer is drawn whatever its score, and its picture gets a file of its
    own; masks have outlines; line widths and letters suit the picture's size; colours
    belong to labels (to ``instances_id`` where there are track ids) and never change;
    nothing goes through a matplotlib figure.

    Args:
        name: Of the visualizer.
        vis_backends: As in mmdet.
        save_dir: As in mmdet.
        alpha: Opacity of masks in [0, 1].

    Raises:
        ValueError: If ``alpha`` is outside [0, 1].
    """

    def __init__(
        self,
        name: str = 'visualizer',
        vis_backends: list[dict] | None = None,
        save_dir: str | None = None,
        alpha: float = 0.45,
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha must be in [0, 1], got {alpha}.')
        super().__init__(
            name=name, vis_backends=vis_backends, save_dir=save_dir, alpha=alpha
        )

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: DetDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        pred_score_thr: float = 0.3,
        step: int = 0,
    ) -> None:
        """Draw a sample; show it, write it to a file, or hand it to the backends.

        Ground truth and predictions stand side by side where both are drawn. The
        result is also what :meth:`get_image` returns.

        Args:
            name: Of the window, or of the picture in the backends.
            image: (H, W, 3) RGB; boxes and masks must be in its frame.
            data_sample: Draws the picture alone if None.
            draw_gt: Whether to draw ``gt_instances``.
            draw_pred: Whether to draw ``pred_instances``.
            show: Whether to open a window.
            wait_time: Seconds to show it; 0 is for ever.
            out_file: Path to write to. The words of a sentence are put into its name,
                because several sentences ask about one picture.
            pred_score_thr: Predictions below are left out, except the best answer to
                a sentence.
            step: Of the backends.
        """
        image = np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
        prompt = None
        panels = []
        if data_sample is not None:
            data_sample = data_sample.cpu()
            prompt = data_sample.prompt if 'prompt' in data_sample else None
            if draw_gt and 'gt_instances' in data_sample:
                truth = self._draw(image, data_sample.gt_instances, prompt)
                panels.append(('truth', truth))
            if draw_pred and 'pred_instances' in data_sample:
                chosen = _choose(data_sample.pred_instances, prompt, pred_score_thr)
                panels.append(('found', self._draw(image, chosen, prompt)))
        drawn = _arrange(panels or [('', image)], prompt)
        self._drawn = drawn
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(drawn[..., ::-1], _file_of(out_file, data_sample, prompt))
        else:
            self.add_image(name, drawn, step)

    @master_only
    def get_image(self) -> np.ndarray:
        """The picture drawn last, (H, W, 3) uint8 RGB."""
        drawn = getattr(self, '_drawn', None)
        return super().get_image() if drawn is None else drawn

    @master_only
    def set_image(self, image: np.ndarray) -> None:
        """Start from another picture, for mmengine's own drawing functions."""
        self._drawn = None
        super().set_image(image)

    def _draw(
        self, image: np.ndarray, instances: InstanceData, prompt: Prompt | None
    ) -> np.ndarray:
        """Paint instances on a copy of the picture; masks, boxes, then labels."""
        drawn = image.copy()
        if len(instances) == 0:
            return drawn
        scale = DrawingScale.of(*image.shape[:2])
        by = 'instances_id' if 'instances_id' in instances else 'labels'
        colors = [instance_color(int(index)) for index in instances[by]]
        masks = _masks_of(instances)
        if masks is not None:
            # The best come first and are painted last, on top.
            for mask, color in list(zip(masks, colors))[::-1]:
                paint_mask(drawn, mask, color, self.alpha, scale.line_width)
        boxes = _boxes_of(instances, masks)
        for box, color in list(zip(boxes, colors))[::-1]:
            paint_box(drawn, box, color, scale.line_width)
        texts = self._label_texts(instances, prompt)
        return paint_labels(drawn, boxes, texts, colors, scale.font_size)

    def _label_texts(self, instances: InstanceData, prompt: Prompt | None) -> list[str]:
        """Name and score of every instance; a sentence stands above the picture."""
        if prompt is not None:
            names: Sequence[str] | None = prompt.names
        elif isinstance(self.dataset_meta, dict):
            names = self.dataset_meta.get('classes')
        else:
            names = None  # the sets of a ConcatDataset differ in their classes
        texts = []
        for i, label in enumerate(instances.labels.tolist()):
            parts = []
            if 'instances_id' in instances:
                parts.append(f'#{int(instances.instances_id[i])}')
            if prompt is None or not prompt.pooled:
                parts.append(names[label].strip() if names else f'class {label}')
            if 'scores' in instances:
                parts.append(f'{float(instances.scores[i]):.2f}')
            texts.append(' '.join(parts))
        return texts


def _choose(
    instances: InstanceData, prompt: Prompt | None, score_thr: float
) -> InstanceData:
    """Predictions to draw, best first; (0) where there are none."""
    if 'scores' not in instances or len(instances) == 0:
        return instances
    order = instances.scores.argsort(descending=True)
    count = int((instances.scores > score_thr).sum())
    if prompt is not None and prompt.pooled:
        count = max(count, 1)
    return instances[order[:count]]


def _arrange(panels: list[tuple[str, np.ndarray]], prompt: Prompt | None) -> np.ndarray:
    """Put panels side by side, under the sentence and their titles."""
    font_size = DrawingScale.of(*panels[0][1].shape[:2]).font_size
    sentence = f'"{prompt.names[0]}"' if prompt is not None and prompt.pooled else ''
    captioned = []
    for title, picture in panels:
        words = [title] if len(panels) > 1 else []
        if sentence and not captioned:
            words.append(sentence)
        text = ': '.join(words)
        captioned.append(add_caption(picture, text, font_size) if text else picture)
    height = max(len(picture) for picture in captioned)
    return np.concatenate([pad_to_height(p, height) for p in captioned], axis=1)


def _masks_of(instances: InstanceData) -> np.ndarray | None:
    """(N, H, W) bool, or None where there are no masks."""
    if 'masks' not in instances:
        return None
    masks: Any = instances.masks
    if isinstance(masks, torch.Tensor):
        return masks.numpy().astype(bool)
    if isinstance(masks, np.ndarray):
        return masks.astype(bool)
    return masks.to_ndarray().astype(bool)  # mmdet's bitmaps and polygons


def _boxes_of(instances: InstanceData, masks: np.ndarray | None) -> np.ndarray:
    """(N, 4) xyxy; around the masks where there are no boxes."""
    if 'bboxes' in instances:
        boxes = instances.bboxes
        return getattr(boxes, 'tensor', boxes).numpy()
    if masks is None:
        raise ValueError('Instances have neither bboxes nor masks: nothing to draw.')
    boxes = np.zeros((len(masks), 4))
    for i, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        if len(rows):
            boxes[i] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return boxes


def _file_of(
    out_file: str, data_sample: DetDataSample | None, prompt: Prompt | None
) -> str:
    """Insert record id and words of a sentence into a file name."""
    if prompt is None or not prompt.pooled or data_sample is None:
        return out_file
    words = re.sub(r'[^a-z0-9]+', '-', prompt.text.lower()).strip('-')
    if len(words) > MAX_NAME_LENGTH or not words:
        digest = f'{zlib.crc32(prompt.names[0].encode()):08x}'
        words = f'{words[:MAX_NAME_LENGTH]}-{digest}'.strip('-')
    path = Path(out_file)
    parts = [path.stem, str(data_sample.get('img_id', '')), words]
    return str(path.with_name('_'.join(p for p in parts if p) + path.suffix))
