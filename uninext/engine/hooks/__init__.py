"""Hooks of training: seeds and logs.

``seed_iter_hook``: randomness as a function of the iteration.
``source_loss_hook``: the loss of each data source, and logs of bounded length.
"""

from uninext.engine.hooks.seed_iter_hook import SeedIterHook
from uninext.engine.hooks.source_loss_hook import SourceLossHook

__all__ = ['SeedIterHook', 'SourceLossHook']
