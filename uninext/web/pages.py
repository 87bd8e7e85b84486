"""What was found as small pieces of HTML: tables, progress, notes.

Whatever people typed is escaped.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

from uninext.apis import Result
from uninext.apis.exports import VideoTracks
from uninext.visualization.palette import track_color

MAX_ROWS = 100  # of a table; images of crowds would make a page of it
_NUMBERS = itertools.count()
LIVE_SIDE, LIVE_QUALITY = 960, 85  # pixels; of JPEG
INSTANCE_HEADERS = ('', 'label', 'score', 'box (pixels)', 'asked by')
FRAME_HEADERS = ('', 'track', *INSTANCE_HEADERS[1:])
HIDDEN = '<span class="un-hidden">colour</span>'  # for who listens to the page
TRACK_HEADERS = ('', 'track', 'label', 'score', 'frames', 'last box', 'asked by')


def track_table(tracks: VideoTracks) -> str:
    """One row a track: its name, mean score, first and last frame, last box."""
    rows = []
    for track_id, track in sorted(tracks.tracks.items()):
        first, last = min(track.sightings), max(track.sightings)
        x, y, w, h = track.sightings[last].box_xywh
        frames = f'{len(track.sightings)} ({first}-{last})'
        box = _box((x, y, x + w, y + h))
        mean = f'{track.score:.2f}'
        cells = (f'#{track_id}', track.label, mean, frames, box, track.prompt)
        rows.append((track_color(track_id), *cells))
    return _table(TRACK_HEADERS, rows, 'Tracks', 'No track was found.')


def instance_table(result: Result) -> str:
    """One row an instance, the surest first; with its track in a video."""
    rows = []
    in_video = result.track_ids is not None
    labels, texts, colors = result.labels, result.prompt_texts, result.colors
    for i in np.argsort(-result.scores, kind='stable').tolist():
        box = _box(result.boxes_xyxy[i])
        cells = [labels[i], f'{result.scores[i]:.2f}', box, texts[i]]
        if in_video:
            track = int(result.track_ids[i])
            cells.insert(0, f'#{track}' if track >= 0 else 'not sure yet')
        rows.append((colors[i], *cells))
    headers = FRAME_HEADERS if in_video else INSTANCE_HEADERS
    empty = 'Nothing was found. Lower the score threshold, or ask for something else.'
    return _table(headers, rows, 'What was found', empty)


def progress_bar(done: int, total: int | None, fps: float, note: str = '') -> str:
    """Frames of a video that are done, of all if it tells, and how many a second."""
    of_total = f' of {total}' if total else ''
    text = f'Frame {done}{of_total}, {fps:.1f} frames a second'
    if note:
        text = f'{text}. {note}'
    share = min(1.0, done / total) if total else 0.0
    return (
        f'<div class="un-progress" role="progressbar" aria-label="frames done" '
        f'aria-valuemin="0" aria-valuemax="{total or done}" aria-valuenow="{done}">'
        f'<div class="un-bar" style="width:{share:.1%}"></div></div>'
        f'<div class="un-status" aria-live="polite">{escape(text)}</div>'
    )


def live_image(image: np.ndarray | None) -> str:
    """The newest frame, inside of the page: no file of it is written.

    Args:
        image: (H, W, 3) uint8 BGR, made smaller if it is large; None before any.
    """
    if image is None:
        return '<div class="un-live">The newest frame appears here.</div>'
    address = data_uri(image)
    return f'<div class="un-live"><img src="{address}" alt="the newest frame"></div>'


def data_uri(image: np.ndarray) -> str:
    """An image, (H, W, 3) uint8 BGR, as an address; made smaller if it is large."""
    shrink = LIVE_SIDE / max(image.shape[:2])
    if shrink < 1:
        image = cv2.resize(
            image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA
        )
    quality = [cv2.IMWRITE_JPEG_QUALITY, LIVE_QUALITY]
    data = cv2.imencode('.jpg', image, quality)[1].tobytes()
    return f'data:image/jpeg;base64,{base64.b64encode(data).decode()}'


def status(text: str) -> str:
    """A line that says how it went; its number tells it from one of equal words."""
    number = next(_NUMBERS)
    return (
        f'<div class="un-status" aria-live="polite" data-number="{number}">'
        f'{escape(text)}</div>'
    )


def _table(
    headers: Sequence[str], rows: Sequence[Sequence[Any]], caption: str, empty: str
) -> str:
    """A table; rows are a colour and texts."""
    if not rows:
        return status(empty)
    head = ''.join(f'<th scope="col">{escape(name) or HIDDEN}</th>' for name in headers)
    body = ''
    for color, *texts in rows[:MAX_ROWS]:
        swatch = f'<span class="un-swatch" style="background:rgb{color}">&nbsp;</span>'
        cells = [swatch, *map(escape, texts)]
        body += f'<tr>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    more = len(rows) - MAX_ROWS
    note = status(f'... and {more} more, in the JSON file.') if more > 0 else ''
    return (
        f'<div class="un-scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="un-table"><caption>{caption}: {len(rows)}</caption>'
        f'<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}'
    )


def _box(box_xyxy: Iterable[float]) -> str:
    return ' '.join(f'{value:.0f}' for value in box_xyxy)
