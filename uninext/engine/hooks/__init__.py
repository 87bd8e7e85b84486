"""Hooks: the runner's moments enter, side effects leave (seeds, logs, files).

``seed_iter_hook``: randomness as a function of the iteration.
``source_loss_hook``: the loss of each data source, and logs of bounded length.
``safe_checkpoint_hook``: the new checkpoint is on disk before an old one goes.
"""

from uninext.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from uninext.engine.hooks.seed_iter_hook import SeedIterHook
from uninext.engine.hooks.source_loss_hook import SourceLossHook

__all__ = ['SafeCheckpointHook', 'SeedIterHook', 'SourceLossHook']
