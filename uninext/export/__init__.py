"""Export a network as small graphs that still take prompts.

(``uninext.apis.exports`` writes *results*; this room writes *models*.)

``graphs``: the parts of a network as modules of tensors, at the joints where images,
prompts and rows meet. ``exporter``: writes them, runs what was written beside the
network, and keeps a folder only if all of it was verified.
"""

from uninext.export.exporter import FORMATS, TOLERANCE, ExportReport, export_model
from uninext.export.graphs import Graph, graphs_of

__all__ = [
    'FORMATS',
    'TOLERANCE',
    'ExportReport',
    'Graph',
    'export_model',
    'graphs_of',
]
