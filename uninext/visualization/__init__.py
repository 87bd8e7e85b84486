"""Visualization: pictures and data samples enter, drawn pictures leave.

``drawing``: masks, boxes, labels and captions onto arrays.
``contact_sheet``: many pictures onto one sheet.
``uninext_visualizer``: the visualizer that a config names.
"""

from uninext.visualization.contact_sheet import make_contact_sheet
from uninext.visualization.uninext_visualizer import UninextVisualizer

__all__ = ['UninextVisualizer', 'make_contact_sheet']
