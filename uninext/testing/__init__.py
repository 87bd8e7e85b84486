"""Helpers of tests and checks; nothing else imports this room.

``drawn_weights``: a key table enters, drawn weights of the published network leave.
"""

from uninext.testing.drawn_weights import (
    KeyRecord,
    draw_state_dict,
    draw_tensor,
    read_key_table,
)

__all__ = ['KeyRecord', 'draw_state_dict', 'draw_tensor', 'read_key_table']
