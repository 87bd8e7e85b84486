"""What a network does on a device, step by step: images, frames, training steps.

Each work is a generator of a device. It yields nothing once the network is there, then
what each step found or lost. Weights and inputs are random, of a seed.

``PYTHONPATH=.:tests python -m helpers.work_of_a_device`` counts the waits anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from uninext.models.detectors import UNINEXTVideo
from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoInstanceTracker,
    VideoSession,
)
from uninext.structures import Prompt, TrackUpdate, VisualPrompt
from uninext.testing.device_waits import waits_by_room, waits_table
from uninext.testing.pretend_device import DEVICE, PretendDevice

from .doc_blocks import ROOT
from .small_uninext import (
    BOX_SUPERVISED,
    SIDE,
    build,
    names,
    sample,
    small_config,
    small_video_config,
    target,
)

Found = dict[str, Tensor]
Work = Callable[[torch.device], Iterator[Found]]
Asked = Prompt | Callable[[], VisualPrompt]
NUM_STEPS = 3
WAITS, PAGE = ROOT / 'docs/assets/device_waits.json', ROOT / 'docs/performance.md'
CATEGORIES = names('cat', 'dog', 'zebra')
EXPRESSION, OTHER = (
    Prompt.from_expression(text) for text in ('the red cat', 'a dog on the left')
)
FRAME_HW = (80, 100)
BOXES = [[10, 20, 40, 60], [50, 8, 90, 44]]
MERGED = dict(type='SoftAggregation')
RENEWED = dict(type='ConfidentTemplateUpdate', min_score=0.0)
# Of random weights scores are low and embeddings alike.
ALL_THAT_IS_FOUND = dict(
    select_score_thr=0.0,
    nms_iou_threshold=0.95,
    init_score_thr=0.0,
    match_score_thr=0.052,
)
TRACKERS: dict[str, dict[str, Any]] = {
    'mot': dict(
        category=PromptQuasiDenseTracker(
            **ALL_THAT_IS_FOUND,
            obj_score_thr=0.0,
            nms_class_iou_thr=0.95,
            with_cats=False,
            keep_lost=1,
        )
    ),
    'vis': dict(
        category=VideoInstanceTracker(
            **ALL_THAT_IS_FOUND,
            addnew_score_thr=0.0,
            nms_thr_pre=0.97,
            keep_lost=1,
            result_score_thr=0.0,
        )
    ),
    'rvos': dict(expression=ExpressionTracker()),
    'rvos_merged': dict(expression=ExpressionTracker(merge=MERGED)),
    'sot': dict(
        box=TemplateTracker(
            dict(type='PeriodicTemplateUpdate', interval=2, min_score=0.0),
            with_masks=False,
            template_size=SIDE,
        )
    ),
    'vos': dict(mask=TemplateTracker(RENEWED, MERGED, template_size=SIDE)),
    'vos_distinct': dict(
        mask=TemplateTracker(RENEWED, MERGED, distinct_iou=0.7, template_size=SIDE)
    ),
}
TRACKERS['all'] = {k: v for one in TRACKERS.values() for k, v in one.items()}
ASKED: dict[str, list[dict[str, Any]]] = {
    'category': [dict(categories='cat, dog, zebra')],
    'expression': [dict(expression='the red cat'), dict(expression='a dog')],
    'box': [dict(box=BOXES[0])],
    'mask': [dict(mask=True)],
}


def images(*prompts: Prompt) -> Work:
    """An image with several prompts."""

    def run(device: torch.device) -> Iterator[Found]:
        model = small_model().to(device)
        yield {}
        for _ in range(NUM_STEPS):
            inputs, asked = random_images(1), sample(prompts[0])
            asked.prompts = prompts
            with torch.no_grad():
                (found,) = model.test_step(dict(inputs=inputs, data_samples=[asked]))
            yield dict(found.pred_instances.items())

    return run


def frames(task: str) -> Work:
    """A video with what a task asks for."""

    def run(device: torch.device) -> Iterator[Found]:
        session = small_model().to(device).open(None, trackers=TRACKERS[task])
        ask(session, task)
        yield {}
        for frame in made_frames(NUM_STEPS):
            found = session.step(frame)
            yield {
                **dict(found.pred_instances.items()),
                **of_updates(found.track_updates),
            }
        yield of_updates(session.finish())

    return run


def training(changes: dict[str, Any], *prompts: Asked) -> Work:
    """Training steps of samples with these prompts, or with what makes them.

    Without any: clips of two frames.
    """

    def run(device: torch.device) -> Iterator[Found]:
        torch.manual_seed(0)
        in_video = not all(isinstance(prompt, Prompt) for prompt in prompts or [None])
        config = small_video_config if in_video else small_config
        model = build(config(**changes)).train().to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        wrapper = OptimWrapper(optimizer, clip_grad=dict(max_norm=1.0))
        norms = []
        optimizer.register_step_pre_hook(lambda *_: norms.append(gradient_norms(model)))
        yield {}
        for _ in range(NUM_STEPS):
            losses = model.train_step(batch(prompts), wrapper)
            yield {**losses, 'gradients': norms.pop()}

    return run


def batch(prompts: Sequence[Asked]) -> dict[str, Any]:
    """As a data loader gives it: of the host, three objects in each image."""
    asked = prompts or [CATEGORIES] * 2
    samples = [sample(p if isinstance(p, Prompt) else p(), 3) for p in asked]
    data = dict(inputs=random_images(len(samples)), data_samples=samples)
    if not prompts:
        data['reference_inputs'] = random_images(len(samples))
        for one in samples:
            one.reference = sample(CATEGORIES, 3)
            one.gt_instances.instances_ids = torch.arange(3)
            one.reference.gt_instances.instances_ids = torch.arange(3).flip(0)
    return data


def random_images(num: int) -> list[Tensor]:
    """(3, SIDE, SIDE) uint8 each."""
    return list(torch.randint(0, 255, (num, 3, SIDE, SIDE), dtype=torch.uint8))


def small_model() -> UNINEXTVideo:
    """For test; the same each time."""
    torch.manual_seed(0)
    return build(small_video_config()).eval()


def ask(session: VideoSession, task: str) -> None:
    """All that the trackers of a task can be asked for."""
    for kind in TRACKERS[task]:
        for prompt in ASKED[kind]:
            session.add(**(dict(mask=shown_masks()) if kind == 'mask' else prompt))


def of_updates(updates: list[TrackUpdate]) -> Found:
    """Results of tracks that ended; they are in main memory."""
    return {
        f'update_{i}_{name}': value
        for i, update in enumerate(updates)
        for name, value in update.results.items()
    }


def made_frames(num: int) -> list[np.ndarray]:
    """(height, width, 3) uint8 each: one image that moves."""
    image = np.random.default_rng(0).integers(0, 255, (*FRAME_HW, 3), np.uint8)
    return [np.roll(image, number, 1) for number in range(num)]


def shown_masks() -> np.ndarray:
    """(2, height, width) bool."""
    masks = np.zeros((len(BOXES), *FRAME_HW), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, BOXES):
        mask[y1:y2, x1:x2] = True
    return masks


def gradient_norms(model: nn.Module) -> Tensor:
    """(n,) of the parameters that have a gradient."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return torch.stack([gradient.norm() for gradient in gradients])


