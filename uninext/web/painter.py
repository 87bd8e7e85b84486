"""The canvas that is painted on, a component of the page.

Its value is what :func:`uninext.web.strokes.read_painting` reads; ``painter.js`` does
the work in the browser. It is ours because Gradio 6.17's own editor keeps a browser
busy without end when it is given an image, and sends images where lines will do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from uninext.web.pages import data_uri
from uninext.web.strokes import BRUSH_COLORS, image_key

SCRIPT = Path(__file__).with_name('painter.js')
# Widths as shares of the shorter side; the middle one is pressed at first.
BRUSH_SHARES = {'small': 0.025, 'medium': 0.06, 'large': 0.15}
FIRST = ('red', 'medium')


def build_painter(word: str, key: str) -> gr.HTML:
    """Make the component to paint on a ``word``; ``key`` begins its id."""
    return gr.HTML(
        '',
        label=f'Paint on the {word}',
        html_template=_page(word),
        js_on_load=SCRIPT.read_text(encoding='utf-8'),
        apply_default_css=False,
        padding=False,
        image={},
        elem_id=f'{key}-painting',
        elem_classes='un-html',
    )


def under_brush(image: np.ndarray | None) -> dict[str, Any]:
    """What the painter shows of an image, (H, W, 3) uint8 RGB, as ``props.image``."""
    if image is None:
        return {}
    height, width = image.shape[:2]
    source = data_uri(np.ascontiguousarray(image[..., ::-1]))  # of BGR
    return dict(source=source, key=image_key(image), width=width, height=height)


def _page(word: str) -> str:
    colors = ''.join(
        _button(
            f'data-color="{i}" data-paint="{color}" style="color:{color}"',
            *(f'{name} brush', 'un-color', name in FIRST),
        )
        for i, (name, color) in enumerate(BRUSH_COLORS.items())
    )
    sizes = ''.join(
        _button(
            f'data-share="{share}" style="--dot:{50 * share**0.5:.0f}px"',
            *(f'{name} brush', 'un-size', name in FIRST),
        )
        for name, share in BRUSH_SHARES.items()
    )
    acts = ''.join(
        f'<button type="button" class="un-act" data-act="{act.lower()}" disabled '
        f'aria-label="{about}">{act}</button>'
        for act, about in (
            ('Undo', 'undo the last stroke'),
            ('Clear', 'remove all strokes'),
        )
    )
    return (
        '<div class="un-painter" data-under="">'
        f'<div class="un-tools" role="toolbar" aria-label="brush">'
        f'<span>{colors}</span><span>{sizes}</span><span>{acts}</span></div>'
        f'<div class="un-canvas"><img alt="" draggable="false">'
        f'<canvas role="img" aria-label="Paint on the {word}"></canvas></div>'
        f'<p class="un-nothing">There is no {word} yet.</p></div>'
    )


def _button(attributes: str, label: str, of_class: str, pressed: bool) -> str:
    return (
        f'<button type="button" class="{of_class}" {attributes} title="{label}" '
        f'aria-label="{label}" aria-pressed="{str(pressed).lower()}"></button>'
    )
