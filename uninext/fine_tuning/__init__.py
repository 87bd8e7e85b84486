"""Fine-tune a model on data of users: ``uninext train --data``, ``make demo DATA=``.

``folder``: annotation files and images in a user's folder.
``data``: annotations of users, read, checked and split; ``checks``, ``splits``.
``plan``: the model to start from, and all that is decided.
``config``: the config of it; ``config_lines`` writes values as people do.
``work_dir``: the folder of a run, whose earlier contents are not lost unasked.
``report``: metrics before and after, predictions drawn, what to type next.
"""

from uninext.fine_tuning.config import config_text
from uninext.fine_tuning.data import OwnPart, OwnSet, read_own_data, read_own_set
from uninext.fine_tuning.plan import (
    FineTuning,
    StartModel,
    check_numbers,
    default_iters,
    find_start,
)

__all__ = [
    'FineTuning',
    'OwnPart',
    'OwnSet',
    'StartModel',
    'check_numbers',
    'config_text',
    'default_iters',
    'find_start',
    'read_own_data',
    'read_own_set',
]
