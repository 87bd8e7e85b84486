"""The command line: arguments enter, an exit status leaves.

One module per subcommand (``train``, ``test``, ``convert``, ``info``), each with
``add_arguments``, ``run`` and ``DESCRIPTION``; the scripts in ``tools/`` call the same
functions. No module here imports torch at the top: ``--help`` answers at once.
"""

from uninext.cli.command import build_parser, main

__all__ = ['build_parser', 'main']
