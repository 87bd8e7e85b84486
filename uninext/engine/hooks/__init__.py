"""Hooks of training: seeds, logs, and a stop at what is no number.

``finite_hook``: no step is taken by a gradient that is not finite.
``seed_iter_hook``: randomness as a function of the iteration.
``source_loss_hook``: the loss of each data source, and logs of bounded length.
``steady_logger_hook``: a full disk takes lines of the log, and no training.
"""

from uninext.engine.hooks.finite_hook import FiniteHook, NonFiniteGradient
from uninext.engine.hooks.seed_iter_hook import SeedIterHook
from uninext.engine.hooks.source_loss_hook import SourceLossHook
from uninext.engine.hooks.steady_logger_hook import SteadyLoggerHook

__all__ = [
    'FiniteHook',
    'NonFiniteGradient',
    'SeedIterHook',
    'SourceLossHook',
    'SteadyLoggerHook',
]
