"""From predictions to labels: files of labelling tools, and a page to review them.

``labeller``: the run, which may be killed at any moment; ``units``: what it labels.
``journal``: what was predicted so far. ``bands``: accepted, reviewed, dropped.
``sets``: the journal as sets; ``layouts``: how each tool wants them; ``set_folder``
leaves alone what people corrected. ``page``: thumbnails in the browser.
``backend``: what Label Studio asks of a model; ``interface`` of a project, ``server``.
``drawn_videos``: what people drew there, to train on.
"""

from uninext.labelling.bands import BANDS, Bands
from uninext.labelling.drawn_videos import DrawnSet, write_drawn_videos
from uninext.labelling.labeller import label
from uninext.labelling.layouts import LAYOUTS
from uninext.labelling.sets import Labelled

__all__ = [
    'BANDS',
    'LAYOUTS',
    'Bands',
    'DrawnSet',
    'Labelled',
    'label',
    'write_drawn_videos',
]
