"""Files of weights: loading, saving, converting, publishing.

``io``: read without running code, written whole.
``load``: weights into a model; every key must fit.
``packaged_parts``: what a file leaves out because a package brings it.
``hook``: checkpoints of a training; the old one goes when the new one is whole.
``background``: files that are written while a training goes on.
``carried_config``: the config that a file carries, as data.
``thresholds``: how sure predictions must be, as ``uninext calibrate`` found it.
``publish``: small files, in half precision.
``conversion``: from the published layout of keys to ours, and back.
"""

from uninext.checkpoint.hook import SafeCheckpointHook
from uninext.checkpoint.io import (
    fingerprint,
    load_file,
    local_file,
    read_meta,
    refusing_pickled_code,
    save_file,
    state_dict_of,
)
from uninext.checkpoint.load import find_loadable, load_state, load_weights
from uninext.checkpoint.packaged_parts import packaged_parts_of

__all__ = [
    'SafeCheckpointHook',
    'find_loadable',
    'fingerprint',
    'load_file',
    'load_state',
    'load_weights',
    'local_file',
    'packaged_parts_of',
    'read_meta',
    'refusing_pickled_code',
    'save_file',
    'state_dict_of',
]
