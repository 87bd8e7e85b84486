"""What trainings and networks cost and draw, as tables and images.

``run_logs``: logs of trainings as tables; ``curves``: as images.
``costs``: parameters and operations of a network by part.
``timing``: seconds and memory of a call.
``training_draws``: how often sources are drawn, and their samples.
``random_clips``: batches as a dataloader gives them, to measure with.
"""
