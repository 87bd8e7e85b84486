"""Where a track is to be, in a frame of a video: clicked, typed or painted.

From clicks to a track and a box; ``videos`` tracks on from there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import gradio as gr
import numpy as np

from uninext.apis import Result
from uninext.web.errors import for_people
from uninext.web.marks import draw_correction
from uninext.web.painter import under_brush
from uninext.web.prompts import (
    Corner,
    add_corner,
    box_text,
    boxes_to_draw,
    read_boxes,
)
from uninext.web.reports import note_use
from uninext.web.runs import GONE, Run, Shown
from uninext.web.sessions import Sessions
from uninext.web.shared_inferencer import SharedInferencer, enlargement, frame_of
from uninext.web.strokes import Painting, image_key, read_painting
from uninext.web.uploads import called

NO_VIDEO_YET = 'Track a video first; stop it wherever you like.'
CHOOSE = (
    'Click on the track that is wrong. If it is not in this frame, type its number.'
)
PLACE = 'Track #{}: click on where it is, on two opposite corners of it, or paint it.'
PLACED = (
    'Track #{} is put where the white box is. Click on the opposite corner for another '
    'box, or press the button.'
)
BOXED = 'Track #{} is put where the white box is. Press the button.'
LOST = 4  # a track without a box is taken to be that part of a side
MIN_GUESS = 8  # pixels
SHOW_ONE = 'Show where the track is: by one box, or by a painting, not by both.'


class Draft(NamedTuple):
    """A correction that is being made.

    Attributes:
        frame: Of the run, from 0.
        image: File of that frame.
        corner: First corner of a box, which waits for its other one.
    """

    frame: int
    image: str
    corner: Corner | None = None

    def read(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR.

        Raises:
            ValueError: If the file was removed.
        """
        image = cv2.imread(self.image)
        if image is None:
            raise ValueError(GONE)
        return image


class CorrectionOutputs(NamedTuple):
    """What happens to components of the page; what is not told stays as it is."""

    view: Any = gr.skip()
    note: Any = gr.skip()
    draft: Any = gr.skip()
    track: Any = gr.skip()
    box: Any = gr.skip()
    painting: Any = gr.skip()


