"""Helpers of tests and checks; nothing else imports this room.

``random_weights``: a key table enters, random weights of the published network leave.
``random_model``: a network of ours with these weights.
``stored_numbers``: what the published network computed with them.
``parity``, ``parity_losses``: a model of ours and stored numbers enter, relative errors
leave; ``parity_shared``: what both need.
``video_numbers``: what the published inference found in videos; ``parity_video``: how
far what our sessions find is from that, by ``parity_targets`` (with
``parity_templates``), ``parity_names`` and what they share, ``parity_run``.
``proposal_order``: takes encoder proposals of equal score in another order.
"""

from uninext.testing.parity import compare_forward
from uninext.testing.parity_losses import compare_losses
from uninext.testing.parity_video import compare_video
from uninext.testing.proposal_order import ProposalOrder, Tie
from uninext.testing.random_model import build_random_model, config_suffix
from uninext.testing.random_weights import (
    KeyRecord,
    draw_state_dict,
    draw_tensor,
    read_key_table,
)
from uninext.testing.stored_numbers import Comparison, StoredNumbers, relative_error
from uninext.testing.video_numbers import SharpenedModel, VideoNumbers

__all__ = [
    'Comparison',
    'KeyRecord',
    'ProposalOrder',
    'SharpenedModel',
    'StoredNumbers',
    'Tie',
    'VideoNumbers',
    'build_random_model',
    'compare_forward',
    'compare_losses',
    'compare_video',
    'config_suffix',
    'draw_state_dict',
    'draw_tensor',
    'read_key_table',
    'relative_error',
]
