"""Export a network as small graphs that still take prompts, and ask them.

(``uninext.apis.exports`` writes *results*; this room writes *models*.)

``graphs``: the parts of a network as modules of tensors, at the joints where images,
prompts and rows meet. ``graph_files``: their formats. ``exporter``: writes them, runs
what was written beside the network, and keeps a folder only if all of it was verified.
``folder``: what is in one. ``exported_uninext``: a folder as what users ask.
"""

from uninext.export.exported_uninext import ExportedUNINEXT
from uninext.export.exporter import TOLERANCE, ExportReport, export_model
from uninext.export.folder import MANIFEST, read_folder
from uninext.export.graph_files import FORMATS
from uninext.export.graphs import Graph, graphs_of

__all__ = [
    'FORMATS',
    'MANIFEST',
    'TOLERANCE',
    'ExportReport',
    'ExportedUNINEXT',
    'Graph',
    'export_model',
    'graphs_of',
    'read_folder',
]
