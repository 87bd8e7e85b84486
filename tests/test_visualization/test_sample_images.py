from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt
from uninext.visualization import draw_sample
from uninext.visualization.palette import instance_color

NAMES = Prompt.from_categories(['dog', 'cat'])


def sample(ids, prompt=NAMES, size=(40, 60), masks=False, **meta) -> UninextDataSample:
    boxes = torch.tensor([[20.0, 10.0, 50.0, 35.0]] * len(ids)).reshape(-1, 4)
    instances = InstanceData(
        bboxes=HorizontalBoxes(boxes),
        labels=torch.zeros(len(ids), dtype=torch.int64),
        instances_ids=torch.tensor(ids, dtype=torch.int64),
    )
    if masks:
        bitmaps = np.zeros((len(ids), *size), np.uint8)
        bitmaps[:, 10:35, 20:50] = 1
        instances.masks = BitmapMasks(bitmaps, *size)
    return UninextDataSample(prompt=prompt, gt_instances=instances, metainfo=meta)


def image(size=(40, 60), bgr=(200, 0, 0)):
    return torch.tensor(bgr, dtype=torch.uint8)[:, None, None].repeat(1, *size)


def has(drawn, color) -> bool:
    return bool((drawn == np.array(color)).all(-1).any())


def test_no_object():
    drawn = draw_sample(dict(inputs=image(), data_samples=sample([])))
    assert drawn.shape[0] > 40  # the caption
    assert drawn.shape[1:] == (60, 3)
    assert (drawn[-40:] == (0, 0, 200)).all()  # RGB


@pytest.mark.parametrize('masks', [False, True])
def test_an_object_has_one_colour_in_both_frames(masks):
    key = sample([4], masks=masks, frame_id=2)
    key.reference = sample([4, 9], size=(50, 30), frame_id=7)
    packed = dict(inputs=image(), reference_inputs=image((50, 30)), data_samples=key)
    drawn = draw_sample(packed)
    assert drawn.shape[1] == 90
    assert has(drawn[:, :60], instance_color(4))
    assert not has(drawn[:, :60], instance_color(9))
    assert has(drawn[:, 60:], instance_color(9))
    if masks:
        assert not (drawn[-10, 35] == (0, 0, 200)).all()  # tinted inside


def test_template_stands_beside_the_frame():
    frame = torch.zeros(3, 40, 40)
    box = torch.tensor([30.0, 10.0, 39.0, 20.0])
    prompt = VisualPrompt((Template.from_frame(frame, box, size=64),))
    drawn = draw_sample(dict(inputs=image(), data_samples=sample([1], prompt)))
    assert drawn.shape[1] == 60 + 64
    template = drawn[-64:, 60:]
    assert template[32, 32, 0] > 50  # the target is red
    assert template[32, -1, 2] > 50  # outside the frame is blue


def test_long_prompts_are_cut():
    many = Prompt.from_categories([f'class number {i}' for i in range(300)])
    short = draw_sample(dict(inputs=image(), data_samples=sample([])))
    long = draw_sample(dict(inputs=image(), data_samples=sample([], many)))
    assert len(short) < len(long) < 40 + 80
