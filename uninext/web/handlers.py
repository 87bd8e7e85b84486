"""What happens on the page: from values of its fields to new values.

No network is touched here but through ``shared_inferencer``. Of videos see ``videos``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cv2
import gradio as gr
import numpy as np

from uninext.apis import Result
from uninext.web.errors import for_people
from uninext.web.marks import draw_marks
from uninext.web.pages import instance_table, live_image, status
from uninext.web.painter import under_brush
from uninext.web.prompts import NOTHING_ASKED, Corner, add_corner, undo_corner
from uninext.web.reports import absent, file_button, note_use, noted
from uninext.web.sessions import Sessions
from uninext.web.shared_inferencer import SharedInferencer, plot_for_page
from uninext.web.strokes import Painting
from uninext.web.uploads import Upload, damage_of, read_upload

NO_IMAGE = 'There is no image yet. Drop one in, take one, or click on an example.'
Marks = tuple[str, Corner | None, str | None]  # boxes, corner, the file that is seen


class MarkHandlers:
    """Clicks on an image, on the first frame of a video, or on what is shown instead.

    ``shown_in``, an image, is marked in place of ``source`` wherever it is given.

    Args:
        read: Gives the image of a source, (H, W, 3) uint8 RGB; None where there is
            none.
        sessions: Own the files.
    """

    def __init__(
        self, read: Callable[[Upload | None], np.ndarray | None], sessions: Sessions
    ) -> None:
        self._read, self._sessions = read, sessions

    def under_brush(
        self, source: Upload | None, shown_in: Upload | None, request: gr.Request
    ) -> Any:
        """Something else is looked at: it is put under the brush."""
        with for_people():
            note_use(self._sessions, request, source, shown_in)
            return gr.update(image=under_brush(self._looked_at(source, shown_in)))

    def redraw(
        self,
        source: Upload | None,
        shown_in: Upload | None,
        boxes: str,
        request: gr.Request,
    ) -> tuple[None, str | None]:
        """Boxes were typed: a corner that waited is forgotten."""
        return self._marked(request, source, shown_in, boxes)[1:]

    def example(
        self, source: Upload | None, boxes: str, request: gr.Request
    ) -> tuple[None, None, str | None]:
        """An example was filled in: its boxes are of its own image."""
        return None, *self.redraw(source, None, boxes, request)

    def click(
        self,
        source: Upload | None,
        shown_in: Upload | None,
        boxes: str,
        corner: Corner | None,
        event: gr.SelectData,
        request: gr.Request,
    ) -> Marks:
        """A corner was clicked."""
        x, y = event.index
        point = int(x), int(y)
        marks = add_corner(boxes, corner, point)
        return self._marked(request, source, shown_in, *marks)

    def undo(
        self,
        source: Upload | None,
        shown_in: Upload | None,
        boxes: str,
        corner: Corner | None,
        request: gr.Request,
    ) -> Marks:
        """The last click or box is taken back."""
        return self._marked(request, source, shown_in, *undo_corner(boxes, corner))

    def clear(
        self, source: Upload | None, shown_in: Upload | None, request: gr.Request
    ) -> Marks:
        """All boxes are taken back, or something else is marked from now on."""
        return self._marked(request, source, shown_in, '')

    def new_source(
        self, source: Upload | None, shown_in: Upload | None, request: gr.Request
    ) -> Any:
        """Another image or video is asked; what another image shows stays marked."""
        if shown_in is not None:
            return [gr.skip()] * 3
        return self.clear(source, None, request)

    def _looked_at(
        self, source: Upload | None, shown_in: Upload | None
    ) -> np.ndarray | None:
        return self._read(source) if shown_in is None else read_upload(shown_in)

    def _marked(
        self,
        request: gr.Request,
        source: Upload | None,
        shown_in: Upload | None,
        boxes: str,
        corner: Corner | None = None,
    ) -> Marks:
        with for_people():
            session = note_use(self._sessions, request, source, shown_in)
            image = self._looked_at(source, shown_in)
            marked = draw_marks(image, boxes, corner)
            if marked is None:
                return boxes, corner, None
            file = self._sessions.new_folder(session) / 'marks.jpg'
            cv2.imwrite(str(file), cv2.cvtColor(marked, cv2.COLOR_RGB2BGR))
            return boxes, corner, str(file)


class Visit(NamedTuple):
    """What is remembered of who has a camera on.

    Attributes:
        asked: What was typed: categories, expressions.
        step: Tracks it, see :meth:`SharedInferencer.track`.
        notes: What is to be said of what was typed.
    """

    asked: tuple[str, str]
    step: Callable[[np.ndarray, float], Result]
    notes: tuple[str, ...]


class AskHandlers:
    """What asks an image, or a frame of a camera.

    Args:
        find: Asks the network.
        sessions: Own the files.
    """

    def __init__(self, find: SharedInferencer, sessions: Sessions) -> None:
        self._find, self._sessions = find, sessions

    def image(
        self,
        source: Upload | None,
        categories: str,
        expressions: str,
        boxes: str,
        painting: Painting,
        score_thr: float,
        request: gr.Request,
        shown_in: Upload | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Ask an image; of ``shown_in``, if it is given, are boxes and painting.

        Yields:
            Annotated image, status, table, two buttons to download.
        """
        with for_people():
            if source is None:
                raise ValueError(NO_IMAGE)
            session = note_use(self._sessions, request, source, shown_in)
            image, shown = read_upload(source), read_upload(shown_in)
            fields = categories, expressions, boxes, painting
            prompts = self._find.prompts(image, *fields, shown_in=shown)
            yield gr.skip(), status('Looking ...'), *[gr.skip()] * 3
            start = time.perf_counter()
            result = self._find.image(image, prompts, score_thr)
            seconds = time.perf_counter() - start
            folder = self._sessions.new_folder(session)
            seen = folder / 'seen.png'
            cv2.imwrite(str(seen), plot_for_page(result))
            annotated = result.save(folder / 'uninext.png')
            records = folder / 'uninext.json'
            records.write_text(result.to_json(indent=1), encoding='utf-8')
            notes = *damage_of(source, shown_in), *absent(result), *prompts.notes
            yield (
                str(seen),
                noted(f'Answered in {seconds:.2f} s.', notes),
                instance_table(result),
                *map(file_button, (annotated, records)),
            )

    def frame(
        self,
        image: np.ndarray | None,
        categories: str,
        expressions: str,
        score_thr: float,
        visit: Visit | None,
    ) -> tuple[Any, ...]:
        """A frame of a camera arrived.

        Returns:
            Annotated frame, status, table, and what is remembered.
        """
        if image is None:
            return gr.skip(), gr.skip(), gr.skip(), visit
        start = time.perf_counter()
        with for_people():
            bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            asked = categories or '', expressions or ''
            if not ''.join(asked).strip():
                note = status(NOTHING_ASKED.split('. ')[0] + '.')
                return live_image(bgr), note, '', None
            if visit is None or visit.asked != asked:
                prompts = self._find.prompts(image, *asked, None, None)
                visit = Visit(asked, self._find.track(prompts), prompts.notes)
            result = visit.step(bgr, score_thr)
            seen = live_image(plot_for_page(result))
            seconds = time.perf_counter() - start
            note = f'Frame {result.frame + 1}, answered in {seconds:.2f} s.'
            return (
                seen,
                noted(note, (*absent(result), *visit.notes)),
                instance_table(result),
                visit,
            )
