"""Videos that were tracked, kept so that they can be tracked anew from any frame.

What was found is in the JSON file of the run, what the network remembers before a frame
in files of states; no frame is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from uninext.apis import AskedPrompt, Result
from uninext.utils.video_writer import VideoWriter
from uninext.web.prompts import WebPrompts
from uninext.web.uploads import Upload

MOST_STATES = 64  # of a run; half a megabyte a target
GONE = 'What was found is no longer here. Track the video again.'
Shown = Mapping[str, np.ndarray]  # ``box`` (4,) xyxy, or ``mask`` (H, W) bool


@contextmanager
def video_files(
    video: Path, records: Path, fps: float
) -> Iterator[Callable[[Result], None]]:
    """Write the annotated video, and a JSON file of all frames, as they come.

    A frame is a line of that file, see :meth:`Run.read`.
    """
    about = dict(fps=fps, format='masks are COCO RLE; boxes xyxy in pixels')
    with VideoWriter(video, fps) as writer, records.open('w', encoding='utf-8') as file:
        file.write(json.dumps(about)[:-1] + ', "frames": [')

        def write(result: Result) -> None:
            file.write(',\n' if writer.num_frames else '\n')
            file.write(result.to_json())
            writer.write(result.plot(), result.time)

        yield write
        file.write('\n]}\n')


class SavedStates:
    """States of a tracking before some of its frames, in files.

    Of every frame at first; once there are more than ``MOST_STATES``, of every second
    one, and so on.

    Args:
        folder: For new ones.
        earlier: Of a run before; its files are used, and left alone.
        until: Those of frames up to here.
    """

    def __init__(
        self, folder: Path, earlier: SavedStates | None = None, until: int = 0
    ) -> None:
        self._folder, self._every = folder, 1
        self._files: dict[int, Path] = {}
        if earlier is not None:
            self._every = earlier._every
            files = earlier._files.items()
            self._files = {frame: file for frame, file in files if frame <= until}

    def keep(self, frame: int, state: Callable[[], Mapping[str, Any]]) -> None:
        """Save the state before a frame, unless it is one that is left out."""
        if frame % self._every or frame in self._files:
            return
        try:
            content = dict(state())
        except ValueError:
            return  # a tracker cannot be saved: it starts anew from the first frame
        self._files[frame] = self._folder / f'state_{frame}.pt'
        torch.save(content, self._files[frame])
        if len(self._files) > MOST_STATES:
            self._thin()

    def newest(self, frame: int) -> tuple[int, Mapping[str, Any] | None]:
        """The last frame up to this one that has a state, and that; else 0 and None.

        Raises:
            ValueError: If its file was removed.
        """
        known = [number for number in self._files if number <= frame]
        if not known:
            return 0, None
        try:
            return max(known), torch.load(self._files[max(known)], weights_only=True)
        except FileNotFoundError:
            raise ValueError(GONE) from None

    def _thin(self) -> None:
        self._every *= 2
        for frame in [number for number in self._files if number % self._every]:
            file = self._files.pop(frame)
            if file.parent == self._folder:
                file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Run:
    """A video that is tracked, or was.

    Attributes:
        video: Where it is.
        prompts: What is asked for.
        score_thr: Of categories.
        records: JSON file of what is found, of :func:`video_files`.
        states: Of the tracking.
        corrections: Frame -> track -> what shows the track there.
        since: Frame from which on it is tracked; before, all is as it was.
        asked: Prompts of the results, once there are any.
        num_frames: That are done.
    """

    video: Upload
    prompts: WebPrompts
    score_thr: float
    records: Path
    states: SavedStates
    corrections: Mapping[int, Mapping[int, Shown]] = field(default_factory=dict)
    since: int = 0
    asked: tuple[AskedPrompt, ...] = ()
    num_frames: int = 0

    def corrected(self, frame: int, track_id: int, shown: Shown, folder: Path) -> Run:
        """What is to be tracked if a track is shown in a frame; files in ``folder``.

        Corrections of later frames are forgotten, see :meth:`later_corrections`.
        """
        kept = {i: tracks for i, tracks in self.corrections.items() if i <= frame}
        kept[frame] = {**kept.get(frame, {}), track_id: shown}
        return replace(
            self,
            records=folder / self.records.name,
            states=SavedStates(folder, self.states, frame),
            corrections=kept,
            since=frame,
            num_frames=0,
        )

    def later_corrections(self, frame: int) -> list[str]:
        """Those of frames behind this one, as texts for people: track and frame."""
        return [
            f'#{track_id} in frame {number}'
            for number, tracks in sorted(self.corrections.items())
            if number > frame
            for track_id in sorted(tracks)
        ]

    def read(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """What was found, as of :meth:`uninext.apis.Result.to_dict`, a frame at a time.

        Args:
            first: Frame to begin with.

        Raises:
            ValueError: If the file was removed.
        """
        try:
            with self.records.open(encoding='utf-8') as file:
                for line in islice(file, first + 1, self.num_frames + 1):
                    yield json.loads(line.rstrip('\n,'))
        except FileNotFoundError:
            raise ValueError(GONE) from None

    def result(self, content: Mapping[str, Any], image: np.ndarray) -> Result:
        """What was found, of one of :meth:`read` and its frame (H, W, 3) BGR."""
        return Result.from_dict(content, image, self.asked)
