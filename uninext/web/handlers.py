"""What happens on the page: values of its fields enter, new values leave.

No network is touched here but through :class:`uninext.web.answers.Answering`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from uninext.web.answers import Answering, FrameAnswer, Stops, VideoAnswer, first_frame
from uninext.web.errors import for_people
from uninext.web.marks import draw_marks
from uninext.web.pages import live_image, progress_bar, status
from uninext.web.painter import under_brush
from uninext.web.prompts import (
    Corner,
    WebPrompts,
    add_corner,
    read_prompts,
    undo_corner,
)
from uninext.web.strokes import image_key

NO_IMAGE = 'There is no image yet. Drop one in, take one, or click on an example.'
NO_VIDEO = 'There is no video yet. Drop one in, record one, or click on an example.'
LIVE, WHOLE = 'live', 'whole'  # tabs of the prediction to a video
ReadImage = Callable[[Any], 'np.ndarray | None']
Painting = str | Mapping[str, Any] | None  # see uninext.web.strokes


class MarkHandlers:
    """Clicks on an image, or on the first frame of a video.

    Args:
        read: Gives the image that is marked, (H, W, 3) uint8 RGB, for the value of
            the field it is given in; None where there is none.
    """

    def __init__(self, read: ReadImage) -> None:
        self._read = read

    def under_brush(self, source: Any) -> Any:
        """Something else is looked at: it is put under the brush."""
        with for_people():
            return gr.update(image=under_brush(self._read(source)))

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
        """All boxes are taken back, or something else is looked at."""
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

    def image(
        self,
        image: np.ndarray | None,
        categories: str,
        expressions: str,
        boxes: str,
        painting: Painting,
        score_thr: float,
    ) -> Iterator[tuple[Any, ...]]:
        """Ask an image.

        Yields:
            Annotated image, status, table, two buttons to download.
        """
        with for_people(), tempfile.TemporaryDirectory(prefix='answer_') as folder:
            if image is None:
                raise ValueError(NO_IMAGE)
            prompts = read_prompts(
                *(categories, expressions, boxes, painting),
                *(image.shape[:2], image_key(image)),
            )
            prompts = self._answering.with_remarks(prompts)
            same = gr.skip()
            yield same, status('Looking ...'), same, same, same
            answer = self._answering.image(image, prompts, score_thr, Path(folder))
            note = _with_notes(f'Answered in {answer.seconds:.2f} s.', prompts)
            yield answer.image, note, answer.table, *map(_file, answer.files)

    def video(
        self,
        video: str | None,
        categories: str,
        expressions: str,
        boxes: str,
        painting: Painting,
        score_thr: float,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """Track through a video.

        Yields:
            Selected tab, newest frame, annotated video, status, table, two buttons to
            download, the button to ask, the button to stop.
        """
        session = request.session_hash or ''
        stop = self._stops.begin(session)
        try:
            with for_people(), tempfile.TemporaryDirectory(prefix='answer_') as folder:
                if video is None:
                    raise ValueError(NO_VIDEO)
                image = first_frame(video)
                prompts = read_prompts(
                    *(categories, expressions, boxes, painting),
                    *(image.shape[:2], image_key(image)),
                )
                prompts = self._answering.with_remarks(prompts)
                yield _started()
                for answer in self._answering.video(
                    video, prompts, score_thr, Path(folder), stop
                ):
                    yield _shown(answer, prompts)
        finally:
            self._stops.end(session)

    def stop(self, request: gr.Request) -> None:
        """The visitor wants the running video to end; or has left."""
        self._stops.ask(request.session_hash or '')


def ready() -> tuple[Any, Any]:
    """The buttons to ask and to stop when nothing runs."""
    return gr.update(interactive=True), gr.update(interactive=False)


# Components are enabled and disabled, never hidden: two buttons that appear together
# send Gradio 6.17's page into an endless loop.
def _file(path: Path) -> Any:
    return gr.update(value=str(path), interactive=True)


def _started() -> tuple[Any, ...]:
    return (
        gr.update(selected=LIVE),
        live_image(None),
        None,
        status('Reading the video ...'),
        '',
        *(gr.update(interactive=False) for _ in range(3)),
        gr.update(interactive=True),
    )


def _with_notes(text: str, prompts: WebPrompts) -> str:
    return status(' '.join((text, *prompts.notes)))


def _shown(answer: FrameAnswer | VideoAnswer, prompts: WebPrompts) -> tuple[Any, ...]:
    same = gr.skip()
    if isinstance(answer, FrameAnswer):
        notes = ' '.join(prompts.notes)
        bar = progress_bar(answer.done, answer.total, answer.fps, notes)
        live = live_image(answer.image)
        return same, live, same, bar, answer.table, *([same] * 4)
    end = 'Stopped' if answer.stopped else 'Done'
    fps = answer.done / max(answer.seconds, 1e-9)
    note = _with_notes(
        f'{end}: {answer.done} frames in {answer.seconds:.1f} s '
        f'({fps:.1f} frames a second).',
        prompts,
    )
    return (
        gr.update(selected=WHOLE),
        same,
        str(answer.files[0]),
        note,
        answer.table,
        *map(_file, answer.files),
        *ready(),
    )
