"""The left side of both tabs: the image or video, and all ways to ask.

A component for the source enters; the components whose values ask a question leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from uninext.web.handlers import MarkHandlers
from uninext.web.painter import build_painter

VIEW_HEIGHT = 260  # pixels; leaves room for the prompts on a laptop
CLICK_HINT = 'Click two opposite corners. Several boxes are several objects.'
PAINT_HINT = 'Paint over an object, roughly. Another colour is another object.'


@dataclass(frozen=True)
class PromptPanel:
    """Components of a question, in the order that handlers take them."""

    source: gr.Image | gr.Video
    categories: gr.Textbox
    expressions: gr.Textbox
    boxes: gr.Textbox
    painting: gr.HTML
    threshold: gr.Slider
    ask: gr.Button
    view: gr.Image
    corner: gr.State

    @property
    def inputs(self) -> list[Any]:
        """What is asked."""
        return [
            self.source,
            self.categories,
            self.expressions,
            self.boxes,
            self.painting,
            self.threshold,
        ]

    @property
    def typed(self) -> list[Any]:
        """What an example fills in."""
        return [self.source, self.categories, self.expressions, self.boxes]


def build_panel(
    source: gr.Image | gr.Video, handlers: MarkHandlers, key: str, threshold: float
) -> PromptPanel:
    """Lay out and wire the panel inside of the block that is open.

    Args:
        source: Where the image or video is given; not rendered yet.
        handlers: Of the clicks.
        key: Begins the ids of elements, e.g. ``'image'``.
        threshold: Where the slider starts.
    """
    word = 'image' if isinstance(source, gr.Image) else 'first frame'
    with gr.Tabs():
        with gr.Tab(source.label, elem_id=f'{key}-tab-source'):
            source.render()
        with gr.Tab('Box', elem_id=f'{key}-tab-box'):
            view, boxes, undo, clear = _box_tab(word, key)
        with gr.Tab('Paint', elem_id=f'{key}-tab-paint'):
            _hint(PAINT_HINT)
            painting = build_painter(word, key)
    categories, expressions = text_fields(key)
    slider, ask = _ask_row(key, threshold)
    panel = PromptPanel(
        *(
            source,
            categories,
            expressions,
            boxes,
            painting,
            slider,
            ask,
            view,
            gr.State(),
        )
    )
    _wire(panel, handlers, undo, clear)
    return panel


def _hint(text: str) -> None:
    page = f'<p class="un-hint">{text}</p>'
    gr.HTML(page, padding=False, elem_classes='un-html')


def _box_tab(word: str, key: str) -> tuple[gr.Image, gr.Textbox, gr.Button, gr.Button]:
    _hint(CLICK_HINT)
    view = gr.Image(
        label=f'Click on the {word}',
        interactive=False,
        height=VIEW_HEIGHT,
        format='jpeg',
        buttons=[],
        elem_id=f'{key}-view',
    )
    with gr.Row(elem_classes='un-row'):
        boxes = gr.Textbox(
            label='Boxes',
            info='One a line: left top right bottom, in pixels.',
            lines=1,
            max_lines=4,
            scale=3,
            min_width=180,
            elem_id=f'{key}-boxes',
        )
        undo = gr.Button('Undo', size='sm', min_width=60, elem_id=f'{key}-undo')
        clear = gr.Button('Clear', size='sm', min_width=60, elem_id=f'{key}-clear')
    return view, boxes, undo, clear


def text_fields(key: str) -> tuple[gr.Textbox, gr.Textbox]:
    """Categories and expressions, side by side."""
    with gr.Row():
        categories = gr.Textbox(
            label='Categories',
            placeholder='star, ring',
            info='All that is one of them.',
            lines=2,
            max_lines=4,
            min_width=150,
            elem_id=f'{key}-categories',
        )
        expressions = gr.Textbox(
            label='Expressions',
            placeholder='the small red star',
            info='One object each; one a line.',
            lines=2,
            max_lines=4,
            min_width=150,
            elem_id=f'{key}-expressions',
        )
    return categories, expressions


def _ask_row(key: str, threshold: float) -> tuple[gr.Slider, gr.Button]:
    with gr.Row(elem_classes='un-row'):
        slider = gr.Slider(
            *(0.0, 1.0, threshold),
            step=0.05,
            label='Score threshold',
            info='For categories; all else always answers.',
            scale=3,
            min_width=150,
            elem_id=f'{key}-threshold',
        )
        ask = gr.Button(
            'Find' if key == 'image' else 'Track',
            variant='primary',
            scale=2,
            min_width=120,
            elem_id=f'{key}-ask',
        )
    return slider, ask


def _wire(
    panel: PromptPanel, handlers: MarkHandlers, undo: gr.Button, clear: gr.Button
) -> None:
    """Let the image, the boxes and the painting follow each other."""
    quiet: dict[str, Any] = dict(show_progress='hidden', api_visibility='private')
    marks = [panel.boxes, panel.corner, panel.view]
    gr.on(
        [panel.source.upload, panel.source.clear],
        handlers.clear,
        panel.source,
        marks,
        **quiet,
    )
    panel.source.change(handlers.under_brush, panel.source, panel.painting, **quiet)
    state = [panel.source, panel.boxes, panel.corner]
    # Clicks that come fast wait for each other instead of being dropped.
    panel.view.select(
        handlers.click,
        state,
        marks,
        trigger_mode='multiple',
        concurrency_limit=1,
        **quiet,
    )
    undo.click(handlers.undo, state, marks, **quiet)
    clear.click(handlers.clear, panel.source, marks, **quiet)
    panel.boxes.input(handlers.redraw, state[:2], marks[1:], **quiet)
