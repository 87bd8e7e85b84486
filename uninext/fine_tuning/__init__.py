"""Fine-tune a model on data of users: read, plan, write the config, report.

``folder``: annotations and images in a user's folder.
``data``: annotations of users, read, checked and split; ``checks``, ``scenes`` for it.
``plan``: the start model, what is decided, and the config of it; ``config_lines``.
``work_dir``: the folder of a run, whose earlier contents are not lost unasked.
``short_training``: train and evaluate.
``prediction_sheet``: images of predictions beside the ground truth.
"""

from uninext.fine_tuning.data import OwnPart, OwnSet, read_own_data, read_own_set
from uninext.fine_tuning.plan import (
    FineTuning,
    StartModel,
    config_text,
    figures_table,
    find_start,
)
from uninext.fine_tuning.prediction_sheet import draw_predictions

__all__ = [
    'FineTuning',
    'OwnPart',
    'OwnSet',
    'StartModel',
    'config_text',
    'draw_predictions',
    'figures_table',
    'find_start',
    'read_own_data',
    'read_own_set',
]
