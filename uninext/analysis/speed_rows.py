"""Fixed pieces of work by which one speed is compared with another.

Weights, images and prompts are random and seeded. What a row computes is compared with
a slower way before it is timed.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.analysis.costs import count_costs
from uninext.analysis.speed_checks import check_against_slower_way
from uninext.analysis.speed_inputs import (
    attention_inputs,
    gemm_rate,
    random_pixels,
    targets,
    timed_parts,
)
from uninext.analysis.timing import measure
from uninext.models.detectors import UNINEXTVideo
from uninext.models.ops import ms_deform_attn
from uninext.models.trackers import Tracker, VideoInstanceTracker
from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt

THRESHOLDS = {
    *('select_score_thr', 'init_score_thr', 'obj_score_thr'),
    *('addnew_score_thr', 'result_score_thr'),
}
JUMP = 1e-3  # of a cell
# Parts of count_costs by their names here
COUNTED_AS = {
    'text encoder': 'text',
    'prompt projection': 'text',
    'box, IoU and retrieval head': 'heads',
    'mask head': 'masks',
}
TRACKS = 10  # about as many in each frame of MOT and VIS
EXPRESSIONS = (
    'the man on the left', 'a red car behind the tree', 'the dog', 'the girl who runs',
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a piece of work took.

    Attributes:
        name: Of the work.
        seconds: Median of a call.
        peak_mb: Memory beyond what was held before; None: not measured.
        gflop: Of torch's counter; None: not counted.
        gemm_share: ``gflop / seconds`` of this machine's rate of matrix products.
    """

    name: str
    seconds: float
    peak_mb: float | None = None
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
        self.gemm = gemm_rate(model.device)
        self._is_checked = False

    # ------------------------------------------------------------------------ work

    def rows(self, words: Sequence[str] = ()) -> list[Row]:
        """Rows of inference whose name has one of the words (default: all).

        Raises:
            ValueError: If one computes something else than the slower way.
        """
        tall, wide = self.large_hw
        sessions = {
            'SOT frame, one template': dict(box=1),
            'SOT frame, two templates': dict(box=1, second=True),
            'MOT frame, 8 categories': dict(categories=8),
            'VIS frame, 8 categories': dict(instances=8),
            'VOS frame, 5 targets renewed each frame': dict(mask=5, renew=True),
            'R-VOS frame, 4 expressions': dict(expression=4),
        }
        makers: dict[str, Callable[[str], Row]] = {
            'image, 80 categories, repeated': self._image_row,
            'image, 80 categories, first call': self._first_call_row,
            f'image {tall} x {wide}, 80 categories': self._large_image_row,
            **{name: partial(self._session_row, **kw) for name, kw in sessions.items()},
            'deformable attention': self._attention_row,
            'deformable attention, with backward': self._backward_row,
        }
        return [make(name) for name, make in makers.items() if wanted(name, words)]

    def _image_row(self, name: str) -> Row:
        self.check_network()
        return self.time(name, lambda: self.detect(self.size_hw, self.names), True)

    def _first_call_row(self, name: str) -> Row:
        self.check_network()
        orders = self._orders()
        return self.time(name, lambda: self.detect(self.size_hw, next(orders)))

    def _large_image_row(self, name: str) -> Row:
        self.check_network()
        return self.time(name, lambda: self.detect(self.large_hw, self.names), True)

    def _session_row(self, name: str, **prompts: Any) -> Row:
        def compute() -> dict[str, Tensor]:
            found = self.session(**prompts)().pred_instances
            return dict(scores=found.scores, boxes=found.bboxes)

        self._check(name, compute)
        return self.time(name, self.session(**prompts), True)

    def _check(self, name: str, compute: Callable[[], dict[str, Tensor]]) -> None:
        error = check_against_slower_way(name, compute, self.model)
        self.report(f'checked {name}: {error:.1e}')

    def _orders(self) -> Iterator[list[str]]:
        """The names in orders that no prompt had before."""
        while True:
            self.names.append(self.names.pop(0))
            yield list(self.names)

    def detect(self, size_hw: tuple[int, int], names: Sequence[str]) -> InstanceData:
        """What is found in one image with a list of names."""
        image = random_pixels(size_hw)
        sample = UninextDataSample(metainfo=dict(img_shape=size_hw, ori_shape=size_hw))
        sample.prompts = [Prompt.from_categories(names)]
        with torch.no_grad():
            data = dict(inputs=[image], data_samples=[sample])
            return self.model.test_step(data)[0].pred_instances

    def session(
        self,
        size_hw: tuple[int, int] | None = None,
        *,
        renew: bool = False,
        second: bool = False,
        instances: int = 0,
        **counts: int,
    ) -> Callable[[], UninextDataSample]:
        """A call that takes the next frame of a video.

        Args:
            size_hw: Of frames.
            renew: Each frame gives each target a new template.
            second: The second frame does.
            instances: Categories, tracked as in VIS.
            **counts: Of ``categories`` (MOT), ``expression``, ``box``, ``mask``.
        """
        size_hw = size_hw or self.size_hw
        trackers = self._trackers(renew, bool(instances))
        first = self._trackers(True, bool(instances)) if second else trackers
        session = self.model.open(scale=None, trackers=first)
        categories = counts.get('categories', instances)
        if categories:
            session.add(categories=self.names[:categories])
        for i in range(counts.get('expression', 0)):
            number = f' number {i}' if i >= len(EXPRESSIONS) else ''
            session.add(expression=EXPRESSIONS[i % len(EXPRESSIONS)] + number)
        for kind in ('box', 'mask'):
            for target in targets(counts.get(kind, 0), size_hw, kind == 'mask'):
                session.add(target)
        frames = [random_pixels(size_hw, seed).permute(1, 2, 0) for seed in range(4)]
        frames = [frame.contiguous().numpy() for frame in frames]
        for frame in frames[:2]:  # what is shown, and what is renewed, is there
            session.step(frame)
        if second:
            packed = session.state_dict()
            session = self.model.open(scale=None, trackers=trackers)
            session.load_state_dict(packed)
        return lambda: session.step(frames[session.num_frames % len(frames)])

    def _trackers(self, renew: bool, instances: bool) -> dict[str, Tracker]:
        """Copies: templates renewed always or never, ``TRACKS`` tracks or so."""
        trackers = copy.deepcopy(self.model.trackers)
        for kind in {'box', 'mask'} & trackers.keys():
            if renew:
                trackers[kind].update.min_score = 0.0
                trackers[kind].update.interval = 1
            else:
                trackers[kind].update = None
        if instances:
            trackers['category'] = VideoInstanceTracker()
        self._lower_thresholds(trackers['category'])
        return trackers

    def _lower_thresholds(self, tracker: Tracker) -> None:
        """Scores of random weights are low: ``TRACKS`` of one frame pass afterwards."""
        thresholds = vars(tracker).keys() & THRESHOLDS
        vars(tracker).update(dict.fromkeys(thresholds, 0.0))
        session = self.model.open(scale=None, trackers={'category': tracker})
        session.add(categories=self.names[:8])
        frame = random_pixels(self.size_hw).permute(1, 2, 0).contiguous().numpy()
        scores = session.step(frame).pred_instances.scores.sort(descending=True).values
        vars(tracker).update(
            dict.fromkeys(thresholds, 0.99 * float(scores[:TRACKS][-1]))
        )

    # --------------------------------------------------------------------- checks

    def check_network(self) -> None:
        """Memory and proposals of each kind of prompt, once.

        The slower way is that of training: with gradients, by ``grid_sample``, two
        softmaxes, BatchNorm as it is, all tokens at once.

        Raises:
            ValueError: If they differ.
        """
        if self._is_checked:
            return
        image = random_pixels(self.size_hw)
        box = next(targets(1, self.size_hw, with_mask=False)).box()
        prompts = dict(
            categories=Prompt.from_categories(self.names),
            expression=Prompt.from_expression(EXPRESSIONS[0]),
            target=VisualPrompt((Template.from_frame(image, box),)),
        )
        for name, prompt in prompts.items():
            self._check(f'network, {name}', partial(self._proposals, image, prompt))
        self._is_checked = True

    def _proposals(
        self, image: Tensor, prompt: Prompt | VisualPrompt
    ) -> dict[str, Tensor]:
        sample = UninextDataSample(metainfo=dict(img_shape=tuple(image.shape[1:])))
        data = self.model.data_preprocessor(
            dict(inputs=[image], data_samples=[sample]), False
        )
        levels = self.model.extract_feat(data['inputs'])
        pyramid = self.model.build_pyramid(levels, data['data_samples'])
        decoded = self.model.decode(pyramid, self.model.encode_prompts([prompt]))
        logits = decoded.selected.proposal_logits
        return dict(memory=decoded.memory.feat, proposals=logits)

    # --------------------------------------------------------------------- timing

    def parts(self) -> dict[str, dict[str, float]]:
        """``seconds`` and ``gflop`` of each part, in an image with 80 new categories.

        Parts of :func:`count_costs` that are not timed are in ``rest``.
        """
        self.check_network()
        orders, totals = self._orders(), []
        self.detect(self.size_hw, next(orders))
        for _ in range(self.calls):
            with timed_parts(self.model) as seconds:
                start = time.perf_counter()
                self.detect(self.size_hw, next(orders))
                whole = time.perf_counter() - start
            seconds['rest'] = whole - sum(seconds.values())
            totals.append(seconds)
        gflop = dict.fromkeys(totals[0], 0.0)
        call = partial(self.detect, self.size_hw, next(orders))
        for part in count_costs(self.model, call):
            name = COUNTED_AS.get(part.name, part.name)
            gflop[name if name in gflop else 'rest'] += part.flops / 1e9
        return {
            name: dict(
                seconds=float(np.median([t[name] for t in totals])), gflop=gflop[name]
            )
            for name in gflop
        }

    def time(
        self,
        name: str,
        call: Callable[[], Any],
        count_flops: bool = False,
        calls: int | None = None,
    ) -> Row:
        """Time a call, between two measurements of the rate of matrix products.

        Args:
            name: Of the row.
            call: The work.
            count_flops: Count its operations too, in a call more.
            calls: That count; None: as of the other rows.
        """
        device = self.model.device
        before = gemm_rate(device) if count_flops else {}
        timing = measure(call, calls or self.calls, 1, device)
        gflop = share = None
        if count_flops:
            after = gemm_rate(device)
            gflop = sum(part.flops for part in count_costs(self.model, call)) / 1e9
            rate = max(before[shape] + after[shape] for shape in after) / 2
            share = gflop / timing.median / rate
        row = Row(name, timing.median, timing.peak_bytes / 2**20, gflop, share)
        self.report(f'{name}: {row.seconds:.3f} s')
        return row

    def _attention_row(self, name: str, with_backward: bool = False) -> Row:
        """Deformable attention alone, at the tokens of the large image."""
        sizes = [
            tuple(-(-side // stride) for side in self.large_hw)
            for stride in (8, 16, 32, 64)
        ]
        given = attention_inputs(sizes, self.model.device)
        shapes = torch.tensor(sizes, device=self.model.device)
        starts = shapes.prod(1).cumsum(0) - shapes.prod(1)

        def compute() -> dict[str, Tensor]:
            value, locations, weights = given
            with torch.set_grad_enabled(with_backward):
                output = ms_deform_attn(
                    value, shapes, starts, locations, weights, sizes
                )
            if not with_backward:
                return dict(output=output)
            gradients = torch.autograd.grad(output.square().sum(), given)
            found = dict(zip(('of value', 'of locations', 'of weights'), gradients))
            # From cell to cell the gradient of a location jumps: not compared there.
            found['of locations'] = found['of locations'] * is_within
            return found

        cells = given[1] * shapes.flip(-1)[:, None] - 0.5
        is_within = ((cells - cells.round()).abs() > JUMP).float()
        for tensor in given:
            tensor.requires_grad_(with_backward)
        self._check(name, compute)
        return self.time(f'{name}, {given[1].shape[1]} queries', compute)

    def _backward_row(self, name: str) -> Row:
        return self._attention_row(name, with_backward=True)


def wanted(name: str, words: Sequence[str]) -> bool:
    """Whether a name has one of the words, or there are none."""
    return not words or any(word in name for word in words)
