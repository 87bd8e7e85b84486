"""The engine: a config's run enters, a trained model, logs and checkpoints leave.

``runner``: what a run is made of, in which order.
``loops``: training by iteration, resumed exactly.
``interruption``: Ctrl-C that waits until an iteration is whole.
``video_loop``: testing videos frame by frame.
``hooks``: seeds, losses per source, checkpoints that are never half-written.
``log_processor``: the progress line.
``checkpoint``: reading files safely and writing them whole.
``packaged_parts``: what files leave out because packages bring it.
``bfloat16_optim_wrapper``: mixed precision on any device.
``distributed``: processes without GPUs.
``freezing``: parts that learn nothing.
``screen``: what goes to the log file alone.
"""

from uninext.engine.bfloat16_optim_wrapper import BFloat16OptimWrapper
from uninext.engine.checkpoint import (
    KeyReport,
    find_loadable,
    load_checkpoint_file,
    load_state,
    load_weights,
    local_checkpoint,
    refusing_pickled_code,
    state_dict_of,
)
from uninext.engine.distributed import has_accelerator, init_cpu_group
from uninext.engine.freezing import freeze_parameters
from uninext.engine.hooks import SafeCheckpointHook, SeedIterHook, SourceLossHook
from uninext.engine.log_processor import UninextLogProcessor
from uninext.engine.loops import ResumableIterTrainLoop
from uninext.engine.packaged_parts import (
    PackagedPart,
    digest_of,
    packaged_parts_of,
    packaged_parts_text,
)
from uninext.engine.runner import UninextRunner
from uninext.engine.screen import file_only
from uninext.engine.video_loop import VideoTestLoop

__all__ = [
    'BFloat16OptimWrapper',
    'KeyReport',
    'PackagedPart',
    'ResumableIterTrainLoop',
    'SafeCheckpointHook',
    'SeedIterHook',
    'SourceLossHook',
    'UninextLogProcessor',
    'UninextRunner',
    'VideoTestLoop',
    'digest_of',
    'file_only',
    'find_loadable',
    'freeze_parameters',
    'has_accelerator',
    'init_cpu_group',
    'load_checkpoint_file',
    'load_state',
    'load_weights',
    'local_checkpoint',
    'packaged_parts_of',
    'packaged_parts_text',
    'refusing_pickled_code',
    'state_dict_of',
]
