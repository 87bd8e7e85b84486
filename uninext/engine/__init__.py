"""Training and testing as a config says: the runner, its loops and hooks.

``runner``: what a run is made of, in which order.
``loops``: training by iteration, resumed exactly.
``interruption``: Ctrl-C that waits until an iteration is whole.
``gathering``: what a checkpoint of a training holds.
``same_checkpoint``: all processes load the same file, or none.
``hanging``: a process that hangs ends, and says where.
``video_loop``: testing videos frame by frame.
``hooks``: seeds, losses per source.
``log_processor``: the progress line.
``bfloat16_optim_wrapper``: mixed precision on any device.
``distributed``: processes without GPUs.
``freezing``: parts that learn nothing.
"""

from uninext.engine.bfloat16_optim_wrapper import BFloat16OptimWrapper
from uninext.engine.distributed import has_accelerator, init_cpu_group
from uninext.engine.freezing import freeze_parameters
from uninext.engine.hooks import SeedIterHook, SourceLossHook
from uninext.engine.log_processor import UninextLogProcessor
from uninext.engine.loops import ResumableIterTrainLoop
from uninext.engine.runner import UninextRunner
from uninext.engine.video_loop import VideoTestLoop

__all__ = [
    'BFloat16OptimWrapper',
    'ResumableIterTrainLoop',
    'SeedIterHook',
    'SourceLossHook',
    'UninextLogProcessor',
    'UninextRunner',
    'VideoTestLoop',
    'freeze_parameters',
    'has_accelerator',
    'init_cpu_group',
]
