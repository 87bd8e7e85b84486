"""Compare the templates that a session cuts out of frames with stored ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import mmcv
import numpy as np
import torch
from torch import Tensor

from uninext.models.trackers import TemplateTracker, VideoFrame, VideoSession
from uninext.structures import Template, TemplateMemory
from uninext.testing.stored_numbers import Comparison
from uninext.testing.video_numbers import VideoNumbers

VALUES = 1e-3  # a value of a normalised crop may differ by that
SHARE = 0.01  # of the values may differ by more


class _Cut(NamedTuple):
    """A template of a prompt that a session cut; renewed: by what was found."""

    frame: int
    prompt: int
    renewed: bool
    template: Template


class Templates:
    """Templates of a task's video in the order in which they were cut.

    Attributes:
        masks: Frame -> prompt -> the mask of the target, and that which is stored. By
            the latter a template is cut again, where a pixel of the two differs: then
            it is no longer the same crop, whoever is right about the pixel.
    """

    def __init__(self, numbers: VideoNumbers, task: str, model: Any) -> None:
        self._numbers, self._task, self._model = numbers, task, model
        self._cut: list[_Cut] = []
        self._known: dict[int, list[Tensor]] = {}  # prompt -> images of its templates
        self._images: dict[int, Tensor] = {}  # (3, h, w), as the network sees them
        self.masks: dict[int, dict[int, tuple[Tensor, Tensor]]] = {}

    def look_at(self, session: VideoSession, frame: int, image: np.ndarray) -> None:
        """Take what a session cut out of a frame, (H, W, 3) uint8 BGR, in order."""
        resized = mmcv.imrescale(image, session.scale, backend='pillow')
        self._images[frame] = torch.from_numpy(resized).permute(2, 0, 1)
        prompts = session.state_dict()['prompts']
        for which in ('first', 'latest'):
            for prompt, state in prompts.items():
                template = state['memory'][which]
                known = self._known.setdefault(prompt, [])
                if template is None or any(template['image'] is k for k in known):
                    continue
                known.append(template['image'])
                one = _Cut(frame, prompt, which == 'latest', Template(**template))
                self._cut.append(one)

    def compare(self, tracker: TemplateTracker) -> Iterator[Comparison]:
        """The frames that templates were cut from, and each template."""
        name = f'{self._task}/templates/frame'
        if name not in self._numbers:
            return
        stored = [int(i) for i in self._numbers[name]]
        ours = [one.frame for one in self._cut]
        error = 0.0 if stored == ours else float('inf')
        note = '' if stored == ours else f'ours are cut from {ours}, not {stored}'
        yield Comparison(name, (len(stored),), error, 0.0, note)
        for k, one in enumerate(self._cut if stored == ours else []):
            template, note = self._cut_again(one, tracker)
            for result in self._compare(f'{self._task}/templates/{k}', template):
                result.note = note
                yield result

    def _cut_again(self, one: _Cut, tracker: TemplateTracker) -> tuple[Template, str]:
        """The template by the stored mask, where ours is another; and what was done."""
        masks = self.masks.get(one.frame, {}).get(one.prompt)
        if not one.renewed or masks is None or torch.equal(*masks):
            return one.template, ''
        _, stored = masks
        memory = TemplateMemory(one.template)
        image, size_hw = self._images[one.frame], tuple(stored.shape)
        divisor = self._model.data_preprocessor.test_pad_size_divisor
        frame = VideoFrame(image, size_hw, pad_divisor=divisor)
        tracker.renew(memory, frame, 1.0, None, stored)
        number = int((masks[0] != stored).sum())
        note = f'cut by the stored mask: {number} pixels of ours differ'
        return memory.templates[-1], note

    def _compare(self, at: str, template: Template) -> Iterator[Comparison]:
        preprocessor = self._model.data_preprocessor
        crop = preprocessor.template_inputs([template])[0].cpu()
        step = int(self._numbers[f'{at}/step'])
        yield self._share(f'{at}/values', crop.reshape(-1)[::step], VALUES)
        bits = np.unpackbits(self._numbers[f'{at}/padding'])
        padding = (template.padding > 0).cpu()
        bits = bits.reshape(padding.shape)
        yield self._share(f'{at}/padding', padding, 0.5, bits)
        if f'{at}/crop_uint8' in self._numbers:
            # outside the frame there is the mean colour
            filled = preprocessor.mean.cpu() * template.padding.cpu()
            image = template.image.flip(0).cpu() + filled
            pixels = torch.cat([image, template.prior.cpu()[None] * 255])
            yield self._share(f'{at}/crop_uint8', pixels, 1.0)

    def _share(
        self,
        name: str,
        ours: Tensor,
        tolerance: float,
        stored: np.ndarray | None = None,
    ) -> Comparison:
        """How many values differ by more than a tolerance."""
        stored = self._numbers[name] if stored is None else stored
        if stored.shape != tuple(ours.shape):
            return Comparison(name, stored.shape, float('inf'), SHARE)
        away = np.abs(stored.astype(np.float64) - ours.double().numpy()) > tolerance
        return Comparison(name, stored.shape, float(away.mean()), SHARE)
