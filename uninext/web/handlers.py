"""What happens on the page: values of its fields enter, new values leave.

No network is touched here but through :class:`uninext.web.answers.Answering`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from uninext.web.answers import Answering, FrameAnswer, Stops, VideoAnswer, first_frame
from uninext.web.errors import for_people
from uninext.web.marks import draw_marks
from uninext.web.pages import progress_bar, status
from uninext.web.prompts import (
    Corner,
    add_corner,
    new_painting,
    read_prompts,
    undo_corner,
)

NO_PICTURE = 'There is no picture yet. Drop one in, take one, or click on an example.'
NO_VIDEO = 'There is no video yet. Drop one in, record one, or click on an example.'
ReadPicture = Callable[[Any], 'np.ndarray | None']
Painting = dict[str, Any]


class MarkHandlers:
    """Clicks on a picture, or on the first frame of a video.

    Args:
        read: Gives the picture that is marked, (H, W, 3) uint8 RGB, for the value of
            the field it is given in; None where there is none.
    """

    def __init__(self, read: ReadPicture) -> None:
        self._read = read

    def renew(self, source: Any) -> tuple[str, None, np.ndarray | None, Any]:
        """Something else is looked at: no box, no corner, the picture, no painting."""
        return '', None, *self.show(source, '')

    def show(self, source: Any, boxes: str) -> tuple[np.ndarray | None, Any]:
        """The picture with boxes, and with nothing painted over it."""
        with for_people():
            picture = self._read(source)
        return draw_marks(picture, boxes, None), new_painting(picture)

    def redraw(self, source: Any, boxes: str) -> tuple[None, np.ndarray | None]:
        """Boxes were typed: a corner that waited is forgotten."""
        with for_people():
            return None, draw_marks(self._read(source), boxes, None)

    def click(
        self, source: Any, boxes: str, corner: Corner | None, event: gr.SelectData
    ) -> tuple[str, Corner | None, np.ndarray | None]:
        """A corner was clicked."""
        x, y = event.index
        boxes, corner = add_corner(boxes, corner, (int(x), int(y)))
        with for_people():
            return boxes, corner, draw_marks(self._read(source), boxes, corner)

    def undo(
        self, source: Any, boxes: str, corner: Corner | None
    ) -> tuple[str, None, np.ndarray | None]:
        """The last click or box is taken back."""
        boxes, _ = undo_corner(boxes, corner)
        with for_people():
            return boxes, None, draw_marks(self._read(source), boxes, None)

    def clear(self, source: Any) -> tuple[str, None, np.ndarray | None]:
        """All boxes are taken back."""
        with for_people():
            return '', None, draw_marks(self._read(source), '', None)


class AskHandlers:
    """The buttons that ask and stop. Files live until they are on their way.

    Args:
        answering: Asks the network.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._stops = Stops()

    def picture(
        self,
        picture: np.ndarray | None,
        names: str,
        sentences: str,
        boxes: str,
        painting: Painting | None,
        score_thr: float,
    ) -> Iterator[tuple[Any, ...]]:
        """Ask a picture.

        Yields:
            Annotated picture, status, table, two buttons to download.
        """
        with for_people(), tempfile.TemporaryDirectory(prefix='answer_') as folder:
            if picture is None:
                raise ValueError(NO_PICTURE)
            size_hw = picture.shape[:2]
            prompts = read_prompts(names, sentences, boxes, painting, size_hw)
            answer = self._answering.picture(picture, prompts, score_thr, Path(folder))
            note = status(f'Answered in {answer.seconds:.2f} s.')
            files = (gr.update(value=str(p), visible=True) for p in answer.files)
            yield answer.picture, note, answer.table, *files

    def video(
        self,
        video: str | None,
        names: str,
        sentences: str,
        boxes: str,
        painting: Painting | None,
        score_thr: float,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """Follow through a video.

        Yields:
            Newest frame, annotated video, status, table, two buttons to download, the
            button to ask, the button to stop.
        """
        session = request.session_hash or ''
        stop = self._stops.begin(session)
        try:
            with for_people(), tempfile.TemporaryDirectory(prefix='answer_') as folder:
                if video is None:
                    raise ValueError(NO_VIDEO)
                size_hw = first_frame(video).shape[:2]
                prompts = read_prompts(names, sentences, boxes, painting, size_hw)
                yield _started()
                for answer in self._answering.video(
                    video, prompts, score_thr, Path(folder), stop
                ):
                    yield _shown(answer)
        finally:
            self._stops.end(session)

    def stop(self, request: gr.Request) -> None:
        """The visitor wants the running video to end; or has left."""
        self._stops.ask(request.session_hash or '')


def ready() -> tuple[Any, Any]:
    """The buttons to ask and to stop when nothing runs."""
    return gr.update(interactive=True), gr.update(visible=False)


def _started() -> tuple[Any, ...]:
    hidden = gr.update(visible=False)
    return (
        gr.update(value=None, visible=True),
        gr.update(value=None, visible=False),
        status('Reading the video ...'),
        '',
        hidden,
        hidden,
        gr.update(interactive=False),
        gr.update(visible=True),
    )


def _shown(answer: FrameAnswer | VideoAnswer) -> tuple[Any, ...]:
    same = gr.skip()
    if isinstance(answer, FrameAnswer):
        bar = progress_bar(answer.done, answer.total, answer.fps)
        return answer.picture, same, bar, answer.table, same, same, same, same
    end = 'Stopped' if answer.stopped else 'Done'
    fps = answer.done / max(answer.seconds, 1e-9)
    note = status(
        f'{end}: {answer.done} frames in {answer.seconds:.1f} s '
        f'({fps:.1f} frames a second).'
    )
    video, records = (str(path) for path in answer.files)
    return (
        gr.update(visible=False),
        gr.update(value=video, visible=True),
        note,
        answer.table,
        gr.update(value=video, visible=True),
        gr.update(value=records, visible=True),
        *ready(),
    )
