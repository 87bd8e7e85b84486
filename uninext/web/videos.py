"""What happens to a video on the page: it is tracked, stopped, and corrected."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from uninext.apis.exports import VideoTracks
from uninext.apis.video import part_read, read_header
from uninext.utils.serving_limits import ServingLimits, where_to_change
from uninext.web.corrections import shown_by
from uninext.web.errors import for_people
from uninext.web.pages import (
    instance_table,
    live_image,
    progress_bar,
    status,
    track_table,
)
from uninext.web.reports import file_button, note_use, noted
from uninext.web.runs import Run, SavedStates, video_files
from uninext.web.sessions import Sessions
from uninext.web.shared_inferencer import SharedInferencer, frame_of, plot_for_page
from uninext.web.strokes import Painting
from uninext.web.uploads import Upload, called, damage_of, is_too_long, read_upload

NO_VIDEO = 'There is no video yet. Drop one in, record one, or click on an example.'
NOTHING_TRACKED = 'There is nothing to correct yet. Track a video first.'
NO_TRACK = 'No track is chosen. Click on one, or type its number.'
LIVE, WHOLE, FIX = 'live', 'whole', 'fix'  # tabs of the prediction to a video
ANNOTATED, RECORDS = 'uninext.mp4', 'uninext.json'
SHOWN_EVERY = 0.2  # seconds between frames that are sent to the page while it runs
DEFAULT_FPS = 25.0  # of a video that does not tell


class VideoOutputs(NamedTuple):
    """What happens to components of the page; what is not told stays as it is.

    Attributes:
        tab: That is selected.
        live: The newest frame.
        player: The annotated video.
        status: How it goes.
        table: Instances of the frame, or tracks of the video.
        video: The button to download the annotated video.
        records: The button to download everything.
        ask: The button to ask.
        stop: The button to stop.
        correct: The button to correct.
        frame: Which one is corrected.
        run: What can be corrected.
    """

    tab: Any = gr.skip()
    live: Any = gr.skip()
    player: Any = gr.skip()
    status: Any = gr.skip()
    table: Any = gr.skip()
    video: Any = gr.skip()
    records: Any = gr.skip()
    ask: Any = gr.skip()
    stop: Any = gr.skip()
    correct: Any = gr.skip()
    frame: Any = gr.skip()
    run: Any = gr.skip()

    @classmethod
    def started(cls) -> VideoOutputs:
        """Nothing can be pressed but the button to stop."""
        off = gr.update(interactive=False)
        return cls(
            tab=gr.update(selected=LIVE),
            status=status('Reading the video ...'),
            table='',
            **dict.fromkeys(('video', 'records', 'ask', 'correct'), off),
            stop=gr.update(interactive=True),
        )

    @classmethod
    def ended(cls, run: Run, frame: int) -> VideoOutputs:
        """The video is there, to be corrected, in ``frame`` at first."""
        last = max(1, run.num_frames - 1)
        return cls(
            tab=gr.update(selected=WHOLE),
            ask=gr.update(interactive=True),
            stop=gr.update(interactive=False),
            correct=gr.update(interactive=True),
            frame=gr.update(value=frame, maximum=last, interactive=True),
            run=run,
        )


class VideoHandlers:
    """What tracks through videos, stops, and corrects.

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
    ) -> Iterator[VideoOutputs]:
        """Track through a video; of ``shown_in``, if given, are boxes and painting."""
        session = note_use(self._sessions, request, source, shown_in)
        with self._stoppable(session) as stop, for_people():
            if source is None:
                raise ValueError(NO_VIDEO)
            image, shown = first_frame_of(source), read_upload(shown_in)
            fields = categories, expressions, boxes, painting
            prompts = self._find.prompts(image, *fields, shown_in=shown)
            prompts = prompts._replace(notes=(*damage_of(shown_in), *prompts.notes))
            folder = self._sessions.new_folder(session)
            states = SavedStates(folder)
            run = Run(source, prompts, score_thr, folder / RECORDS, states)
            yield VideoOutputs.started()._replace(live=live_image(None), player=None)
            with called(source):
                yield from self._follow(run, None, session, stop, prompts.notes)

    def correct(
        self,
        run: Run | None,
        frame: float,
        track_id: float | None,
        box: str,
        painting: Painting,
        request: gr.Request,
    ) -> Iterator[VideoOutputs]:
        """Track anew from a frame on that shows a track, by a box or a painting."""
        source = None if run is None else run.video
        session = note_use(self._sessions, request, source)
        with self._stoppable(session) as stop, for_people():
            if run is None:
                raise ValueError(NOTHING_TRACKED)
            with called(source):
                shown = shown_by(run, int(frame), box, painting)
                if track_id is None:
                    raise ValueError(NO_TRACK)
                folder = self._sessions.new_folder(session)
                corrected = run.corrected(int(frame), int(track_id), shown, folder)
                notes = *_forgotten(run, int(frame)), *run.prompts.notes
                yield VideoOutputs.started()
                yield from self._follow(corrected, run, session, stop, notes)

    def stop(self, request: gr.Request) -> None:
        """The visitor wants the running video to end; or has left."""
        if running := self._stops.get(request.session_hash or ''):
            running.set()

    @contextmanager
    def _stoppable(self, session: str) -> Iterator[threading.Event]:
        """A video of a session runs in the block; the event is set if it is to end."""
        stop = self._stops[session] = threading.Event()
        try:
            yield stop
        finally:
            self._stops.pop(session, None)

    def _follow(
        self,
        run: Run,
        earlier: Run | None,
        session: str,
        stop: threading.Event,
        notes: Sequence[str],
    ) -> Iterator[VideoOutputs]:
        """Frames, not every one, and at the end the whole."""
        video, header = run.video, read_header(run.video.path)
        fps = header.fps or DEFAULT_FPS
        files = run.records.with_name(ANNOTATED), run.records
        tracks, start, shown, done = VideoTracks(), time.perf_counter(), 0.0, 0
        end, asked = 'Done', ()
        with video_files(*files, fps) as write:
            for result in self._find.video(run, earlier):
                write(result)
                tracks.add(replace(result, masks=None))
                done, asked = done + 1, result.prompts
                now = time.perf_counter()
                if now - shown >= SHOWN_EVERY:
                    shown = now
                    rate = done / (now - start)
                    yield VideoOutputs(
                        live=live_image(plot_for_page(result)),
                        status=progress_bar(done, header.count, rate, ' '.join(notes)),
                        table=instance_table(result),
                    )
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
        whys = self._end_of(video, done, stop.is_set(), end == 'Stopped')
        run = replace(run, asked=asked, num_frames=done)
        yield VideoOutputs.ended(
            run, run.since if end == 'Done' else done - 1
        )._replace(
            player=str(files[0]),
            status=noted(note, (*whys, *notes)),
            table=track_table(tracks),
            video=file_button(files[0]),
            records=file_button(files[1]),
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


def ready(run: Run | None) -> tuple[Any, Any, Any]:
    """The buttons to ask, to stop and to correct when nothing runs."""
    on, off = (gr.update(interactive=value) for value in (True, False))
    return on, off, off if run is None else on


def _forgotten(run: Run, frame: int) -> list[str]:
    """What is lost where a run is corrected in a frame, as a note."""
    later = run.later_corrections(frame)
    if not later:
        return []
    return [
        f'Corrections of later frames are gone: {", ".join(later)}. Make them again.'
    ]


def first_frame_of(source: Upload | None) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB of a video; None without one.

    Raises:
        SourceError: If no frame can be read.
    """
    if source is None:
        return None
    with called(source):
        return frame_of(source.path)
