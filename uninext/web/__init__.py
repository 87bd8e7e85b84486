"""The web demo: a page for images and videos.

A prompt of any kind may be given, and several at once. Needs the extra ``web``
(Gradio); nothing of the page comes from elsewhere, and nothing is sent anywhere.

``prompts``: what was typed and clicked, as prompts; ``strokes``: what was painted.
``shared_inferencer``: users take turns. ``pages``: HTML of what was found.
``marks``: boxes on the image that is clicked; ``painter``: the one painted on.
``examples``: scenes to try.
``uploads``: what visitors give, checked and read; ``sessions``: whose it is, and when
it goes; ``gate``: what every request passes.
``handlers``: what buttons do; ``videos``: with a video; ``reports``: what they say.
``runs``: videos that were tracked; ``corrections``: of their tracks, by clicks.
``panel``, ``correction_panel``, ``app``, ``style``: the page.
``errors``: messages for people. ``server``: starts it.
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec('gradio') is None:
    raise ImportError(
        'The web demo needs Gradio, which is not installed: '
        'pip install -r requirements/web.txt'
    )

from uninext.utils.serving_limits import ServingLimits  # noqa: E402
from uninext.web.app import build_app  # noqa: E402
from uninext.web.server import launch, serving  # noqa: E402

__all__ = ['ServingLimits', 'build_app', 'launch', 'serving']
