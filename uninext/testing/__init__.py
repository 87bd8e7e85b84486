"""Helpers of tests and checks: of parity, and of what a GPU would not forgive.

``pretend_device``: a device that every machine has; it refuses tensors of the host and
counts the waits for it.

Only ``tools/analysis_tools/check_parity.py`` uses the others:
``random_weights``: random weights of the published network for a key table;
``random_model``: a network of ours with them.
``stored_numbers``: what the published network computed with them.
``parity``, ``parity_losses``: how far ours is from that, with what both need,
``parity_inputs``; ``proposal_order``: takes proposals of equal score the other way.
``video_numbers``: what the published inference found in videos; ``parity_video``: how
far what our sessions find is from that, by ``parity_targets`` (with
``parity_templates``), ``parity_categories`` and what they share, ``parity_run``.
"""
