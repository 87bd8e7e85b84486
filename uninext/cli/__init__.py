"""The command line.

One module per subcommand, with ``DESCRIPTION``, ``add_arguments`` and ``run``; the
scripts in ``tools/`` call the same functions. No module here imports torch at the top:
``--help`` answers at once.

``predict`` (``predict_plan``, ``predict_report``, ``predict_bulk``): images and videos
into results.
``train`` (``fine_tune``, ``dry_run``), ``test``: configs into models and metrics.
``evaluate``: result files into metrics (``uninext eval``).
``check_data``: all problems of data sets (``uninext check-data``).
``shapes``: the generated suite.
``convert``: checkpoints between layouts. ``export``: a model as graphs.
``info``: what is installed. ``doctor`` (``doctor_packages``, ``doctor_network``):
whether it is fast, and works.
``demo``: the page in the browser. ``completion``: the TAB key.
``command``: the door to them all. ``common``: what they share.
"""

from uninext.cli.command import build_parser, main

__all__ = ['build_parser', 'main']
