"""What was found as small pieces of HTML: tables, progress, notes.

Results enter, HTML leaves; whatever people typed is escaped.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import cv2
import numpy as np

from uninext.apis import Result
from uninext.visualization.palette import Color, track_color

MAX_ROWS = 100  # of a table; images of crowds would make a page of it
_NUMBERS = itertools.count()
LIVE_SIDE, LIVE_QUALITY = 960, 85  # pixels; of JPEG
INSTANCE_HEADERS = ('', 'label', 'score', 'box (pixels)', 'asked by')
FRAME_HEADERS = ('', 'track', *INSTANCE_HEADERS[1:])
TRACK_HEADERS = ('', 'track', 'label', 'score', 'frames', 'last box', 'asked by')


@dataclass
class _TrackRow:
    """What is known of a track."""

    prompt: str
    first: int
    last: int = 0
    count: int = 0
    box_xyxy: np.ndarray | None = None
    label_scores: dict[str, float] = field(default_factory=dict)


class TrackSummary:
    """Tracks of a video, without images and masks: frames enter one by one."""

    def __init__(self) -> None:
        self._rows: dict[int, _TrackRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, result: Result) -> None:
        """Take the next frame; instances whose track is not sure are left out."""
        labels, texts = result.labels, result.prompt_texts
        for i, track in enumerate(result.track_ids.tolist()):
            if track < 0:
                continue
            row = self._rows.setdefault(track, _TrackRow(texts[i], result.frame))
            row.last, row.box_xyxy = result.frame, result.boxes_xyxy[i]
            row.count += 1
            score = row.label_scores.get(labels[i], 0.0) + float(result.scores[i])
            row.label_scores[labels[i]] = score

    def table(self) -> str:
        """One row a track: its name, mean score, first and last frame, last box."""
        rows = []
        for track, row in sorted(self._rows.items()):
            label = max(row.label_scores, key=row.label_scores.__getitem__)
            mean = f'{sum(row.label_scores.values()) / row.count:.2f}'
            frames = f'{row.count} ({row.first}-{row.last})'
            cells = (f'#{track}', label, mean, frames, _box(row.box_xyxy), row.prompt)
            rows.append((_swatch(track_color(track)), *map(escape, cells)))
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
        rows.append((_swatch(colors[i]), *map(escape, cells)))
    headers = FRAME_HEADERS if in_video else INSTANCE_HEADERS
    empty = 'Nothing was found. Lower the score threshold, or ask for something else.'
    return _table(headers, rows, 'What was found', empty)


def progress_bar(done: int, total: int | None, fps: float, note: str = '') -> str:
    """How far a video is.

    Args:
        done: Frames.
        total: Frames of the video; None if that is not known.
        fps: Frames a second so far.
        note: What else there is to say.
    """
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
    headers: Sequence[str], rows: Sequence[Iterable[str]], caption: str, empty: str
) -> str:
    """A table; cells are HTML already."""
    if not rows:
        return status(empty)
    head = ''.join(
        f'<th scope="col">{escape(name) or _hidden("colour")}</th>' for name in headers
    )
    body = ''.join(
        f'<tr>{"".join(f"<td>{cell}</td>" for cell in row)}</tr>'
        for row in rows[:MAX_ROWS]
    )
    more = len(rows) - MAX_ROWS
    note = status(f'... and {more} more, in the JSON file.') if more > 0 else ''
    return (
        f'<div class="un-scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="un-table"><caption>{caption}: {len(rows)}</caption>'
        f'<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}'
    )


def _hidden(text: str) -> str:
    return f'<span class="un-hidden">{text}</span>'


def _swatch(color: Color) -> str:
    style = f'background:rgb{color}'
    return f'<span class="un-swatch" style="{style}">&nbsp;</span>'


def _box(box_xyxy: np.ndarray) -> str:
    return ' '.join(f'{value:.0f}' for value in box_xyxy)
