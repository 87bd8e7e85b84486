"""What trainings and networks cost and draw, as tables and images.

``run_logs``: logs of trainings as tables; ``curves``: as images.
``costs``: parameters and operations of a network by part.
``timing``: seconds and memory of a call.
``training_draws``: how often sources are drawn, and their samples.
``speed_rows``, ``speed_growth``, ``speed_training``, ``speed_loader``,
``speed_commands``, ``speed_processes``: rows and curves of docs/performance.md, which
``speed_page`` makes of them; ``speed_inputs``: what they are measured with;
``speed_checks``: a slower way computes the same.
``random_clips``: batches as a dataloader gives them, to measure with.
"""
