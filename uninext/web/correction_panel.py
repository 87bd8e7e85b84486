"""The tab beside a tracked video in which a track is corrected."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from uninext.web.corrections import NO_VIDEO_YET, CorrectionHandlers
from uninext.web.painter import build_painter

KEY = 'correct'


class CorrectionPanel(NamedTuple):
    """Components of a correction, the first six in the order that handlers take them.

    Attributes:
        run: What was tracked.
        frame: Which one is looked at, from 0.
        track: Its number.
        box: Where the track is to be.
        painting: The same, painted.
        button: Corrects.
        view: The frame, to be clicked.
        note: What to do next.
        draft: See :class:`uninext.web.corrections.Draft`.
        again: Forgets what was clicked.
    """

    run: gr.State
    frame: gr.Slider
    track: gr.Number
    box: gr.Textbox
    painting: gr.HTML
    button: gr.Button
    view: gr.Image
    note: gr.HTML
    draft: gr.State
    again: gr.Button

    @property
    def inputs(self) -> list[Any]:
        """What is corrected."""
        return list(self[:5])

    @property
    def drafted(self) -> list[Any]:
        """Outputs of :class:`CorrectionHandlers`."""
        parts = self.view, self.note, self.draft, self.track, self.box, self.painting
        return list(parts)


def build_correction_panel(height: int, kept: float) -> CorrectionPanel:
    """Lay the tab out.

    Args:
        height: Of the frame, in pixels.
        kept: Seconds for which what was tracked can be corrected.
    """
    run, draft = (gr.State(None, time_to_live=kept) for _ in range(2))
    frame = gr.Slider(
        *(0, 1, 0),
        step=1,
        label='Frame',
        info='From 0.',
        interactive=False,
        elem_id=f'{KEY}-frame',
    )
    note = gr.HTML(
        NO_VIDEO_YET,
        padding=False,
        elem_id=f'{KEY}-note',
        elem_classes=['un-html', 'un-hint'],
    )
    with gr.Tabs():
        with gr.Tab('Click', elem_id=f'{KEY}-tab-click'):
            view = gr.Image(
                label='Click on a track',
                interactive=False,
                height=height,
                format='jpeg',
                buttons=[],
                elem_id=f'{KEY}-view',
            )
        with gr.Tab('Paint', elem_id=f'{KEY}-tab-paint'):
            painting = build_painter('frame', KEY)
    with gr.Row(elem_classes='un-row'):
        track = gr.Number(
            label='Track', precision=0, min_width=80, elem_id=f'{KEY}-track'
        )
        box = gr.Textbox(
            label='Box',
            info='Left top right bottom, in pixels.',
            scale=3,
            min_width=180,
            elem_id=f'{KEY}-box',
        )
        again = gr.Button('Clear', size='sm', min_width=60, elem_id=f'{KEY}-clear')
    button = gr.Button(
        'Correct, and track on from here',
        variant='primary',
        interactive=False,
        elem_id=f'{KEY}-ask',
    )
    return CorrectionPanel(
        *(run, frame, track, box, painting, button, view, note, draft, again)
    )


def wire_corrections(
    panel: CorrectionPanel,
    handlers: CorrectionHandlers,
    tab: gr.Tab,
    network: dict[str, Any],
) -> None:
    """Let the frame, the track and the box follow each other.

    Args:
        panel: Of the tab.
        handlers: What happens.
        tab: That the panel is in.
        network: Options of events that ask the network.
    """
    quiet: dict[str, Any] = dict(show_progress='hidden', api_visibility='private')
    shown = dict(fn=handlers.show, inputs=[panel.run, panel.frame], **quiet)
    gr.on([tab.select, panel.again.click], outputs=panel.drafted, **shown)
    scrubbed = dict(shown, trigger_mode='always_last')  # not every frame on the way
    panel.frame.input(outputs=panel.drafted, **scrubbed)
    state = [panel.run, panel.draft, panel.track, panel.box]
    typed = [panel.track.input, panel.box.input]
    gr.on(typed, handlers.typed, state, panel.drafted, **quiet)
    # Clicks that come fast wait for each other instead of being dropped.
    clicked = dict(network, trigger_mode='multiple', api_visibility='private')
    panel.view.select(handlers.click, state, panel.drafted, **clicked)
