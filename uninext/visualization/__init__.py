"""Images with what was found, or annotated, drawn on them.

``palette``: colours that all can tell apart.
``lettering``: labels that do not cover each other, captions that fit.
``labels``: names, scores, tracks and prompts as texts.
``drawing``: masks, boxes and labels onto arrays.
``sample_images``: samples as the network gets them, pairs of frames side by side.
``confusion_plot``: a confusion matrix.
``contact_sheet``: many images onto one sheet.
``uninext_visualizer``: the visualizer that a config names.
"""

from uninext.visualization.confusion_plot import draw_confusion
from uninext.visualization.contact_sheet import make_contact_sheet
from uninext.visualization.drawing import draw_instances
from uninext.visualization.sample_images import draw_sample
from uninext.visualization.uninext_visualizer import UninextVisualizer

__all__ = [
    'UninextVisualizer',
    'draw_confusion',
    'draw_instances',
    'draw_sample',
    'make_contact_sheet',
]