BOXES_ONLY = {**BOX_SUPERVISED, 'data_preprocessor': dict(with_color_similarity=True)}
WORKS: dict[str, Work] = {
    'image, categories': images(CATEGORIES),
    'image, an expression': images(EXPRESSION),
    'image, two expressions and categories': images(EXPRESSION, CATEGORIES, OTHER),
    'SOT frame': frames('sot'),
    'VOS frame, two targets': frames('vos'),
    'VOS frame, two targets, distinct': frames('vos_distinct'),
    'R-VOS frame, two expressions': frames('rvos'),
    'R-VOS frame, two expressions, merged': frames('rvos_merged'),
    'MOT frame': frames('mot'),
    'VIS frame': frames('vis'),
    'frame, all kinds of prompts': frames('all'),
    'training step, stage 1, categories': training(BOXES_ONLY, CATEGORIES, CATEGORIES),
    'training step, stage 2, categories': training({}, CATEGORIES, CATEGORIES),
    'training step, stage 2, expressions': training({}, EXPRESSION, OTHER),
    'training step, stage 3, clips': training({}),
    'training step, stage 3, targets': training({}, target, target),
}


def main() -> None:
    """Count anew what is allowed: write the table and its place in the page."""
    init_default_scope('uninext')
    allowed = {}
    with PretendDevice() as device:
        for name, work in WORKS.items():
            device.waits.clear()
            for number, _ in enumerate(work(DEVICE)):
                if number == NUM_STEPS:
                    allowed[name] = waits_by_room(device.waits)
                device.waits.clear()
    before = waits_table(json.loads(WAITS.read_text()))
    PAGE.write_text(PAGE.read_text().replace(before, waits_table(allowed)))
    rows = ',\n'.join(f'  {json.dumps(k)}: {json.dumps(v)}' for k, v in allowed.items())
    WAITS.write_text(f'{{\n{rows}\n}}\n')


if __name__ == '__main__':
    main()
