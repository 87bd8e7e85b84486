"""A camera: its frames enter one by one, annotated frames leave.

Gradio sends a frame when the one before is answered, so a slow machine sees fewer
frames, and none late. Nothing of it is written to a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import gradio as gr
import numpy as np

from uninext.apis import Result
from uninext.web.answers import AT_ONCE, Answering, plot_for_page
from uninext.web.errors import for_people
from uninext.web.pages import instance_table, live_image, status
from uninext.web.panel import VIEW_HEIGHT, text_fields
from uninext.web.prompts import NOTHING_ASKED, read_prompts

EVERY = 0.1  # seconds between frames, at least
KEPT = 600  # seconds for which the tracks of a camera that stopped are remembered
LONGEST = 1800  # seconds; who looks longer presses the button again
CAMERA = gr.WebcamOptions(
    mirror=False,  # expressions say left and right
    constraints={'video': {'width': {'ideal': 640}, 'height': {'ideal': 480}}},
)
HINT = 'Start the camera, and type what to track; change it whenever you like.'


@dataclass
class Visit:
    """What is remembered of a visitor.

    Attributes:
        asked: What was typed: categories, expressions.
        step: Tracks it, see :meth:`uninext.web.answers.Answering.track`.
        notes: What is to be said of what was typed.
    """

    asked: tuple[str, str]
    step: Callable[[np.ndarray, float], Result]
    notes: tuple[str, ...] = ()


class LiveHandlers:
    """What happens for every frame.

    Args:
        answering: Asks the network.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def frame(
        self,
        image: np.ndarray | None,
        categories: str,
        expressions: str,
        score_thr: float,
        visit: Visit | None,
    ) -> tuple[Any, ...]:
        """A frame arrived.

        Returns:
            Annotated frame, status, table, and what is remembered.
        """
        if image is None:
            return gr.skip(), gr.skip(), gr.skip(), visit
        start = time.perf_counter()
        with for_people():
            bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            asked = categories or '', expressions or ''
            if not ''.join(asked).strip():
                seen = live_image(bgr)
                return seen, status(NOTHING_ASKED.split('. ')[0] + '.'), '', None
            if visit is None or visit.asked != asked:
                prompts = read_prompts(*asked, None, None, image.shape[:2])
                prompts = self._answering.with_remarks(prompts)
                visit = Visit(asked, self._answering.track(prompts), prompts.notes)
            result = visit.step(bgr, score_thr)
            seen = live_image(plot_for_page(result))
            seconds = time.perf_counter() - start
            note = f'Frame {result.frame + 1}, answered in {seconds:.2f} s.'
            note = status(' '.join((note, *visit.notes)))
            return seen, note, instance_table(result), visit


def build_live_tab(answering: Answering, score_thr: float) -> None:
    """Lay out and wire the tab inside of the block that is open."""
    plain: dict[str, Any] = dict(padding=False, elem_classes='un-html')
    with gr.Row():
        with gr.Column(min_width=300):
            gr.HTML(f'<p class="un-hint">{HINT}</p>', **plain)
            camera = gr.Image(
                label='Camera',
                sources=['webcam'],
                streaming=True,
                height=VIEW_HEIGHT,
                webcam_options=CAMERA,
                buttons=[],
                elem_id='live-source',
            )
            categories, expressions = text_fields('live')
            slider = gr.Slider(
                *(0.0, 1.0, score_thr),
                step=0.05,
                label='Score threshold',
                info='For categories; all else always answers.',
                elem_id='live-threshold',
            )
        with gr.Column(min_width=300):
            seen = gr.HTML(live_image(None), elem_id='live-result', **plain)
            note = gr.HTML(elem_id='live-status', **plain)
            table = gr.HTML(elem_id='live-table', **plain)
    visit = gr.State(None, time_to_live=KEPT)
    camera.stream(
        LiveHandlers(answering).frame,
        [camera, categories, expressions, slider, visit],
        [seen, note, table, visit],
        stream_every=EVERY,
        time_limit=LONGEST,
        concurrency_id='live',
        concurrency_limit=AT_ONCE,
        show_progress='hidden',
        api_visibility='private',
    )
