"""Fixed pieces of work by which one speed is compared with another.

Weights, images and prompts are random and seeded. What a row computes is compared with
a slower way before it is timed.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uninext.analysis.costs import count_costs
from uninext.analysis.random_clips import random_clips
from uninext.analysis.speed_inputs import (
    attention_inputs,
    gemm_rate,
    random_pixels,
    resident_mb,
    targets,
    timed_parts,
)
from uninext.analysis.timing import measure
from uninext.models.detectors import UNINEXT, UNINEXTVideo
from uninext.models.detectors.uninext import Decoded, PromptRow
from uninext.models.ops import ms_deform_attn
from uninext.models.trackers import VideoInstanceTracker
from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt

TOLERANCE = 1e-3  # of float32, after six layers of random weights
EXPRESSIONS = (
    'the man on the left', 'a red car behind the tree', 'the dog', 'the girl who runs',
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a piece of work took.

    Attributes:
        name: Of the work.
        seconds: Median of a call.
        peak_mb: Memory beyond what was held before.
        gflop: Of torch's counter; None: not counted.
        gemm_share: ``gflop / seconds`` of this machine's rate of matrix products.
    """

    name: str
    seconds: float
    peak_mb: float
    gflop: float | None = None
    gemm_share: float | None = None


class SpeedRows:
    """The work, on one model for videos.

    Args:
        model: In evaluation mode, on the device that is measured.
        names: 80 category names.
        size_hw: Of images and frames.
        large_hw: Of the large image.
        calls: That count, of each row.
        report: Gets a line a row.
    """

    def __init__(
        self,
        model: UNINEXTVideo,
        names: Sequence[str],
        size_hw: tuple[int, int] = (320, 480),
        large_hw: tuple[int, int] = (800, 1333),
        calls: int = 3,
        report: Callable[[str], None] = print,
    ) -> None:
        self.model, self.names, self.calls = model, list(names), calls
        self.size_hw, self.large_hw, self.report = size_hw, large_hw, report
        self.gemm = gemm_rate(model.device, calls)

    # ------------------------------------------------------------------------ work

    def rows(self) -> list[Row]:
        """All rows of inference, checked and timed."""
        self.check()
        number = iter(range(1, 10**6))

        def first() -> None:
            i = next(number) % len(self.names)
            self.detect(self.size_hw, self.names[i:] + self.names[:i])

        repeated = lambda: self.detect(self.size_hw, self.names)  # noqa: E731
        one, two = (self.session(box=1, renew=renew) for renew in (False, True))
        return [
            self._time('image, 80 categories, repeated', repeated, True),
            self._time('image, 80 categories, first call', first),
            self._time(
                f'image {self.large_hw[0]} x {self.large_hw[1]}, 80 categories',
                lambda: self.detect(self.large_hw, self.names),
                True,
            ),
            self._time('SOT frame, one template', one, True),
            self._time('SOT frame, two templates', two, True),
            self._time('MOT frame, 8 categories', self.session(categories=8), True),
            self._time('VIS frame, 8 categories', self.session(instances=8), True),
            self._time(
                'VOS frame, 5 targets renewed each frame',
                self.session(mask=5, renew=True),
                True,
            ),
            self._time('R-VOS frame, 4 expressions', self.session(expression=4), True),
            *self._attention(),
        ]

    def detect(self, size_hw: tuple[int, int], names: Sequence[str]) -> None:
        """One image with a list of names."""
        image = random_pixels(size_hw)
        sample = UninextDataSample(metainfo=dict(img_shape=size_hw, ori_shape=size_hw))
        sample.prompts = [Prompt.from_categories(names)]
        with torch.no_grad():
            self.model.test_step(dict(inputs=[image], data_samples=[sample]))

    def session(
        self,
        size_hw: tuple[int, int] | None = None,
        renew: bool = False,
        instances: int = 0,
        **counts: int,
    ) -> Callable[[], Any]:
        """A call that takes the next frame of a video; so many prompts of each kind."""
        size_hw = size_hw or self.size_hw
        trackers = copy.deepcopy(self.model.trackers)
        for kind in ('box', 'mask'):
            if renew:
                trackers[kind].update.min_score = 0.0
                trackers[kind].update.interval = 1
            elif kind in trackers:
                trackers[kind].update = None
        if instances:
            trackers['category'], counts = VideoInstanceTracker(), {'categories': 8}
        session = self.model.open(scale=None, trackers=trackers)
        if counts.get('categories'):
            session.add(categories=self.names[: counts['categories']])
        for i in range(counts.get('expression', 0)):
            number = f' number {i}' if i >= len(EXPRESSIONS) else ''
            session.add(expression=EXPRESSIONS[i % len(EXPRESSIONS)] + number)
        for kind in ('box', 'mask'):
            for target in targets(counts.get(kind, 0), size_hw, kind == 'mask'):
                session.add(target)
        frames = [random_pixels(size_hw, seed).permute(1, 2, 0) for seed in range(4)]
        frames = [frame.contiguous().numpy() for frame in frames]

        def step() -> None:
            session.step(frames[session.num_frames % len(frames)])

        step()
        step()  # what was shown, and what was renewed, is there
        return step

    # --------------------------------------------------------------------- checks

    @torch.no_grad()
    def check(self) -> None:
        """Compare memory and scores of proposals with those of the slower way.

        The slower way is that of training: with gradients, by ``grid_sample``, two
        softmaxes, BatchNorm as it is, all tokens at once.

        Raises:
            ValueError: If they differ.
        """
        image = random_pixels(self.size_hw)
        box = next(targets(1, self.size_hw, with_mask=False)).box()
        prompts = [
            Prompt.from_categories(self.names),
            Prompt.from_expression(EXPRESSIONS[0]),
            VisualPrompt((Template.from_frame(image, box),)),
        ]
        for prompt in prompts:
            fast = self._decoded(image, prompt)
            with torch.enable_grad(), _variable('UNINEXT_DEFORM_ATTN', 'pytorch'):
                slow = self._decoded(image, prompt)
            for name, ours, expected in (
                ('memory', fast.memory.feat, slow.memory.feat),
                (
                    'proposals',
                    fast.selected.proposal_logits,
                    slow.selected.proposal_logits,
                ),
            ):
                error = float((ours - expected).abs().max() / expected.abs().max())
                if not error <= TOLERANCE:
                    raise ValueError(
                        f'{name} of {prompt.names[0]!r} differ by {error:.2e} of the '
                        f'largest from those of the slower way; expected at most '
                        f'{TOLERANCE:.0e}. Nothing was timed.'
                    )
                self.report(f'checked {name} of {prompt.names[0]!r}: {error:.1e}')

    def _decoded(self, image: Tensor, prompt: Prompt | VisualPrompt) -> Decoded:
        sample = UninextDataSample(metainfo=dict(img_shape=tuple(image.shape[1:])))
        data = self.model.data_preprocessor(
            dict(inputs=[image], data_samples=[sample]), False
        )
        levels = self.model.extract_feat(data['inputs'])
        pyramid = self.model.build_pyramid(levels, data['data_samples'])
        row = PromptRow(0, prompt, 0)
        return self.model.decode(pyramid, self.model.encode_prompts([row.prompt]))

    # --------------------------------------------------------------------- timing

    def parts(self) -> dict[str, float]:
        """Seconds of each part of the network in an image with 80 categories."""
        self.detect(self.size_hw, self.names)
        totals = []
        for _ in range(self.calls):
            with timed_parts(self.model) as seconds:
                start = time.perf_counter()
                self.detect(self.size_hw, self.names)
                whole = time.perf_counter() - start
            seconds['rest'] = whole - sum(seconds.values())
            totals.append(seconds)
        return {k: float(np.median([t[k] for t in totals])) for k in totals[0]}

    def growth(
        self,
        categories: Sequence[int] = (1, 20, 80, 160, 365),
        prompts: Sequence[int] = (1, 4, 16, 32),
        short_sides: Sequence[int] = (320, 480, 640, 800),
    ) -> dict[str, dict[str, float]]:
        """Seconds by number of categories, expressions, targets, and by size."""
        found: dict[str, dict[str, float]] = {}

        def note(kind: str, number: int, call: Callable[[], Any]) -> None:
            row = self._time(f'{kind}: {number}', call)
            found.setdefault(kind, {})[str(number)] = row.seconds

        for number in categories:
            names = self._names(number)
            note('categories', number, lambda n=names: self.detect(self.size_hw, n))
        for number in prompts:
            note('expressions', number, self.session(expression=number))
        for number in prompts:
            note('targets', number, self.session(box=number))
        for side in short_sides:
            size_hw = (side, side * self.large_hw[1] // self.large_hw[0])
            note('short side', side, lambda s=size_hw: self.detect(s, self.names))
        return found

    def frames(
        self, size_hw: tuple[int, int], marks: Sequence[int]
    ) -> dict[str, dict[str, float]]:
        """Seconds a frame, and memory, after so many frames of one video."""
        step, seconds, memory = self.session(size_hw, categories=8), [], {}
        found = {}
        for number in range(1, max(marks) + 1):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
            if number in marks:
                found[str(number)] = float(np.median(seconds[-20:]))
                memory[str(number)] = resident_mb()
                self.report(f'frame {number}: {found[str(number)]:.3f} s')
        return {'frames': found, 'memory of frames (MB)': memory}

    def _names(self, number: int) -> list[str]:
        colours = ('', 'red ', 'blue ', 'green ', 'white ', 'black ')
        return [c + name for c in colours for name in self.names][:number]

    def _time(
        self, name: str, call: Callable[[], Any], count_flops: bool = False
    ) -> Row:
        timing = measure(call, self.calls, 1, self.model.device)
        gflop = share = None
        if count_flops:
            gflop = sum(part.flops for part in count_costs(self.model, call)) / 1e9
            share = gflop / timing.median / max(self.gemm.values())
        row = Row(name, timing.median, timing.peak_bytes / 2**20, gflop, share)
        self.report(f'{name}: {row.seconds:.3f} s')
        return row

    def _attention(self) -> Iterator[Row]:
        """Deformable attention alone, at the tokens of the large image."""
        sizes = [
            tuple(-(-side // stride) for side in self.large_hw)
            for stride in (8, 16, 32, 64)
        ]
        given = attention_inputs(sizes, self.model.device)
        shapes = torch.tensor(sizes, device=self.model.device)
        starts = shapes.prod(1).cumsum(0) - shapes.prod(1)

        def forward() -> Tensor:
            value, locations, weights = given
            return ms_deform_attn(value, shapes, starts, locations, weights, sizes)

        def both() -> None:
            for tensor in given:
                tensor.requires_grad_(True)
            output = forward()
            torch.autograd.grad(output, given, torch.ones_like(output))
            for tensor in given:
                tensor.requires_grad_(False)

        queries = given[1].shape[1]
        yield self._time(f'deformable attention, {queries} queries', forward)
        yield self._time('deformable attention, with backward', both)


def training_row(
    model: UNINEXT, size_hw: tuple[int, int], calls: int, batch_size: int = 2
) -> Row:
    """A step without its optimizer: forward, losses, backward; 5 objects an image."""
    model.train()
    clips = random_clips(batch_size, size_hw, 5, with_reference=False)

    def step() -> None:
        data = model.data_preprocessor(clips(), True)
        losses = model.loss(data['inputs'], data['data_samples'])
        sum(v for k, v in losses.items() if k.startswith('loss')).backward()
        model.zero_grad()

    timing = measure(step, calls, 1, model.device)
    name = f'training step, {batch_size} images, boxes and masks'
    return Row(name, timing.median, timing.peak_bytes / 2**20)


def to_json(rows: Sequence[Row], **more: Any) -> dict[str, Any]:
    """What ``speed_page`` reads."""
    return dict(rows=[asdict(row) for row in rows], **more)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
