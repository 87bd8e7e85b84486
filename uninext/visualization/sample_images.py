"""Draw samples as the network gets them: to look at what augmentation made of them.

Packed samples in, images (H, W, 3) uint8 RGB out.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch

from uninext.structures import Template, UninextDataSample, VisualPrompt
from uninext.visualization.drawing import DrawingScale, draw_instances
from uninext.visualization.labels import label_text
from uninext.visualization.lettering import add_caption, side_by_side
from uninext.visualization.palette import instance_color

ALPHA = 0.4
PRIOR_COLOR, PADDING_COLOR = (255, 60, 60), (40, 60, 160)
MANY_NAMES = 8  # a caption says how many there are


def draw_sample(packed: dict[str, Any]) -> np.ndarray:
    """Draw the key frame and, to its right, the reference frame or the template.

    Instances have the colour of their id, so that an object has one colour in both
    frames; the caption is the prompt.

    Args:
        packed: What ``PackUninextInputs`` or ``PackClipInputs`` makes; BGR.
    """
    sample = packed['data_samples']
    panels = [_draw_frame(packed['inputs'], sample)]
    if 'reference' in sample:
        panels.append(_draw_frame(packed['reference_inputs'], sample.reference))
    if isinstance(sample.prompt, VisualPrompt):
        panels += [_draw_template(template) for template in sample.prompt.templates]
    return side_by_side(panels)


def _draw_frame(image: torch.Tensor, sample: UninextDataSample) -> np.ndarray:
    drawn = _image(image)
    scale = DrawingScale.of(*drawn.shape[:2])
    instances = sample.gt_instances
    boxes = getattr(instances.bboxes, 'tensor', instances.bboxes).numpy()
    labels = instances.labels.tolist()
    ids = instances.get('instances_ids', torch.arange(len(boxes))).tolist()
    colors = [instance_color(abs(index)) for index in ids]
    masks = instances.masks.masks.astype(bool) if 'masks' in instances else None
    # an expression stands above the image already
    names = [''] if sample.prompt.pooled else sample.prompt.names
    texts = [label_text(names[k], track=i) for i, k in zip(ids, labels)]
    drawn = draw_instances(drawn, boxes, texts, colors, masks, ALPHA)
    return add_caption(drawn, _caption(sample), scale.font_size)


def _draw_template(template: Template) -> np.ndarray:
    drawn = _image(template.image).astype(np.float32)
    for weight, color in (
        (template.padding, PADDING_COLOR),
        (template.prior, PRIOR_COLOR),
    ):
        opacity = ALPHA * weight.numpy()[..., None]
        drawn = drawn * (1 - opacity) + np.array(color) * opacity
    return add_caption(
        drawn.astype(np.uint8), 'template', DrawingScale.of(*drawn.shape[:2]).font_size
    )


def _image(image: torch.Tensor) -> np.ndarray:
    """(3, H, W) BGR -> (H, W, 3) RGB, of its own memory."""
    bgr = image.clamp(0, 255).permute(1, 2, 0).to(torch.uint8).numpy()
    return cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2RGB)


def _caption(sample: UninextDataSample) -> str:
    names = sample.prompt.names
    text = ', '.join(names)
    if len(names) > MANY_NAMES:
        text = f'{len(names)} names: {text}'
    frame = sample.metainfo.get('frame_id')
    return text if frame is None else f'[{frame}] {text}'
