"""What happens to a video on the page: it is tracked, and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from uninext.apis.exports import VideoTracks
from uninext.apis.video import part_read, read_header
from uninext.utils.serving_limits import ServingLimits, where_to_change
from uninext.web.errors import for_people
from uninext.web.pages import (
    instance_table,
    live_image,
    progress_bar,
    status,
    track_table,
)
from uninext.web.prompts import WebPrompts
from uninext.web.reports import file_button, note_use, noted
from uninext.web.sessions import Sessions
from uninext.web.shared_inferencer import (
    SharedInferencer,
    first_frame,
    plot_for_page,
    video_files,
)
from uninext.web.strokes import Painting
from uninext.web.uploads import Upload, called, damage_of, is_too_long, read_upload

NO_VIDEO = 'There is no video yet. Drop one in, record one, or click on an example.'
LIVE, WHOLE = 'live', 'whole'  # tabs of the prediction to a video
SHOWN_EVERY = 0.2  # seconds between frames that are sent to the page while it runs
DEFAULT_FPS = 25.0  # of a video that does not tell


class VideoHandlers:
    """What tracks through videos, and stops.

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

    def track(
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
        """Track through a video; of ``shown_in``, if given, are boxes and painting.

        Yields:
            Selected tab, newest frame, annotated video, status, table, two buttons to
            download, the button to ask, the button to stop.
        """
        session = note_use(self._sessions, request, source, shown_in)
        stop = self._stops[session] = threading.Event()
        try:
            with for_people():
                if source is None:
                    raise ValueError(NO_VIDEO)
                image, shown = first_frame_of(source), read_upload(shown_in)
                fields = categories, expressions, boxes, painting
                prompts = self._find.prompts(image, *fields, shown_in=shown)
                prompts = prompts._replace(notes=(*damage_of(shown_in), *prompts.notes))
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

    def _track(
        self,
        video: Upload,
        prompts: WebPrompts,
        score_thr: float,
        session: str,
        stop: threading.Event,
    ) -> Iterator[tuple[Any, ...]]:
        """Frames, not every one, and at the end the whole; outputs of :meth:`track`."""
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
            noted(note, (*notes, *prompts.notes)),
            track_table(tracks),
            *map(file_button, files),
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
