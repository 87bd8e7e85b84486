"""The command ``uninext``: one door to the commands of ``uninext.cli``."""

from __future__ import annotations

import argparse

from uninext.cli import convert, info, test, train
from uninext.version import __version__

COMMANDS = {'train': train, 'test': test, 'convert': convert, 'info': info}


def build_parser() -> argparse.ArgumentParser:
    """Build the parser with one subcommand per entry of ``COMMANDS``.

    Returns:
        The parser.
    """
    parser = argparse.ArgumentParser(
        prog='uninext',
        description='Find and follow instances in images and videos by prompt.',
    )
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.DESCRIPTION, description=module.DESCRIPTION
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit status.
    """
    args = build_parser().parse_args(argv)
    return args.run(args)
