"""What trainings and networks cost: logs, models and calls enter, tables leave.

``run_logs``: logs of trainings as tables; ``curves``: as pictures.
``costs``: parameters and operations of a network by part.
``timing``: seconds and memory of a call.
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
