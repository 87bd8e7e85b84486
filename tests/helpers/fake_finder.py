"""Stands for the inferencer: prompts have predictions without a network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from uninext.apis import AskedPrompt, Result, SourceError, read_frames

SIDE = 20  # pixels of what names and expressions find
NOWHERE = 'what is nowhere'  # the expression that finds nothing


class FakeFinder:
    """Called like :class:`uninext.apis.UninextInferencer`.

    Args:
        seconds: That every image or frame takes.
        fail: Raised instead of answering.
    """

    def __init__(self, seconds: float = 0.0, fail: Exception | None = None) -> None:
        self.seconds, self.fail = seconds, fail
        self.calls: list[dict] = []
        self.running = self.most_running = self.frames_seen = 0
        self.tracked: list[dict] = []
        self.thresholds: dict[str, float] = {}
        self.has_times, self.can_be_saved = True, True

    def __call__(self, source, **asked):
        self.calls.append(asked)
        if isinstance(source, np.ndarray):
            return [self._prediction(source, asked)]
        return self._frames(source, asked)

    def remarks(self, categories, expression) -> list[str]:
        texts = [*(categories or ()), *(expression or ())]
        return [f'{text} is unknown' for text in texts if not text.isascii()]

    def track(self, **asked) -> FakeTracking:
        if self.fail is not None:
            raise self.fail
        self.tracked.append(asked)
        return FakeTracking(self, asked)

    def _frames(self, path: str, asked: dict) -> Iterator[Result]:
        for number, frame in enumerate(read_frames(path)):
            yield self._prediction(frame, asked, number)

    def _prediction(self, image: np.ndarray, asked: dict, frame=None) -> Result:
        self.frames_seen += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        time.sleep(self.seconds)
        self.running -= 1
        if self.fail is not None:
            raise self.fail
        prompts, boxes = [], []
        if asked.get('categories') is not None:
            categories = tuple(asked['categories'])
            prompts.append(AskedPrompt(', '.join(categories), categories, False))
            found = [(i, 0.9 - 0.1 * i) for i in range(len(categories))]
            found = [f for f in found if f[1] >= asked['score_thr']]
            boxes += [((SIDE * i, 0), 0, i, score) for i, score in found]
        for i, expression in enumerate(asked.get('expression') or ()):
            prompts.append(AskedPrompt(expression, (expression,), True))
            if expression != NOWHERE:
                boxes.append(((SIDE * i, 2 * SIDE), len(prompts) - 1, 0, 0.5))
        shown = [] if asked.get('box') is None else [*np.reshape(asked['box'], (-1, 4))]
        for mask in () if asked.get('mask') is None else asked['mask']:
            ys, xs = np.nonzero(mask)
            shown.append([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        for box in shown:
            text = f'box ({", ".join(f"{v:g}" for v in box)})'
            prompts.append(AskedPrompt(text, ('target',), True))
            boxes.append((box, len(prompts) - 1, 0, 0.8))
        return self._result(image, prompts, boxes, frame)

    @staticmethod
    def _result(image, prompts, found, frame) -> Result:
        boxes = [
            (*b, b[0] + SIDE, b[1] + SIDE) if len(b) == 2 else b for b, *_ in found
        ]
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        masks = np.zeros((len(boxes), *image.shape[:2]), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int)):
            mask[y1:y2, x1:x2] = True
        return Result(
            image=image,
            prompts=tuple(prompts),
            boxes_xyxy=boxes,
            scores=np.array([f[3] for f in found], np.float32),
            label_ids=np.array([f[2] for f in found], int),
            prompt_ids=np.array([f[1] for f in found], int),
            track_ids=None if frame is None else np.arange(len(found)),
            masks=masks,
            frame=frame,
        )


class FakeTracking:
    """Answers frames as the finder does; a track that is corrected stays there."""

    def __init__(self, finder: FakeFinder, asked: dict) -> None:
        self.finder, self.asked, self.frame = finder, asked, -1
        self.corrected: dict[int, list] = {}

    def step(
        self,
        image: np.ndarray,
        score_thr: float | dict,
        path: str | None = None,
        time: float | None = None,
    ) -> Result:
        self.frame += 1
        asked = {**self.asked, 'score_thr': score_thr}
        result = self.finder._prediction(image, asked, self.frame)
        for track_id, box in self.corrected.items():
            result.boxes_xyxy[result.track_ids == track_id] = box
        return replace(result, time=time if self.finder.has_times else None)

    def correct(self, track_id: int, box=None, mask=None) -> None:
        if track_id > 5:
            raise SourceError(f'There is no track {track_id}; there are [0, 1].')
        if mask is not None:
            ys, xs = np.nonzero(mask)
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        self.corrected[track_id] = [float(value) for value in box]

    def state_dict(self) -> dict:
        if not self.finder.can_be_saved:
            raise ValueError('The session cannot be saved')
        return dict(frame=self.frame, corrected=dict(self.corrected))

    def load_state_dict(self, state: dict) -> None:
        self.frame, self.corrected = state['frame'], dict(state['corrected'])
