"""The page of a fine-tuning: metrics, curves, images before and after, what to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from uninext.formats.json_file import write_text

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem;
  padding: 0 1rem; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8886; border-radius: 6px; }
figure { margin: 0; } img { max-width: 100%; }
.pair { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); }
"""


def write_page(
    path: Path,
    title: str,
    texts: Mapping[str, str],
    images: Mapping[str, Sequence[tuple[str, Path]]],
) -> None:
    """Write one HTML file, without a script; whole or not at all.

    Args:
        path: File to write.
        title: Of the page.
        texts: Heading -> text, shown as it is; empty ones are left out.
        images: Heading -> captions and files of images side by side. Their addresses
            are relative to the page, so that the folder can be moved.

    Raises:
        FileError: If it cannot be written.
    """
    parts = [
        f'<h2>{escape(h)}</h2>\n<pre>{escape(t)}</pre>' for h, t in texts.items() if t
    ]
    for heading, shown in images.items():
        figures = [_figure(caption, file, path.parent) for caption, file in shown]
        if figures:
            row = '\n'.join(figures)
            parts.append(f'<h2>{escape(heading)}</h2>\n<div class="pair">{row}</div>')
    body = '\n'.join(parts)
    write_text(
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        f'<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n'
        f'<h1>{escape(title)}</h1>\n{body}\n</html>\n',
        path,
    )


def _figure(caption: str, file: Path, folder: Path) -> str:
    address, caption = quote(file.relative_to(folder).as_posix()), escape(caption)
    image = f'<a href="{address}"><img src="{address}" alt="{caption}"></a>'
    return f'<figure><figcaption>{caption}</figcaption>{image}</figure>'
