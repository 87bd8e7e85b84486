"""Bodies of the scripts in ``tools/misc`` and ``tools/analysis_tools``.

They print tables and save images. Each module has ``DESCRIPTION``,
``add_arguments``, ``run`` and ``main``, as those of the commands; none imports anything
heavy at the top. They are not imported here: each is a program of its own.

``print_config``: a config as it is resolved, or what differs from another.
``browse_dataset``: samples of a training, drawn as the network gets them.
``analyze_logs``: times and losses of trainings, as a table and as curves.
``get_flops``: parameters and operations by part.
``benchmark``: seconds and memory of training, images and videos.
``confusion_matrix``: which categories are taken for which.
"""

__all__: list[str] = []
