"""The left side of both tabs: the image or video, and all ways to ask."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from uninext.web.handlers import MarkHandlers
from uninext.web.painter import build_painter

VIEW_HEIGHT = 260  # pixels; leaves room for the prompts on a laptop
CLICK_HINT = 'Click two opposite corners. Several boxes are several objects.'
PAINT_HINT = 'Paint over an object, roughly. Another colour is another object.'
SHOWN_HINT = (
    'If another image shows the object, drop it in here: <b>Box</b> and <b>Paint</b> '
    'are then of it, and the object is looked for in the {}.'
)


class PromptPanel(NamedTuple):
    """Components of a question, in the order that handlers take them."""

    source: gr.Image | gr.Video
    categories: gr.Textbox
    expressions: gr.Textbox
    boxes: gr.Textbox
    painting: gr.HTML
    threshold: gr.Slider
    shown_in: gr.Image
    ask: gr.Button
    view: gr.Image
    corner: gr.State

    @property
    def inputs(self) -> list[Any]:
        """What is asked."""
        return list(self[:7])

    @property
    def typed(self) -> list[Any]:
        """What an example fills in."""
        return list(self[:4])


def build_panel(
    source: gr.Image | gr.Video,
    image_field: type,
    handlers: MarkHandlers,
    key: str,
    score_thr: float,
) -> PromptPanel:
    """Lay out and wire the panel; ``source`` is not rendered yet, ids have ``key``."""
    word = 'image' if isinstance(source, gr.Image) else 'first frame'
    with gr.Tabs():
        with gr.Tab(source.label, elem_id=f'{key}-tab-source'):
            source.render()
        with gr.Tab('Box', elem_id=f'{key}-tab-box'):
            view, boxes, undo, clear = _box_tab(word, key)
        with gr.Tab('Paint', elem_id=f'{key}-tab-paint'):
            hint(PAINT_HINT)
            painting = build_painter(word, key)
        with gr.Tab('Shown in', elem_id=f'{key}-tab-shown'):
            hint(SHOWN_HINT.format('image' if key == 'image' else 'video'))
            shown_in = image_field(
                label='Shown in',
                sources=['upload', 'clipboard'],
                height=VIEW_HEIGHT,
                format='jpeg',
                buttons=[],
                elem_id=f'{key}-shown',
            )
    categories, expressions = text_fields(key)
    with gr.Row(elem_classes='un-row'):
        slider = threshold_field(key, score_thr)
        ask = gr.Button(
            'Find' if key == 'image' else 'Track',
            variant='primary',
            scale=2,
            min_width=120,
            elem_id=f'{key}-ask',
        )
    asked = source, categories, expressions, boxes, painting, slider, shown_in
    panel = PromptPanel(*asked, ask, view, gr.State())
    _wire(panel, handlers, undo, clear)
    return panel


def html(value: str = '', elem_id: str | None = None) -> gr.HTML:
    """A piece of the page without a frame of its own."""
    return gr.HTML(value, padding=False, elem_classes='un-html', elem_id=elem_id)


def hint(text: str) -> None:
    """A line that says what to do."""
    html(f'<p class="un-hint">{text}</p>')


def _box_tab(word: str, key: str) -> tuple[gr.Image, gr.Textbox, gr.Button, gr.Button]:
    hint(CLICK_HINT)
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
        fields = [
            gr.Textbox(
                label=label,
                placeholder=placeholder,
                info=info,
                lines=2,
                max_lines=4,
                min_width=150,
                elem_id=f'{key}-{label.lower()}',
            )
            for label, placeholder, info in (
                ('Categories', 'star, ring', 'All that is one of them.'),
                ('Expressions', 'the small red star', 'One object each; one a line.'),
            )
        ]
    return tuple(fields)


def threshold_field(key: str, score_thr: float) -> gr.Slider:
    """The score threshold of categories, and where it begins."""
    return gr.Slider(
        *(0.0, 1.0, score_thr),
        step=0.05,
        label='Score threshold',
        info='For categories; all else always answers.',
        scale=3,
        min_width=150,
        elem_id=f'{key}-threshold',
    )


def _wire(
    panel: PromptPanel, handlers: MarkHandlers, undo: gr.Button, clear: gr.Button
) -> None:
    """Let the image, the boxes and the painting follow each other."""
    quiet: dict[str, Any] = dict(show_progress='hidden', api_visibility='private')
    marks = [panel.boxes, panel.corner, panel.view]
    images = [panel.source, panel.shown_in]
    state = [*images, panel.boxes, panel.corner]
    # Events that come fast wait for each other instead of being dropped.
    waiting = dict(trigger_mode='multiple', concurrency_limit=1)
    for image, change in zip(images, (handlers.new_source, handlers.clear)):
        gr.on([image.upload, image.clear], change, images, marks, **quiet)
    changes = [image.change for image in images]
    gr.on(changes, handlers.under_brush, images, panel.painting, **waiting, **quiet)
    panel.view.select(handlers.click, state, marks, **waiting, **quiet)
    undo.click(handlers.undo, state, marks, **quiet)
    clear.click(handlers.clear, images, marks, **quiet)
    panel.boxes.input(handlers.redraw, state[:3], marks[1:], **quiet)
