"""A camera: its frames enter one by one, annotated frames leave.

Gradio sends a frame when the one before is answered, so a slow machine sees fewer
frames, and none late. Nothing of it is written to a file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import cv2
import gradio as gr
import numpy as np

from uninext.apis import AskedPrompt, Result
from uninext.web.answers import AT_ONCE, Answering, plot_for_page
from uninext.web.errors import for_people
from uninext.web.pages import instance_table, live_picture, status
from uninext.web.panel import VIEW_HEIGHT, text_fields
from uninext.web.prompts import NOTHING_ASKED, read_prompts

EVERY = 0.1  # seconds between frames, at least
KEPT = 600  # seconds for which the tracks of a camera that stopped are remembered
LONGEST = 1800  # seconds; who looks longer presses the button again
CAMERA = gr.WebcamOptions(
    mirror=False,  # sentences say left and right
    constraints={'video': {'width': {'ideal': 640}, 'height': {'ideal': 480}}},
)
HINT = 'Start the camera, and type what to follow; change it whenever you like.'


class LiveSession:
    """Follows names and sentences through the frames of one visitor's camera.

    Args:
        answering: Whose network is asked.
        names: As typed.
        sentences: As typed.

    Raises:
        ValueError: If nothing is asked for, or the model cannot follow.
    """

    def __init__(self, answering: Answering, names: str, sentences: str) -> None:
        prompts = read_prompts(names, sentences, None, None, (1, 1))
        self._answering = answering
        self._session = answering.open_session()
        asked = []
        if prompts.names:
            self._session.add(names=list(prompts.names))
            text = ', '.join(prompts.names)
            asked.append(AskedPrompt(text, prompts.names, single=False))
        for sentence in prompts.sentences:
            self._session.add(sentence=sentence)
            asked.append(AskedPrompt(sentence, (sentence,), single=True))
        self._asked = tuple(asked)  # in the order of their ids
        self._done = 0

    def look(self, picture: np.ndarray, score_thr: float) -> Result:
        """Find in the next frame.

        Args:
            picture: (H, W, 3) uint8 RGB.
            score_thr: Of names.
        """
        image = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        with self._answering.turn:
            found = self._session.step(image).pred_instances
        arrays = {name: value.cpu().numpy() for name, value in found.items()}
        single = np.array([prompt.single for prompt in self._asked])
        kept = (arrays['scores'] >= score_thr) | single[arrays['prompt_ids']]
        arrays = {name: value[kept] for name, value in arrays.items()}
        self._done += 1
        return Result(
            image=image,
            prompts=self._asked,
            boxes_xyxy=arrays['bboxes'],
            scores=arrays['scores'],
            label_ids=arrays['labels'],
            prompt_ids=arrays['prompt_ids'],
            track_ids=arrays['instances_ids'],
            masks=arrays.get('masks'),
            frame=self._done - 1,
        )


@dataclass
class Visit:
    """What is remembered of a visitor.

    Attributes:
        asked: What was typed: names, sentences.
        session: Follows it.
    """

    asked: tuple[str, str]
    session: LiveSession


class LiveHandlers:
    """What happens for every frame.

    Args:
        answering: Asks the network.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def frame(
        self,
        picture: np.ndarray | None,
        names: str,
        sentences: str,
        score_thr: float,
        visit: Visit | None,
    ) -> tuple[Any, ...]:
        """A frame arrived.

        Returns:
            Annotated frame, status, table, and what is remembered.
        """
        if picture is None:
            return gr.skip(), gr.skip(), gr.skip(), visit
        start = time.perf_counter()
        with for_people():
            asked = names or '', sentences or ''
            if not ''.join(asked).strip():
                seen = live_picture(picture[..., ::-1])
                return seen, status(NOTHING_ASKED.split('. ')[0] + '.'), '', None
            if visit is None or visit.asked != asked:
                visit = Visit(asked, LiveSession(self._answering, *asked))
            result = visit.session.look(picture, score_thr)
            seen = live_picture(plot_for_page(result))
            seconds = time.perf_counter() - start
            note = status(f'Frame {result.frame + 1}, answered in {seconds:.2f} s.')
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
            names, sentences = text_fields('live')
            slider = gr.Slider(
                *(0.0, 1.0, score_thr),
                step=0.05,
                label='Score threshold',
                info='For names; all else always answers.',
                elem_id='live-threshold',
            )
        with gr.Column(min_width=300):
            seen = gr.HTML(live_picture(None), elem_id='live-result', **plain)
            note = gr.HTML(elem_id='live-status', **plain)
            table = gr.HTML(elem_id='live-table', **plain)
    visit = gr.State(None, time_to_live=KEPT)
    camera.stream(
        LiveHandlers(answering).frame,
        [camera, names, sentences, slider, visit],
        [seen, note, table, visit],
        stream_every=EVERY,
        time_limit=LONGEST,
        concurrency_id='live',
        concurrency_limit=AT_ONCE,
        show_progress='hidden',
        api_visibility='private',
    )
