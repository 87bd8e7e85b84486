"""What happens on the page: from values of its fields to new values.

No network is touched here but through ``shared_inferencer``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import gradio as gr
import numpy as np

from uninext.apis import Result
from uninext.apis.exports import VideoTracks
from uninext.apis.video import part_read, read_header
from uninext.utils.serving_limits import ServingLimits, where_to_change
from uninext.web.errors import for_people
from uninext.web.marks import draw_marks
from uninext.web.pages import (
    instance_table,
    live_image,
    progress_bar,
    status,
    track_table,
)
from uninext.web.painter import under_brush
from uninext.web.prompts import (
    NOTHING_ASKED,
    Corner,
    WebPrompts,
    add_corner,
    read_prompts,
    undo_corner,
)
from uninext.web.sessions import Sessions
from uninext.web.shared_inferencer import (
    SharedInferencer,
    first_frame,
    plot_for_page,
    video_files,
)
from uninext.web.strokes import image_key
from uninext.web.uploads import Upload, called, damage_of, is_too_long, read_upload

NO_IMAGE = 'There is no image yet. Drop one in, take one, or click on an example.'
NO_VIDEO = 'There is no video yet. Drop one in, record one, or click on an example.'
LIVE, WHOLE = 'live', 'whole'  # tabs of the prediction to a video
SHOWN_EVERY = 0.2  # seconds between frames that are sent to the page while it runs
DEFAULT_FPS = 25.0  # of a video that does not tell
Painting = str | Mapping[str, Any] | None  # see uninext.web.strokes
Marks = tuple[str, Corner | None, str | None]  # boxes, corner, the file that is seen


class MarkHandlers:
    """Clicks on an image, or on the first frame of a video.

    Args:
        read: Gives the image that is marked, (H, W, 3) uint8 RGB; None where there is
            none.
        sessions: Own the files.
    """

    def __init__(
        self, read: Callable[[Upload | None], np.ndarray | None], sessions: Sessions
    ) -> None:
        self._read, self._sessions = read, sessions

    def under_brush(self, source: Upload | None, request: gr.Request) -> Any:
        """Something else is looked at: it is put under the brush."""
        with for_people():
            _note(self._sessions, request, source)
            return gr.update(image=under_brush(self._read(source)))

    def redraw(
        self, source: Upload | None, boxes: str, request: gr.Request
    ) -> tuple[None, str | None]:
        """Boxes were typed: a corner that waited is forgotten."""
        return self._marked(request, source, boxes)[1:]

    def click(
        self,
        source: Upload | None,
        boxes: str,
        corner: Corner | None,
        event: gr.SelectData,
        request: gr.Request,
    ) -> Marks:
        """A corner was clicked."""
        x, y = event.index
        point = int(x), int(y)
        return self._marked(request, source, *add_corner(boxes, corner, point))

    def undo(
        self,
        source: Upload | None,
        boxes: str,
        corner: Corner | None,
        request: gr.Request,
    ) -> Marks:
        """The last click or box is taken back."""
        return self._marked(request, source, *undo_corner(boxes, corner))

    def clear(self, source: Upload | None, request: gr.Request) -> Marks:
        """All boxes are taken back, or something else is looked at."""
        return self._marked(request, source, '')

    def _marked(
        self,
        request: gr.Request,
        source: Upload | None,
        boxes: str,
        corner: Corner | None = None,
    ) -> Marks:
        with for_people():
            session = _note(self._sessions, request, source)
            marked = draw_marks(self._read(source), boxes, corner)
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
    """What asks, and stops.

    Args:
        find: Asks the network.
        sessions: Own the files; a video of one that has left ends.
        limits: Of videos.
    """

    def __init__(
        self, find: SharedInferencer, sessions: Sessions, limits: ServingLimits
    ) -> None:
        self._find, self._sessions, self._limits = find, sessions, limits
        self._stops: dict[str, threading.Event] = {}  # of videos that run

    def image(
        self,
        source: Upload | None,
        categories: str,
        expressions: str,
        boxes: str,
        painting: Painting,
        score_thr: float,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """Ask an image.

        Yields:
            Annotated image, status, table, two buttons to download.
        """
        with for_people():
            if source is None:
                raise ValueError(NO_IMAGE)
            session = _note(self._sessions, request, source)
            image = read_upload(source)
            prompts = self._prompts(image, categories, expressions, boxes, painting)
            yield gr.skip(), status('Looking ...'), *[gr.skip()] * 3
            start = time.perf_counter()
            result = self._find.image(image, prompts, score_thr)
            seconds = time.perf_counter() - start
            folder = self._sessions.new_folder(session)
            shown = folder / 'seen.png'
            cv2.imwrite(str(shown), plot_for_page(result))
            annotated = result.save(folder / 'uninext.png')
            records = folder / 'uninext.json'
            records.write_text(result.to_json(indent=1), encoding='utf-8')
            notes = *damage_of(source), *_absent(result), *prompts.notes
            yield (
                str(shown),
                _noted(f'Answered in {seconds:.2f} s.', notes),
                instance_table(result),
                *map(_file, (annotated, records)),
            )

    def video(
        self,
        source: Upload | None,
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
        session = _note(self._sessions, request, source)
        stop = self._stops[session] = threading.Event()
        try:
            with for_people():
                if source is None:
                    raise ValueError(NO_VIDEO)
                image = first_frame_of(source)
                prompts = self._prompts(image, categories, expressions, boxes, painting)
                yield (
                    gr.update(selected=LIVE),
                    live_image(None),
                    None,
                    status('Reading the video ...'),
                    '',
                    *(gr.update(interactive=False) for _ in range(3)),
                    gr.update(interactive=True),
                )
                with called(source):
                    yield from self._track(source, prompts, score_thr, session, stop)
        finally:
            self._stops.pop(session, None)

    def stop(self, request: gr.Request) -> None:
        """The visitor wants the running video to end; or has left."""
        if running := self._stops.get(request.session_hash or ''):
            running.set()

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
                prompts = self._prompts(image, *asked, None, None)
                visit = Visit(asked, self._find.track(prompts), prompts.notes)
            result = visit.step(bgr, score_thr)
            seen = live_image(plot_for_page(result))
            seconds = time.perf_counter() - start
            note = f'Frame {result.frame + 1}, answered in {seconds:.2f} s.'
            return (
                seen,
                _noted(note, (*_absent(result), *visit.notes)),
                instance_table(result),
                visit,
            )

    def _prompts(self, image: np.ndarray, *fields: Any) -> WebPrompts:
        prompts = read_prompts(*fields, image.shape[:2], image_key(image))
        return self._find.with_remarks(prompts)

    def _track(
        self,
        video: Upload,
        prompts: WebPrompts,
        score_thr: float,
        session: str,
        stop: threading.Event,
    ) -> Iterator[tuple[Any, ...]]:
        """Frames, not every one, and at the end the whole; outputs of :meth:`video`."""
        header, same = read_header(video.path), gr.skip()
        fps = header.fps or DEFAULT_FPS
        folder = self._sessions.new_folder(session)
        files = folder / 'uninext.mp4', folder / 'uninext.json'
        tracks, start, shown, done = VideoTracks(), time.perf_counter(), 0.0, 0
        end = 'Done'
        with video_files(*files, fps) as write:
            for result in self._find.video(video.path, prompts, score_thr):
                write(result)
                tracks.add(replace(result, masks=None))
                done += 1
                now = time.perf_counter()
                if now - shown >= SHOWN_EVERY:
                    shown = now
                    rate, notes = done / (now - start), ' '.join(prompts.notes)
                    bar = progress_bar(done, header.count, rate, notes)
                    live = live_image(plot_for_page(result))
                    yield same, live, same, bar, instance_table(result), *[same] * 4
                if not self._sessions.is_there(session):
                    return  # nobody hears the rest
                self._sessions.uses(session, video.path)
                length = done / fps if result.time is None else result.time
                if stop.is_set() or is_too_long(length, done, self._limits):
                    end = 'Stopped'
                    break
        seconds = time.perf_counter() - start
        rate = done / max(seconds, 1e-9)
        note = f'{end}: {done} frames in {seconds:.1f} s ({rate:.1f} frames a second).'
        notes = self._end_of(video, done, stop.is_set(), end == 'Stopped')
        yield (
            gr.update(selected=WHOLE),
            same,
            str(files[0]),
            _noted(note, (*notes, *prompts.notes)),
            track_table(tracks),
            *map(_file, files),
            *ready(),
        )

    def _end_of(
        self, video: Upload, done: int, is_wanted: bool, is_stopped: bool
    ) -> tuple[str, ...]:
        """Why a video ended before its end, unless the visitor wanted it."""
        if is_wanted:
            return ()
        if is_stopped:
            return (
                f'{video.name} is longer than {self._limits.max_video_seconds:g} s. '
                f'{where_to_change("max_video_seconds")}',
            )
        part = part_read(video.path, done)
        return (
            () if part is None else (f'{video.name} is damaged: {part} could be read.',)
        )


def first_frame_of(source: Upload | None) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB of a video; None without one.

    Raises:
        SourceError: If no frame can be read.
    """
    if source is None:
        return None
    with called(source):
        return first_frame(source.path)


def ready() -> tuple[Any, Any]:
    """The buttons to ask and to stop when nothing runs."""
    return gr.update(interactive=True), gr.update(interactive=False)


# Components are enabled and disabled, never hidden: two buttons that appear together
# send Gradio 6.17's page into an endless loop.
def _file(path: Path) -> Any:
    return gr.update(value=str(path), interactive=True)


def _absent(result: Result) -> tuple[str, ...]:
    """The expressions and targets that are not in an image."""
    return (f'Not there: {", ".join(result.absent)}.',) if result.absent else ()


def _noted(text: str, notes: tuple[str, ...]) -> str:
    return status(' '.join((text, *notes)))


def _note(sessions: Sessions, request: gr.Request, source: Upload | None) -> str:
    """Tell who asks, and of which file; returns the name of the session."""
    session = request.session_hash or ''
    sessions.uses(session, *([] if source is None else [source.path]))
    return session
