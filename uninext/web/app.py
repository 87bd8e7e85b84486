"""Build the page, a Gradio app."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from uninext.apis import UninextInferencer
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.utils.serving_limits import ServingLimits
from uninext.web.correction_panel import build_correction_panel, wire_corrections
from uninext.web.corrections import CorrectionHandlers
from uninext.web.examples import Example
from uninext.web.handlers import AskHandlers, MarkHandlers
from uninext.web.pages import live_image
from uninext.web.panel import (
    VIEW_HEIGHT,
    PromptPanel,
    build_panel,
    hint,
    html,
    text_fields,
    threshold_field,
)
from uninext.web.sessions import Sessions
from uninext.web.shared_inferencer import SharedInferencer
from uninext.web.uploads import fields_of, read_upload
from uninext.web.videos import (
    FIX,
    LIVE,
    WHOLE,
    VideoHandlers,
    first_frame_of,
    ready,
)

TITLE = 'uninext'
RESULT_HEIGHT = 400  # pixels
AT_ONCE = 4  # questions that share the network
NETWORK = dict(
    show_progress='hidden', concurrency_id='network', concurrency_limit=AT_ONCE
)
EVERY = 0.1  # seconds between frames of a camera, at least
KEPT = 600  # seconds for which the tracks of a camera that stopped are remembered
LONGEST = 1800  # seconds; who looks longer presses the button again
CAMERA = gr.WebcamOptions(
    mirror=False,  # expressions say left and right
    constraints={'video': {'width': {'ideal': 640}, 'height': {'ideal': 480}}},
)
CAMERA_HINT = 'Start the camera, and type what to track; change it whenever you like.'
# Examples are at the foot of the page, answers at its head.
TO_THE_TOP = '(...given) => { window.scrollTo(0, 0); return given; }'


def build_app(
    inferencer: UninextInferencer,
    model_name: str = '',
    images: Sequence[Example] = (),
    videos: Sequence[Example] = (),
    limits: ServingLimits | None = None,
    sessions: Sessions | None = None,
    score_thr: float = SCORE_THRESHOLD,
) -> gr.Blocks:
    """Build the page; :func:`uninext.web.launch` starts one.

    Args:
        inferencer: Answers.
        model_name: For the header.
        images: Examples at the foot of the page.
        videos: The same.
        limits: Of uploads and the queue.
        sessions: Own the files of visitors. None: files stay in Gradio's folder.
        score_thr: Where the score threshold of categories begins.
    """
    limits = limits or ServingLimits()
    if sessions is None:
        folder = get_upload_folder()
        Path(folder).mkdir(parents=True, exist_ok=True)
        sessions = Sessions(folder, limits.idle_minutes * 60)
    shared = SharedInferencer(inferencer)
    ask = AskHandlers(shared, sessions)
    watch = VideoHandlers(shared, sessions, limits)
    image_field, video_field, camera_field = fields_of(limits)
    app = gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True)
    with app:
        html(_header(model_name))
        with gr.Tabs(elem_classes='un-page'):
            with gr.Tab('Images', elem_id='tab-images'):
                marks = MarkHandlers(read_upload, sessions)
                fields = image_field, image_field
                _image_tab(ask, marks, fields, images, score_thr)
            with gr.Tab('Videos', elem_id='tab-videos'):
                marks = MarkHandlers(first_frame_of, sessions)
                fields = video_field, image_field
                fix = CorrectionHandlers(shared, sessions)
                kept = sessions.idle
                _video_tab(watch, fix, marks, fields, videos, score_thr, kept)
            with gr.Tab('Camera', elem_id='tab-camera'):
                _live_tab(ask, camera_field, score_thr)
        app.unload(watch.stop)
    return app.queue(
        max_size=limits.max_waiting,
        default_concurrency_limit=AT_ONCE,
        api_open=False,  # nobody asks past the queue
    )


def _image_tab(
    ask: AskHandlers,
    marks: MarkHandlers,
    fields: tuple[type, type],
    examples: Sequence[Example],
    score_thr: float,
) -> None:
    source_field, image_field = fields
    source = source_field(
        label='Image',
        sources=['upload', 'webcam', 'clipboard'],
        height=VIEW_HEIGHT,
        format='jpeg',
        buttons=['fullscreen'],
        elem_id='image-source',
        render=False,
    )
    with gr.Row():
        with gr.Column(min_width=300):
            panel = build_panel(source, image_field, marks, 'image', score_thr)
        with gr.Column(min_width=300):
            result = gr.Image(
                label='Found',
                show_label=False,  # it would hide what is in the corner
                interactive=False,
                height=RESULT_HEIGHT,
                format='png',
                buttons=['fullscreen'],
                elem_id='image-result',
            )
            status, table, saves = _report('image', 'Annotated image')
    asked = dict(
        fn=ask.image,
        inputs=panel.inputs,
        outputs=[result, status, table, *saves],
        **NETWORK,
    )
    panel.ask.click(**asked, api_name='image')
    _examples(examples, panel, marks, asked)


def _video_tab(
    watch: VideoHandlers,
    corrections: CorrectionHandlers,
    marks: MarkHandlers,
    fields: tuple[type, type],
    examples: Sequence[Example],
    score_thr: float,
    kept: float,
) -> None:
    source_field, image_field = fields
    source = source_field(
        label='Video',
        sources=['upload', 'webcam'],
        height=VIEW_HEIGHT,
        include_audio=True,  # False would need ffmpeg
        buttons=[],
        elem_id='video-source',
        render=False,
    )
    with gr.Row():
        with gr.Column(min_width=300):
            panel = build_panel(source, image_field, marks, 'video', score_thr)
            stop = gr.Button(
                'Stop and keep what is done',
                variant='stop',
                interactive=False,
                elem_id='video-stop',
            )
        with gr.Column(min_width=300):
            with gr.Tabs() as tabs:
                with gr.Tab('Newest frame', id=LIVE, elem_id='video-tab-live'):
                    live = html(live_image(None), 'video-live')
                with gr.Tab('Video', id=WHOLE, elem_id='video-tab-whole'):
                    player = gr.Video(
                        label='Annotated video',
                        interactive=False,
                        height=RESULT_HEIGHT,
                        autoplay=True,
                        loop=True,
                        buttons=[],
                        elem_id='video-result',
                    )
                with gr.Tab('Correct', id=FIX, elem_id='video-tab-fix') as tab:
                    fix = build_correction_panel(VIEW_HEIGHT, kept)
            status, table, saves = _report('video', 'Annotated video (mp4)')
    buttons = panel.ask, stop, fix.button
    outputs = [tabs, live, player, status, table, *saves, *buttons, fix.frame, fix.run]
    asked = dict(fn=watch.track, inputs=panel.inputs, outputs=outputs, **NETWORK)
    corrected = dict(fn=watch.correct, inputs=fix.inputs, outputs=outputs, **NETWORK)
    for event in (
        panel.ask.click(**asked, api_name='video'),
        fix.button.click(**corrected, api_name='correct'),
    ):
        event.failure(ready, fix.run, list(buttons), api_visibility='private')
    wire_corrections(fix, corrections, tab, NETWORK)
    stop.click(watch.stop, queue=False, api_visibility='private')
    _examples(examples, panel, marks, asked)


def _live_tab(ask: AskHandlers, field: type, score_thr: float) -> None:
    """Gradio sends a frame when the one before is answered; none is kept in a file."""
    with gr.Row():
        with gr.Column(min_width=300):
            hint(CAMERA_HINT)
            camera = field(
                label='Camera',
                sources=['webcam'],
                streaming=True,
                height=VIEW_HEIGHT,
                webcam_options=CAMERA,
                buttons=[],
                elem_id='live-source',
            )
            asked = *text_fields('live'), threshold_field('live', score_thr)
        with gr.Column(min_width=300):
            seen = html(live_image(None), 'live-result')
            status, table = html(elem_id='live-status'), html(elem_id='live-table')
    visit = gr.State(None, time_to_live=KEPT)
    camera.stream(
        ask.frame,
        [camera, *asked, visit],
        [seen, status, table, visit],
        stream_every=EVERY,
        time_limit=LONGEST,
        concurrency_id='live',
        concurrency_limit=AT_ONCE,
        show_progress='hidden',
        api_visibility='private',
    )


def _report(key: str, file_label: str) -> tuple[gr.HTML, gr.HTML, list[Any]]:
    """Status, table and buttons to download, below a result."""
    status, table = (html(elem_id=f'{key}-{part}') for part in ('status', 'table'))
    with gr.Row(elem_classes='un-buttons'):
        saves = [
            gr.DownloadButton(
                label, interactive=False, size='sm', elem_id=f'{key}-save-{i}'
            )
            for i, label in enumerate((file_label, 'Everything (JSON)'))
        ]
    return status, table, saves


def _examples(
    examples: Sequence[Example],
    panel: PromptPanel,
    marks: MarkHandlers,
    asked: dict[str, Any],
) -> None:
    """Rows that fill the fields and ask at once."""
    if not examples:
        return
    rows = gr.Examples(
        list(map(list, examples)),
        panel.typed,
        label='Examples: generated scenes, nothing is downloaded',
        cache_examples=False,
        api_visibility='private',
    )
    rows.load_input_event.then(
        marks.example,
        [panel.source, panel.boxes],
        [panel.shown_in, panel.corner, panel.view],
        js=TO_THE_TOP,
        show_progress='hidden',
        api_visibility='private',
    ).success(**asked, api_visibility='private')


def _header(model_name: str) -> str:
    model = f'model <code>{escape(model_name)}</code>' if model_name else ''
    return (
        f'<header class="un-header"><h1>{TITLE}</h1>'
        '<p>Ask by category names, by an expression, or by showing an object. Mix as '
        'you like.</p>'
        f'<p class="un-model">{model}</p></header>'
    )