class CorrectionHandlers:
    """What is clicked and typed to correct a track.

    Args:
        find: Says what is where somebody clicked.
        sessions: Own the files.
    """

    def __init__(self, find: SharedInferencer, sessions: Sessions) -> None:
        self._find, self._sessions = find, sessions

    def show(
        self, run: Run | None, frame: float, request: gr.Request
    ) -> CorrectionOutputs:
        """A frame is looked at; what was clicked in another is forgotten."""
        if run is None:
            brush = gr.update(image={})
            return CorrectionOutputs(None, NO_VIDEO_YET, None, None, '', brush)
        with for_people(), called(run.video):
            session = note_use(self._sessions, request, run.video)
            number = min(int(frame), run.num_frames - 1)
            image = frame_of(run.video.path, number)
            file = self._sessions.new_folder(session) / 'frame.png'
            cv2.imwrite(str(file), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            draft = Draft(number, str(file))
            shown = self._drawn(run, draft, self._result(run, draft), None, '', request)
            brush = gr.update(image=under_brush(image))
            return shown._replace(track=None, box='', painting=brush)

    def typed(
        self,
        run: Run | None,
        draft: Draft | None,
        track_id: float | None,
        box: str,
        request: gr.Request,
    ) -> CorrectionOutputs:
        """A track or a box was typed: a corner that waited is forgotten."""
        if run is None or draft is None:
            return CorrectionOutputs()
        with for_people():
            draft = draft._replace(corner=None)
            found = self._result(run, draft)
            return self._drawn(run, draft, found, track_id, box, request)

    def click(
        self,
        run: Run | None,
        draft: Draft | None,
        track_id: float | None,
        box: str,
        event: gr.SelectData,
        request: gr.Request,
    ) -> CorrectionOutputs:
        """The first click chooses a track, the second says where it is."""
        if run is None or draft is None:
            return CorrectionOutputs()
        with for_people():
            found = self._result(run, draft)
            image = found.image
            point = _in_image(event.index, image)
            if track_id is None:
                track_id, box = track_at(found, point), ''
            elif draft.corner is None:
                guess = self._guess(run, found, int(track_id), draft.frame, point)
                box = box_text(self._find.box_at(image, guess, point))
                draft = draft._replace(corner=point)
            else:
                drawn, corner = add_corner('', draft.corner, point)
                box, draft = drawn or box, draft._replace(corner=corner)
            drawn = self._drawn(run, draft, found, track_id, box, request)
            return drawn._replace(track=track_id, box=box)

    @staticmethod
    def _guess(
        run: Run, found: Result, track_id: int, frame: int, point: Corner
    ) -> np.ndarray:
        """A box (4,) around a click: as large as the track was when last seen."""
        height, width = found.image.shape[:2]
        size_wh, distance = np.array([width, height]) / LOST, np.inf
        for number, content in enumerate(run.read()):
            for one in content['instances']:
                if one['track_id'] == track_id and abs(number - frame) < distance:
                    corners = np.array(one['box_xyxy'])
                    size_wh, distance = corners[2:] - corners[:2], abs(number - frame)
        half = np.maximum(size_wh, MIN_GUESS) / 2
        corners = np.concatenate([point - half, point + half])
        return corners.clip(0, [width, height, width, height])

    def _drawn(
        self,
        run: Run,
        draft: Draft,
        found: Result,
        track_id: float | None,
        box: str,
        request: gr.Request,
    ) -> CorrectionOutputs:
        """The frame with what is chosen, and what to do next."""
        boxes = boxes_to_draw(box, found.image.shape[:2])
        track = None if track_id is None else int(track_id)
        drawn = draw_correction(found, track, boxes, draft.corner)
        session = note_use(self._sessions, request, run.video)
        file = self._sessions.new_folder(session) / 'correction.jpg'
        cv2.imwrite(str(file), drawn)
        note = CHOOSE
        if track is not None:
            placed = BOXED if draft.corner is None else PLACED
            note = (placed if len(boxes) else PLACE).format(track)
        return CorrectionOutputs(view=str(file), note=note, draft=draft)

    @staticmethod
    def _result(run: Run, draft: Draft) -> Result:
        return run.result(next(run.read(draft.frame)), draft.read())


def shown_by(run: Run, frame: int, box: str | None, painting: Painting) -> Shown:
    """What shows a track in a frame: a box or a painting, as arguments of a correction.

    Raises:
        ValueError: If there is no such frame, none or both are given, or one cannot be
            used; it says what to do.
    """
    if not 0 <= frame < run.num_frames:
        raise ValueError(f'Frame {frame} is none of 0 to {run.num_frames - 1}.')
    image = frame_of(run.video.path, frame)
    boxes = read_boxes(box, image.shape[:2])
    masks = read_painting(painting, image.shape[:2], image_key(image))
    if len(boxes) + min(len(masks), 1) != 1:
        raise ValueError(SHOW_ONE)
    return dict(box=boxes[0]) if len(boxes) else dict(mask=masks.any(0))


def track_at(found: Result, point: Corner) -> int | None:
    """The track that is seen at a point (x, y), in pixels; the smallest of several."""
    x, y = point
    x1, y1, x2, y2 = found.boxes_xyxy.T
    hit = (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
    if found.masks is not None and found.masks[:, y, x].any():
        hit = found.masks[:, y, x]
    areas = np.where(hit & (found.track_ids >= 0), (x2 - x1) * (y2 - y1), np.inf)
    if not np.isfinite(areas).any():
        return None
    return int(found.track_ids[areas.argmin()])


def _in_image(index: Any, image: np.ndarray) -> Corner:
    """Where in a frame a click was on what :func:`plot_for_page` made of it."""
    height, width = image.shape[:2]
    x, y = (int(value / enlargement(image)) for value in index)
    return min(max(x, 0), width - 1), min(max(y, 0), height - 1)
