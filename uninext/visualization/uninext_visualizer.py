"""The visualizer: what was asked for, what is there, and what was found.

Last in the flow. ``DetVisualizationHook`` (``tools/test.py --show-dir``) hands it the
original image and the data sample that left the predictor.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mmcv
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import mask2bbox
from mmdet.visualization import DetLocalVisualizer
from mmengine.dist import master_only
from mmengine.structures import InstanceData

from uninext.registry import VISUALIZERS
from uninext.structures import Prompt
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.visualization.drawing import MASK_OPACITY, DrawingScale, draw_instances
from uninext.visualization.labels import label_text
from uninext.visualization.lettering import add_caption, side_by_side
from uninext.visualization.palette import instance_color, track_color

MAX_NAME_LENGTH = 48  # characters of an expression that go into a file name
TRACK_FIELDS = ('instances_ids', 'instances_id')  # ours, and mmdet's


@VISUALIZERS.register_module()
class UninextVisualizer(DetLocalVisualizer):
    """mmdet's visualizer for samples that carry a prompt.

    What differs: labels are the words of ``data_sample.prompt`` (``classes`` of the
    dataset where a sample has no prompt); an expression is written above the image,
    its best prediction is drawn whatever its score, and its image gets a file of its
    own; frames of a video get a folder of theirs; masks have outlines; line widths and
    letters suit the image's size; colours belong to labels (to ``instances_ids``
    where there are tracks) and never change; nothing goes through a matplotlib figure.
    ``alpha`` is the opacity of masks in [0, 1]; the other arguments are mmdet's.

    Raises:
        ValueError: If ``alpha`` is outside [0, 1].
    """

    def __init__(
        self,
        name: str = 'visualizer',
        vis_backends: list[dict] | None = None,
        save_dir: str | None = None,
        alpha: float = MASK_OPACITY,
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
        pred_score_thr: float = SCORE_THRESHOLD,
        step: int = 0,
    ) -> None:
        """Draw a sample; show it, write it to a file, or hand it to the backends.

        Ground truth and predictions stand side by side where both are drawn. The
        result is also what :meth:`get_image` returns. Arguments are those of mmdet; the
        words of an expression are put into the name of ``out_file``, because several
        expressions ask about one image, and its best prediction is drawn below
        ``pred_score_thr`` too.
        """
        image = np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
        asked = _Asked.of(data_sample)
        panels = []
        if data_sample is not None:
            data_sample = data_sample.cpu()
            if draw_gt and 'gt_instances' in data_sample:
                ground_truth = self._draw(image, data_sample.gt_instances, asked)
                panels.append(('ground truth', ground_truth))
            if draw_pred and 'pred_instances' in data_sample:
                found = data_sample.pred_instances
                chosen = _choose(found, bool(asked.expression), pred_score_thr)
                panels.append(('predictions', self._draw(image, chosen, asked)))
        drawn = _arrange(panels or [('', image)], asked.expression)
        self._drawn = drawn
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(
                drawn[..., ::-1], _file_of(out_file, data_sample, asked.expression)
            )
        else:
            self.add_image(name, drawn, step)

    @master_only
    def get_image(self) -> np.ndarray:
        """The image drawn last, (H, W, 3) uint8 RGB."""
        drawn = getattr(self, '_drawn', None)
        return super().get_image() if drawn is None else drawn

    @master_only
    def set_image(self, image: np.ndarray) -> None:
        """Start from another image, for mmengine's own drawing functions."""
        self._drawn = None
        super().set_image(image)

    def _draw(
        self, image: np.ndarray, instances: InstanceData, asked: _Asked
    ) -> np.ndarray:
        """Paint instances on a copy of the image."""
        if len(instances) == 0:
            return image.copy()
        tracks = _tracks_of(instances)
        if tracks is None:
            colors = [instance_color(label) for label in instances.labels.tolist()]
        else:
            colors = [track_color(track) for track in tracks]
        masks = _masks_of(instances)
        boxes = _boxes_of(instances, masks)
        texts = self._label_texts(instances, asked)
        return draw_instances(image, boxes, texts, colors, masks, self.alpha)

    def _label_texts(self, instances: InstanceData, asked: _Asked) -> list[str]:
        """Track, name and score; an expression stands above the image."""
        names: Sequence[str] | None = asked.names
        if names is None and isinstance(self.dataset_meta, dict):
            # not so with a ConcatDataset, whose sets differ in their classes
            names = self.dataset_meta.get('classes')
        count = len(instances)
        labels = instances.labels.tolist()
        tracks = _tracks_of(instances) or [None] * count
        scores = instances.scores.tolist() if 'scores' in instances else [None] * count
        if asked.expression:
            words = [''] * count
        else:
            words = [names[label] if names else f'class {label}' for label in labels]
        return [label_text(*texts) for texts in zip(words, scores, tracks)]


class _Asked(NamedTuple):
    """What a sample asks.

    Attributes:
        names: What its labels mean; None where the dataset says it.
        expression: About one object; empty otherwise.
    """

    names: Sequence[str] | None
    expression: str

    @classmethod
    def of(cls, data_sample: DetDataSample | None) -> _Asked:
        prompt = None if data_sample is None else data_sample.get('prompt')
        if isinstance(prompt, Prompt):
            return cls(prompt.names, prompt.names[0] if prompt.pooled else '')
        if prompt is not None:  # a target that is shown
            return cls(prompt.names, '')
        expression = '' if data_sample is None else data_sample.get('expression')
        return cls(None, expression or '')


def _choose(instances: InstanceData, keep_best: bool, score_thr: float) -> InstanceData:
    """Predictions to draw, best first; (0) where there are none."""
    if 'scores' not in instances or len(instances) == 0:
        return instances
    order = instances.scores.argsort(descending=True)
    count = int((instances.scores > score_thr).sum())
    return instances[order[: max(count, 1) if keep_best else count]]


def _tracks_of(instances: InstanceData) -> list[int] | None:
    """Ids of tracks, where there are some."""
    for field in TRACK_FIELDS:
        if field in instances:
            return instances[field].tolist()
    return None


def _arrange(panels: list[tuple[str, np.ndarray]], expression: str) -> np.ndarray:
    """Put panels side by side, under the expression and their titles."""
    font_size = DrawingScale.of(*panels[0][1].shape[:2]).font_size
    expression = expression and f'"{expression}"'
    captioned = []
    for title, image in panels:
        words = [title] if len(panels) > 1 else []
        if expression and not captioned:
            words.append(expression)
        text = ': '.join(words)
        captioned.append(add_caption(image, text, font_size) if text else image)
    return side_by_side(captioned)


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
    return mask2bbox(torch.from_numpy(masks)).numpy()


def _file_of(out_file: str, data_sample: DetDataSample | None, expression: str) -> str:
    """Insert a video's folder, a record's id and words of an expression."""
    if data_sample is None:
        return out_file
    path = Path(out_file)
    video = data_sample.get('video_name')
    if video:
        path = path.parent / _slug(str(video)) / path.name
    if expression:
        words = _slug(expression)
        if len(words) > MAX_NAME_LENGTH or not words:
            digest = f'{zlib.crc32(expression.encode()):08x}'
            words = f'{words[:MAX_NAME_LENGTH]}-{digest}'.strip('-')
        parts = [path.stem, str(data_sample.get('img_id', '')), words]
        path = path.with_name('_'.join(p for p in parts if p) + path.suffix)
    return str(path)


def _slug(text: str) -> str:
    """Letters and numbers of a text, for file names."""
    return re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')
