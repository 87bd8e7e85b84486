"""Visualization: pictures and data samples enter, drawn pictures leave.

``drawing``: masks, boxes, labels and captions onto arrays.
``sample_pictures``: samples as the network gets them, pairs of frames side by side.
``tracks``: what a video session found in a frame.
``contact_sheet``: many pictures onto one sheet.
``uninext_visualizer``: the visualizer that a config names.
"""

from uninext.visualization.contact_sheet import make_contact_sheet
from uninext.visualization.sample_pictures import draw_sample
from uninext.visualization.tracks import draw_tracks
from uninext.visualization.uninext_visualizer import UninextVisualizer

__all__ = ['UninextVisualizer', 'draw_sample', 'draw_tracks', 'make_contact_sheet']
