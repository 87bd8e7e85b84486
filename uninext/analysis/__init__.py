"""What trainings and networks cost and draw, as tables and images.

``run_logs``: logs of trainings as tables; ``curves``: as images.
``costs``: parameters and operations of a network by part.
``timing``: seconds and memory of a call.
``training_draws``: how often sources are drawn, and their samples.
``random_clips``: batches as a dataloader gives them, to measure with.
"""

from uninext.analysis.costs import (
    NOT_COUNTED,
    PartCost,
    costs_table,
    count_costs,
    part_of,
)
from uninext.analysis.curves import draw_curves
from uninext.analysis.random_clips import random_clips
from uninext.analysis.run_logs import RunLog, read_run, smooth, summary_table
from uninext.analysis.timing import Timing, measure

__all__ = [
    'NOT_COUNTED',
    'PartCost',
    'RunLog',
    'Timing',
    'costs_table',
    'count_costs',
    'draw_curves',
    'measure',
    'part_of',
    'random_clips',
    'read_run',
    'smooth',
    'summary_table',
]
