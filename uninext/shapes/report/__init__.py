"""A checkpoint on all ten tasks: metrics, images and a video of the shapes suite.

``ten_tasks``: one checkpoint evaluated on all ten tasks, as a table.
``evaluated_scenes``: each image and video of a test run, evaluated by itself.
``ten_task_images``: two examples and a failure of every task, as pages and a video.
"""
