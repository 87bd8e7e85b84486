"""A page to look predictions through: thumbnails with boxes, the least sure first.

One HTML file and a folder of small images; no server and no script. Boxes are drawn by
the browser, so that another threshold changes their colour without a new image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import cv2
import numpy as np

from uninext.formats.predicted import ACCEPT, PredictedInstance
from uninext.labelling.bands import BANDS
from uninext.utils.files import replacing

LONG_SIDE = 320  # pixels of a thumbnail
QUALITY = 85  # of its JPEG
MOST_NAMED = 12  # objects in a caption
_STYLE = """
:root { color-scheme: light dark; --accept: #1b7f3b; --review: #c25700; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; }
summary { font-size: 1.2rem; cursor: pointer; margin: 1rem 0 .5rem; }
ul { display: grid; gap: 1rem; padding: 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
li { border: 1px solid #8886; border-radius: 6px; overflow: hidden;
  content-visibility: auto; contain-intrinsic-size: auto 17rem; }
figure { margin: 0; position: relative; display: grid; }
figure > * { grid-area: 1 / 1; width: 100%; height: auto; }
rect { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
rect.accept { stroke: var(--accept); } rect.review { stroke: var(--review);
  stroke-dasharray: 6 3; }
p { margin: .4rem .6rem; overflow-wrap: anywhere; }
b { padding: 0 .4em; border-radius: 3px; color: #fff; }
b.accept { background: var(--accept); } b.review { background: var(--review); }
"""


class Card(NamedTuple):
    """An image, or a frame of a video, on the page.

    Attributes:
        title: For people.
        link: Of the image or video, as a browser beside the page finds it.
        thumbnail: File of the small image, from the folder of the page.
        size_wh: Of the image itself, pixels.
        band: Of the image, or of the whole video.
        instances: With their bands.
    """

    title: str
    link: str
    thumbnail: str
    size_wh: tuple[int, int]
    band: str
    instances: Sequence[PredictedInstance]

    @property
    def score(self) -> float:
        """Of the instance that is least sure; 1 without any."""
        return min((instance.score for instance in self.instances), default=1.0)


def write_thumbnail(image: np.ndarray, path: Path) -> None:
    """Write a small copy of an image (H, W, 3) uint8 BGR, whole or not at all.

    Raises:
        FileError: If it cannot be written.
    """
    factor = min(1, LONG_SIDE / max(image.shape[:2]))
    size_wh = tuple(max(1, round(side * factor)) for side in image.shape[1::-1])
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content.tobytes())


def page_of(cards: Iterable[Card], accept: float, review: float) -> str:
    """The page: what is to be reviewed, then what was accepted.

    Args:
        cards: In any order; those that are less sure come first.
        accept: Threshold in 0..1, for people.
        review: Likewise.
    """
    by_band: dict[str, list[Card]] = {band: [] for band in BANDS}
    for card in sorted(cards, key=lambda card: card.score):
        by_band[card.band].append(card)
    ranges = dict(zip(BANDS, (f'from {accept:g}', f'{review:g} to {accept:g}')))
    parts = []
    for band in reversed(BANDS):
        found = by_band[band]
        count = f'{len(found)} thumbnail{"s" * (len(found) != 1)}'
        is_open = ' open' if band != ACCEPT or not parts else ''
        head = f'<b class="{band}">{band}</b> {count}, scores {ranges[band]}'
        cells = '\n'.join(map(_cell, found))
        parts.append(
            f'<details{is_open}><summary>{head}</summary>\n<ul>\n{cells}\n</ul></details>'
        )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>Review of predictions</title><style>{_STYLE}</style></head><body>\n'
        '<h1>Review of predictions</h1>\n' + '\n'.join(parts) + '\n</body></html>\n'
    )


def _cell(card: Card) -> str:
    width, height = card.size_wh
    boxes = ''.join(map(_box, card.instances))
    texts = [
        f'{escape(i.label)} {i.score:.2f}'
        for i in sorted(card.instances, key=lambda i: i.score)
    ]
    more = [f'and {len(texts) - MOST_NAMED} more'] if len(texts) > MOST_NAMED else []
    found = ', '.join([*texts[:MOST_NAMED], *more]) or 'nothing found'
    title = escape(card.title)
    return (
        f'<li><a href="{escape(quote(card.link))}"><figure>'
        f'<img src="{escape(quote(card.thumbnail))}" alt="{title}" loading="lazy">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none">{boxes}</svg>'
        f'</figure></a><p><b class="{card.band}">{card.band}</b> {title}</p>'
        f'<p>{found}</p></li>'
    )


def _box(instance: PredictedInstance) -> str:
    x, y, width, height = (f'{side:.1f}' for side in instance.box_xywh)
    caption = f'{escape(instance.label)} {instance.score:.2f}, {instance.band}'
    return (
        f'<rect class="{instance.band}" x="{x}" y="{y}" width="{width}" '
        f'height="{height}"><title>{caption}</title></rect>'
    )
